"""What must not change a training step: how rows are packed, attended over, recomputed or distributed.

fp32 and no dropout (`toy_narrator`): losses and gradients agree to 1e-5.
"""

import copy

import numpy as np
import pytest
import torch
import varlen_on_cpu
from toy_narrator import SECONDS, STORY, T
from transformers import AutoModelForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

import vn.narrator
from vn.data.order import Video, deal
from vn.llm import kernels
from vn.llm.attention import TREE
from vn.llm.packing import collate, share
from vn.llm.parts import Parts
from vn.llm.varlen import Gathered
from vn.train.compiled import compile_layers


@pytest.fixture
def rows_and_videos(make, frames):
    """All clips of two videos, as a step may hold them."""
    other = (frames[::-1] * 3).astype(np.float16)
    builder = make().builder
    rows = [
        (n, builder.training_row(STORY, builder.plan(STORY, video, SECONDS, clip), clip))
        for n, video in enumerate((frames, other))
        for clip in STORY.narrated
    ]
    return rows, [frames, other]


def step(narrator, rows, videos, targets=None):
    """Loss and gradients of one micro-batch."""
    return step_of(narrator, collate(rows, videos, T, 0, targets))


def step_of(narrator, batch):
    narrator.zero_grad()
    loss = narrator(batch) / batch.step_targets
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in narrator.named_parameters() if p.grad is not None}


def assert_same(a, b, rel=1e-5):
    """To `rel` of the loss, and of each gradient's norm."""
    torch.testing.assert_close(a[0], b[0], rtol=rel, atol=0)
    assert a[1].keys() == b[1].keys()
    for name, gradient in a[1].items():
        assert (gradient - b[1][name]).norm() <= rel * gradient.norm() + 1e-9, name


def test_packed_is_separate(make, rows_and_videos):
    rows, videos = rows_and_videos
    narrator = make().narrator.train()
    assert_same(step(narrator, rows, videos), step(narrator, share(rows), videos))


def test_tree_is_dense_eager(make, rows_and_videos, monkeypatch):
    """The oracle: transformers' eager attention under an additive mask of all pairs, made from the rows."""
    rows, videos = rows_and_videos
    line = share(rows)
    narrator = make().narrator.train()
    ours = step(narrator, line, videos)

    def all_pairs(like):
        mask = torch.full((1, 1, len(line.ids), len(line.ids)), -torch.inf)
        for tree in line.trees:
            for part in tree.parts:
                row = [*range(tree.start, part.seen), *range(part.start, part.end)]
                for n, place in enumerate(row):
                    mask[0, 0, place, row[: n + 1]] = 0
        return mask

    monkeypatch.setattr(vn.narrator, "no_mask", all_pairs)
    narrator.causal_lm.set_attn_implementation("eager")
    assert_same(ours, step(narrator, line, videos))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_one_call_for_all_parts_is_part_by_part(make, rows_and_videos, monkeypatch, checkpointing):
    """As on CUDA: torch's operator, over what the loader's workers prepare, with a CPU kernel in float64."""
    rows, videos = rows_and_videos
    narrator = make().narrator.train().double()
    parts = step(narrator, share(rows), videos)
    varlen_on_cpu.register()
    monkeypatch.setattr(kernels, "_no_varlen", lambda *_: "")
    monkeypatch.setattr(Parts, "attend", None)  # is not called
    if checkpointing:
        narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
    assert_same(parts, step(narrator, share(rows), videos), rel=1e-6)
    prepared = collate(share(rows), videos, T, 0, prepare=lambda trees: kernels.prepared(trees, "varlen", "cpu"))
    assert isinstance(prepared.to("cpu").prepared, Gathered)
    narrator.attention = "varlen"
    assert_same(parts, step_of(narrator, prepared.to("cpu")), rel=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_is_not_compiled(make, rows_and_videos, checkpointing):
    """Trees with LoRA: loss, gradients, names of weights and what is written are the same."""
    rows, videos = rows_and_videos
    narrator = make().narrator.train()
    if checkpointing:
        narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
    names = narrator.state_dict().keys()
    plain = [step(narrator, share(some), videos) for some in (rows, rows[:2])]
    torch.compiler.reset()
    compile_layers(narrator)
    for some, expected in zip((rows, rows[:2]), plain, strict=True):
        assert_same(expected, step(narrator, share(some), videos))
    assert narrator.state_dict().keys() == names
    assert narrator.trainable_state().keys() <= names


def test_gradient_checkpointing_on_is_off(make, rows_and_videos):
    rows, videos = rows_and_videos
    narrator = make().narrator.train()
    off = step(narrator, share(rows), videos)
    narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
    assert_same(off, step(narrator, share(rows), videos))


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_dealt_into_micro_batches_is_one(make, rows_and_videos, parts):
    """Losses and gradients of the dealt parts, each divided by the step's tokens, sum to those of the whole step."""
    rows, videos = rows_and_videos
    narrator = make().narrator.train()
    whole = step(narrator, share(rows), videos)
    targets = sum(len(row.supervised) for _, row in rows)
    total, gradients = torch.zeros(()), {name: torch.zeros_like(g) for name, g in whole[1].items()}
    for part in deal([Video(0, 3, branch=50, trunk=90) for _ in videos], range(len(videos)), parts):
        chosen = [(u.video, rows[3 * u.video + clip][1]) for u in part for clip in u.clips]
        if not chosen:
            continue
        loss, found = step(narrator, share(chosen), videos, targets)
        total += loss
        for name, gradient in found.items():
            gradients[name] += gradient
    assert_same(whole, (total, gradients))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_bf16_mixed_runs_and_is_close(make, rows_and_videos, checkpointing):
    rows, videos = rows_and_videos
    narrator = make().narrator.train()
    exact = step(narrator, share(rows), videos)
    if checkpointing:
        narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
    with torch.autocast("cpu", torch.bfloat16):
        mixed = step(narrator, share(rows), videos)
    torch.testing.assert_close(mixed[0], exact[0], rtol=2e-2, atol=0)
    for name, gradient in exact[1].items():
        assert mixed[1][name].isfinite().all(), name
        assert torch.cosine_similarity(gradient.flatten(), mixed[1][name].flatten(), dim=0) > 0.95, name


@pytest.mark.parametrize(
    ("config", "model"),
    [(MistralConfig(sliding_window=4096), MistralForCausalLM), (Qwen2Config(attention_dropout=0.0), Qwen2ForCausalLM)],
    ids=["mistral", "qwen2"],
)
def test_other_models_of_the_family_work_unmodified(make, rows_and_videos, config, model):
    rows, videos = rows_and_videos
    narrator = make().narrator
    config = copy.deepcopy(config)
    config.update(
        {
            "vocab_size": narrator.causal_lm.config.vocab_size,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "layer_types": None,
        }
    )
    torch.manual_seed(0)
    narrator.llm = AutoModelForCausalLM.from_config(type(config)(**config.to_dict()))
    assert isinstance(narrator.llm, model)
    narrator.llm.set_attn_implementation(TREE)
    assert_same(step(narrator, rows, videos), step(narrator, share(rows), videos))
