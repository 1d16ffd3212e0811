"""CUDA graphs, as far as they can be tested without a GPU: what may be captured, and when it is."""

import logging

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vn.generation.decoder import Decoder, Read, Slot
from vn.generation.graphs import BEFORE, MOST, Graphs
from vn.llm.slots import SlotCache

CPU = torch.device("cpu")


class Devices(TorchDispatchMode):
    """Notes every operator, and those that touch the host: a tensor of the CPU, or a copy to or from it."""

    def __init__(self):
        super().__init__()
        self.operators, self.hosts = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.operators.append(str(func))
        # A number of no dimension is an argument of a kernel.
        found = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, torch.Tensor) and x.dim()]
        if any(x.device.type != "cuda" for x in found):
            self.hosts.append(str(func))
        return result


def onto_fake_cuda(module):
    """Parameters and buffers become fakes on a CUDA device; to be called under a `FakeTensorMode`."""
    for part in module.modules():
        for name, p in part._parameters.items():
            if p is not None:
                part._parameters[name] = nn.Parameter(torch.empty(p.shape, dtype=p.dtype, device="cuda"), False)
        for name, b in part._buffers.items():
            if b is not None:
                part._buffers[name] = torch.empty(b.shape, dtype=b.dtype, device="cuda")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("hooked", [False, True], ids=["plain", "transformers"])
def test_a_static_pass_stays_on_the_device(make, hooked, dtype):
    """No wait for the device, no copy to or from it, no shape that depends on data: with LoRA, under fakes on CUDA."""
    narrator = make().narrator.eval()
    narrator.llm.to(dtype)
    if hooked:
        narrator.causal_lm.get_decoder().layers[0].register_forward_hook(lambda *_: None)
    with FakeTensorMode(), torch.inference_mode():
        onto_fake_cuda(narrator)
        decoder = Decoder(narrator)
        assert decoder.static is not None
        static = decoder.static
        assert static.graphs is not None
        static._inputs = static._inputs.new_zeros(3, 4)
        static._compute(4, 512)  # allocates the cache
        version = decoder.cache.version
        with Devices() as seen:
            logits = static._compute(4, 512)
        assert logits.shape == (4, narrator.causal_lm.config.vocab_size)
        assert (logits.dtype, logits.device.type) == (torch.float32, "cuda")
    assert decoder.cache.version == version == 2
    assert seen.hosts == []
    assert len(seen.operators) > 50
    waits = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal.default", "unique", "masked_select")
    assert [name for name in seen.operators if any(wait in name for wait in waits)] == []


def test_the_devices_are_noticed():
    with FakeTensorMode(), Devices() as seen:
        there = torch.zeros(3, device="cuda")
        there.cpu()
        torch.ones(3)
    assert len(seen.hosts) >= 2


def test_quantized_weights_are_not_captured(make):
    narrator = make().narrator.eval()
    with FakeTensorMode():
        onto_fake_cuda(narrator)
        assert Decoder(narrator).static is not None
        assert Decoder(narrator, static=False).static is None
        narrator.causal_lm.hf_quantizer = object()
        assert Decoder(narrator).static is None


class Tape:
    """In place of a captured graph: replaying calls the function."""

    def __init__(self, compute, result):
        self.compute, self.result = compute, result

    def replay(self):
        self.result.copy_(self.compute())


@pytest.fixture
def graphs(monkeypatch):
    """Graphs whose device is the CPU."""

    def capture(self, compute):
        self.captured += 1
        result = torch.zeros_like(compute())
        return Tape(compute, result), result

    monkeypatch.setattr(Graphs, "_warm_up", lambda self, compute: compute())
    monkeypatch.setattr(Graphs, "_capture", capture)
    return Graphs(CPU)


def test_what_is_called_often_is_captured_and_replayed(graphs):
    state = torch.zeros(2)
    found = []
    for n in range(6):
        state.fill_(n)
        found.append(graphs.run("a", lambda: state + 1))
    assert [x.tolist() for x in found] == [[n + 1.0] * 2 for n in range(6)]  # a later replay overwrites none
    assert graphs.captured == 1
    assert graphs.replayed == 6 - BEFORE


