"""Which kernel attends over a line: by setting, device, type and model; and the check of variable-length attention."""

import logging

import pytest
import torch
import varlen_on_cpu
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from transformers import LlamaConfig, Qwen2Config

from vn.errors import InputError
from vn.llm import kernels, varlen
from vn.llm.flex import Flex
from vn.llm.kernels import Heads, checked, kernel, prepared
from vn.llm.parts import Parts
from vn.llm.trees import Branch, Tree
from vn.llm.varlen import Gathered

TREES = (Tree(0, 5, (Branch(5, 8, 2),)),)
HEADS = Heads(queries=4, keys=2, width=16, dropout=0.0)
CPU = torch.device("cpu")


@pytest.fixture
def right(monkeypatch):
    """The check has found nothing wrong."""
    monkeypatch.setattr(kernels, "checked", lambda *_: "")


@pytest.fixture
def on_cpu():
    varlen_on_cpu.register()
    checked.cache_clear()
    varlen._call.cache_clear()
    yield
    checked.cache_clear()
    varlen._call.cache_clear()


def choose(attention, device, dtype=torch.bfloat16, heads=HEADS, made=None):
    with FakeTensorMode():
        inputs = torch.empty(1, 8, 64, device=device, dtype=dtype)
        return kernel(TREES, made, attention, heads, inputs)


@pytest.mark.usefixtures("right")
def test_auto_is_varlen_on_cuda_in_half_precision_and_else_sdpa():
    assert isinstance(choose("auto", "cuda"), Gathered)
    assert isinstance(choose("auto", "cuda", torch.float16), Gathered)
    assert isinstance(choose("auto", "cuda", torch.float32), Parts)
    assert isinstance(choose("auto", "cpu"), Parts)
    assert isinstance(choose("auto", "mps"), Parts)
    assert isinstance(choose("auto", "cuda", heads=Heads(4, 4, 16, dropout=0.1)), Parts)
    assert isinstance(choose("auto", "cuda", heads=Heads(4, 4, 320, 0.0)), Parts)
    assert isinstance(choose("auto", "cuda", heads=Heads(4, 4, 12, 0.0)), Parts)


@pytest.mark.usefixtures("right")
def test_each_can_be_chosen():
    assert isinstance(choose("sdpa", "cuda"), Parts)
    assert isinstance(choose("varlen", "cuda"), Gathered)
    assert isinstance(choose("flex", "cuda", torch.float32), Flex)


@pytest.mark.usefixtures("right")
def test_what_was_prepared_is_used_and_what_is_missing_is_made():
    with FakeTensorMode():
        made = prepared(TREES, "auto", "cuda")
    assert choose("auto", "cuda", made=made) is made
    assert choose("auto", "cuda", made=None).keys.device.type == "cuda"
    with FakeTensorMode():
        blocks = prepared(TREES, "flex", "cuda")
    assert isinstance(choose("varlen", "cuda", made=blocks), Gathered)


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize(
    ("attention", "device", "dtype", "heads", "message"),
    [
        ("varlen", "cpu", torch.bfloat16, HEADS, "varlen runs on CUDA only, not on cpu"),
        ("varlen", "mps", torch.bfloat16, HEADS, "varlen runs on CUDA only, not on mps"),
        ("varlen", "cuda", torch.float32, HEADS, "varlen computes in float16 or bfloat16, not in float32"),
        ("varlen", "cuda", torch.bfloat16, Heads(4, 4, 8, 0.1), "varlen has no attention dropout, which the base"),
        (
            "varlen",
            "cuda",
            torch.bfloat16,
            Heads(4, 4, 320, 0.0),
            "varlen takes heads of up to 256 that are a multiple",
        ),
        ("flex", "cpu", torch.float32, HEADS, "flex trains on CUDA only"),
        ("flex", "mps", torch.float32, HEADS, "flex trains on CUDA only"),
        (
            "flex",
            "cuda",
            torch.float32,
            Heads(4, 4, 8, 0.1),
            "flex has no attention dropout, which the base model uses",
        ),
    ],
)
def test_a_kernel_that_does_not_work_here_is_refused(attention, device, dtype, heads, message):
    with pytest.raises(InputError, match=rf"^model\.attention: {message}.*; use sdpa$"):
        choose(attention, device, dtype, heads)


def test_under_autocast_its_type_decides():
    with torch.autocast("cpu", torch.bfloat16):
        assert kernels.computed_in(torch.zeros(1)) == torch.bfloat16
    assert kernels.computed_in(torch.zeros(1)) == torch.float32


def test_heads_of_a_model():
    config = LlamaConfig(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, attention_dropout=0.1)
    assert Heads.of(config, training=True) == Heads(4, 2, 16, 0.1)
    assert Heads.of(config, training=False) == Heads(4, 2, 16, 0.0)
    assert Heads.of(Qwen2Config(hidden_size=64, num_attention_heads=4, num_key_value_heads=4), True).width == 16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.usefixtures("on_cpu")
def test_the_check_passes_if_both_agree_and_touches_no_random_state(dtype, caplog):
    before = torch.random.get_rng_state()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert checked(CPU, dtype, HEADS) == ""
    with torch.inference_mode():
        assert checked(CPU, dtype, Heads(4, 4, 16, 0.0)) == ""
    assert torch.equal(torch.random.get_rng_state(), before)
    assert caplog.records == []


def top_left(known):
    """Causality aligned with the beginning of the keys, as FlashAttention had it before version 2.1."""

    def call(q, k, v, query_ends, key_ends, most_q, most_k, **options):
        lengths = query_ends.diff()
        starts = key_ends[:-1].long()
        seen = torch.cat([start + torch.arange(int(n)) for start, n in zip(starts, lengths, strict=True)])
        return known(q, k[seen], v[seen], query_ends, query_ends, most_q, most_q, **options)

    return call


def wrong_gradient(known):
    """As from parts that are merged by a log-sum-exp through which no gradient flows."""

    def call(q, *rest, **options):
        return known(q * 2 - q.detach(), *rest, **options)

    return call


def fails(known):
    def call(*args, **options):
        raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.\nmore")

    return call


def fails_without_a_word(known):
    def call(*args, **options):
        raise AssertionError

    return call


def not_a_number(known):
    return lambda *args, **options: known(*args, **options) * torch.nan


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (top_left, r"differs from sdpa by [\d.]+ of the norm on this device"),
        (wrong_gradient, r"differs from sdpa by 1 of the norm on this device"),
        (not_a_number, r"differs from sdpa by nan of the norm on this device"),
        (fails, r"does not run on this device \(RuntimeError: FlashAttention only supports Ampere GPUs or newer\.\)"),
        (fails_without_a_word, r"does not run on this device \(AssertionError: \)"),
    ],
)
@pytest.mark.usefixtures("on_cpu")
def test_a_kernel_that_is_wrong_here_is_not_used_and_logged_once(break_it, message, monkeypatch, caplog):
    known, grouped = varlen._call()
    monkeypatch.setattr(varlen, "_call", lambda: (break_it(known), grouped))
    checks = checked

    def on_the_cpu(device, dtype, heads):
        with unset_fake_temporarily():
            return checks(CPU, dtype, heads)

    monkeypatch.setattr(kernels, "checked", on_the_cpu)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert isinstance(choose("auto", "cuda"), Parts)
    (record,) = caplog.records
    assert record.getMessage().startswith("model.attention: varlen ")
    assert record.getMessage().endswith("; sdpa is used instead")
    with pytest.raises(InputError, match=rf"^model\.attention: varlen {message}; use sdpa$"):
        choose("varlen", "cuda")
