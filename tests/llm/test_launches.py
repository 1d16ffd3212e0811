"""How many operators a step launches per layer, and that it never waits: counted without a GPU.

The forward pass as on CUDA (tests/fake_cuda.py), the backward pass on the CPU with a CPU kernel for torch's
variable-length attention. Numbers of the first version: 142 operators forward at 7 clips in bf16 with LoRA and its
dropout, of which 7 were attention; 164 backward on the CPU without dropout.
"""

import numpy as np
import pytest
import torch
import varlen_on_cpu
from fake_cuda import Operators, forward_operators
from torch import nn
from torch._dynamo.testing import CompileCounter
from transformers import LlamaConfig, LlamaForCausalLM

from vn.llm import kernels
from vn.llm.attention import TREE
from vn.llm.kernels import prepared
from vn.llm.lora import add_lora
from vn.llm.norms import fuse_norms
from vn.llm.packing import Batch
from vn.llm.trees import Branch, Tree
from vn.narrator import VideoNarrator
from vn.settings import LoraSettings
from vn.train.compiled import compile_layers

FORWARD_BEFORE, BACKWARD_BEFORE = 142, 164
WAITS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique"}


@pytest.fixture(autouse=True)
def anywhere(monkeypatch):
    monkeypatch.setattr(kernels, "_no_varlen", lambda *_: "")
    varlen_on_cpu.register()


def narrator(layers, attention, dropout, dtype=torch.bfloat16):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=16,
    )
    llm = LlamaForCausalLM(config).to(dtype)
    llm.set_attn_implementation(TREE)
    fuse_norms(llm)
    llm = add_lora(llm, LoraSettings(rank=4, dropout=dropout))
    for name, parameter in llm.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.float()
    built = VideoNarrator(llm, width=8).train()
    built.attention = attention
    return built


def batch(clips, attention):
    """A video: 260 tokens before the second clip, about 100 more for each, 50 in each branch."""
    trunk = 160 + 100 * clips
    branches = tuple(Branch(trunk + 50 * n, trunk + 50 * n + 50, 203 + 100 * n) for n in range(clips - 1))
    trees = (Tree(0, trunk, branches),)
    length = trees[0].parts[-1].end
    zeros = torch.zeros(1, length, dtype=torch.long)
    return Batch(
        ids=zeros,
        mask=zeros + 1,
        trees=trees,
        position_ids=zeros,
        frames=torch.zeros(2, 2, 8, dtype=torch.float16),
        weights=torch.ones(2, 2),
        clip_positions=torch.zeros(2, dtype=torch.long),
        visual_index=torch.arange(4),
        target_index=torch.arange(10, 30),
        targets=torch.zeros(20, dtype=torch.long),
        weight=1.0,
        step_targets=20,
        keys=[],
        cut=0,
        prepared=prepared(trees, attention, "cuda"),
    )


def forward(layers, clips, attention="auto", **options):
    return forward_operators(narrator(layers, attention, **{"dropout": 0.05, **options}), batch(clips, attention))


def backward(layers, clips, attention="auto"):
    with torch.autocast("cpu", torch.bfloat16):
        loss = narrator(layers, attention, dropout=0.0)(batch(clips, attention))
    with Operators() as found:
        loss.backward()
    return found


def per_layer(measure, clips, **options):
    """The operators of one layer: those of two layers less those of one."""
    one, two = (measure(layers, clips, **options).names for layers in (1, 2))
    return [name for name in set(two) for _ in range(two.count(name) - one.count(name))]


def attention_calls(names):
    return [name for name in names if "attn" in name or "attention" in name]


@pytest.mark.parametrize("measure", [forward, backward])
def test_one_attention_operator_per_layer_and_line_however_many_clips(measure):
    few, many = (per_layer(measure, clips) for clips in (3, 40))
    assert len(attention_calls(few)) == 1
    assert sorted(few) == sorted(many)


def test_part_by_part_has_as_many_as_parts():
    """So that the count counts."""
    assert len(attention_calls(per_layer(forward, 7, attention="sdpa"))) == 7
    assert len(attention_calls(per_layer(backward, 7, attention="sdpa"))) == 7


def test_at_most_six_tenths_of_the_operators_of_the_first_version():
    assert len(per_layer(forward, 7)) <= 0.6 * FORWARD_BEFORE  # 75
    assert len(per_layer(forward, 7, attention="sdpa")) <= 0.7 * FORWARD_BEFORE  # 93; masks are made once per step
    assert (
        len(per_layer(backward, 7)) <= 0.75 * BACKWARD_BEFORE
    )  # 122, with the norms' chains, which CUDA does not have


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("attention", ["auto", "sdpa"])
def test_nothing_waits_for_the_device_or_is_copied_to_it(attention, dtype):
    """Once the batch is on the device; a number that Python reads, or a shape that depends on one, raises."""
    found = forward(2, 7, attention=attention, dtype=dtype)
    assert {name for name, devices in found.devices if "cpu" in devices} == set()
    assert WAITS.isdisjoint(found.names)
    assert WAITS.isdisjoint(backward(2, 7, attention).names)


@pytest.mark.parametrize(("attention", "more"), [("sdpa", 0), ("varlen", 3), ("flex", 9)])
def test_all_tensors_of_a_batch_are_pinned_and_moved(attention, more, monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: pinned.append(self) or self)
    here = batch(7, attention)
    here.pin_memory()
    assert len(pinned) == 9 + more
    there = here.to("meta")
    pinned.clear()
    there.pin_memory()
    assert {tensor.device.type for tensor in pinned} == {"meta"}


def test_auto_prepares_nothing_for_devices_that_have_sdpa_alone():
    trees = batch(3, "sdpa").trees
    assert prepared(trees, "auto", "cpu") is prepared(trees, "auto", "mps") is prepared(trees, "sdpa", "cuda") is None
    found = prepared(trees, "auto", "cuda")
    np.testing.assert_array_equal(found.query_ends, [0, 460, 510, 560])
    np.testing.assert_array_equal(found.key_ends, [0, 460, 460 + 253, 460 + 253 + 353])
    assert (found.most_queries, found.most_keys) == (460, 460)


def test_one_compiled_graph_serves_all_layers_and_lengths(monkeypatch):
    """Gathered keys, and how long sequences are, are inputs of the graph like any other."""
    torch._dynamo.reset()
    built, counter = narrator(3, "auto", dropout=0.1), CompileCounter()
    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda *a, **others: plain(*a, backend=counter, **others))
    compile_layers(built)
    counts = []
    for clips in (2, 3, 5):
        with torch.autocast("cpu", torch.bfloat16):
            built(batch(clips, "auto")).backward()
        counts.append(counter.frame_count)
    assert counts[0] <= 2  # what the first layer reads comes from no layer, and gets one of its own
    assert counts == [counts[0]] * 3