def test_few_graphs_are_kept_the_last_used(graphs):
    def often(key):
        for _ in range(BEFORE + 1):
            graphs.run(key, lambda: torch.ones(1))

    for key in range(MOST):
        often(key)
    graphs.run(0, lambda: torch.ones(1))
    often("new")  # 1 was the last used
    assert graphs.captured == MOST + 1
    assert len(graphs._known) == MOST
    before = graphs.replayed
    graphs.run(0, lambda: torch.ones(1))
    assert graphs.replayed == before + 1
    graphs.run(1, lambda: torch.ones(1))
    assert graphs.captured == MOST + 2


@pytest.mark.parametrize("broken", ["_warm_up", "_capture"])
def test_what_cannot_be_captured_is_called_with_one_warning(graphs, broken, monkeypatch, caplog):
    def fail(self, compute):
        compute()  # half of it happens
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(Graphs, broken, fail)
    found = [graphs.run("a", lambda: torch.full((2,), 3.0)).tolist() for _ in range(6)]
    assert found == [[3.0, 3.0]] * 6
    assert not graphs.on
    assert caplog.messages == [
        "writing without CUDA graphs, since one cannot be captured: operation not permitted when stream is capturing"
    ]


@pytest.mark.parametrize("wrong", [float("nan"), 1.5], ids=["nan", "other"])
def test_a_replay_that_differs_is_not_used(graphs, wrong, monkeypatch, caplog):
    class Bad(Tape):
        def replay(self):
            self.result.fill_(wrong)

    result = torch.zeros(2)
    monkeypatch.setattr(Graphs, "_capture", lambda self, compute: (Bad(compute, result), result))
    assert [graphs.run("a", lambda: torch.ones(2)).tolist() for _ in range(5)] == [[1.0, 1.0]] * 5
    assert not graphs.on
    assert len(caplog.messages) == 1
    assert "the replay differs by" in caplog.text


def test_a_replay_that_rounds_otherwise_is_used(graphs, monkeypatch, caplog):
    """In bfloat16 the products of a graph may be summed in another order."""

    class Rounded(Tape):
        def replay(self):
            self.result.fill_(1.03)

    result = torch.zeros(2)
    monkeypatch.setattr(Graphs, "_capture", lambda self, compute: (Rounded(compute, result), result))
    assert [graphs.run("a", lambda: torch.ones(2))[0].item() for _ in range(4)] == [1.0, 1.0, 1.0, pytest.approx(1.03)]
    assert graphs.on
    assert not caplog.messages


def test_out_of_memory_is_no_reason_to_go_without(graphs, monkeypatch):
    def fail(self, compute):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Graphs, "_warm_up", fail)
    with pytest.raises(torch.OutOfMemoryError):
        graphs.run("a", lambda: torch.ones(1))
    assert graphs.on


def test_graphs_are_forgotten_when_the_cache_moves(make, graphs, caplog):
    """As on CUDA, but for the device: replays through enlargements of the cache give what a plain decoder gives."""
    caplog.set_level(logging.WARNING)
    narrator = make().narrator.eval()
    found = []
    for static in (False, True):
        decoder, slots = Decoder(narrator, static), [Slot(0), Slot(1)]
        if decoder.static is not None:
            decoder.static.graphs = graphs
        logits = []
        with torch.inference_mode():
            decoder.answer([(slot, Read([5] * 250)) for slot in slots])
            for n in range(30):
                logits += decoder.answer([(slot, Read([(n + slot.number) % 300])) for slot in slots])
        found.append(torch.cat(logits))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
    assert graphs.captured == 2  # before and after it grew
    # 5 passes in 256 columns, of which one is spare; one that sees 256 of then 512; 24 that see all.
    assert graphs.replayed == (5 - BEFORE) + (24 - BEFORE)
    assert caplog.messages == []


def test_the_spare_column_is_never_a_storys():
    cache = SlotCache(spare=1)
    key = torch.zeros(1, 2, 1, 4)
    for columns in (1, 255, 256, 257, 511, 512, 2000):
        keys, _ = cache.room(0, key, 2, columns)
        assert keys.shape[2] > columns
    assert (cache.slots, cache.columns) == (2, keys.shape[2])
    cache.clear()
    assert (cache.slots, cache.columns) == (0, 0)
