"""Whether all ways compute the same: kernels of attention, the CPU and the GPU, writing with and without graphs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import contestants as c
import narrators as n
import numpy as np
import stories as s
import torch
from flops import Shape
from hardware import CPU, Place
from trials import Result, Run, SkippedError, Trial, apart

from vn.generation.decoding import Decoding
from vn.generation.story_writer import StoryWriter
from vn.narrator import VideoNarrator
from vn.prompt import Written
from vn.written import WrittenClip

FLOAT32 = 1e-4  # how far losses and gradients may be from float64's, relative
SURE = 0.06  # spread of initial weights with which attention is far from even
ROWS = replace(c.OURS, name="rows", batches=c.separate(False, 16), attention="sdpa")


@dataclass
class Reference:
    """A narrator and an optimizer step's stories, with the loss and the gradients in float64 on the CPU."""

    narrator: VideoNarrator
    stories: Sequence[s.Story]
    builder: Any
    loss: float
    gradients: np.ndarray


def equality(run: Run) -> Iterator[Trial]:
    """Attention in training, then writing."""
    few = replace(run.small, kv_heads=run.small.heads)  # heads that are not grouped, as Baichuan's
    for heads, shape in [("grouped heads", run.small), ("plain heads", few)][: 1 if run.quick else 2]:
        known = run.hold(heads, lambda shape=shape: reference(run, shape))  # type: ignore[misc]
        bound = 0.0
        for dtype in (torch.float32, torch.bfloat16):
            place = Place(run.place.device, dtype)
            for kernel in ("rows", "sdpa", "varlen", "flex"):
                if kernel == "flex" and (heads == "plain heads") != (dtype == torch.bfloat16) and not run.quick:
                    continue  # each combination is compiled: one of either is enough

                def work(kernel: str = kernel, place: Place = place, known: Reference = known) -> Result:
                    nonlocal bound
                    result = compare(known, kernel, place)
                    if kernel == "rows":  # plain attention, padded: its distance is what the dtype allows
                        bound = FLOAT32 if place.dtype == torch.float32 else 2 * result["gradients_apart"]
                    return {
                        **result,
                        "bound": bound,
                        "ok": max(result["loss_apart"], result["gradients_apart"]) <= bound,
                    }

                yield Trial(f"{heads}, {str(dtype).removeprefix('torch.')}, {kernel}", work)
    run.drop()
    yield Trial("narrations, CPU and GPU", lambda: narrations(run))
    for dtype in (torch.float32, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        yield Trial(f"narrations, {name}, with graphs and without", lambda dtype=dtype: graphs(run, dtype))  # type: ignore[misc]


def reference(run: Run, shape: Shape) -> Reference:
    """The known answer for two stories in one line."""
    narrator = c.make_narrator(shape, dropout=0.0, initializer_range=SURE)
    random = torch.Generator().manual_seed(1)
    for name, parameter in narrator.named_parameters():
        if "lora_B" in name:  # zero at first, which would hide the gradients of A
            parameter.data = 0.02 * torch.randn(parameter.shape, generator=random)
        elif not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16().float()  # the same weights in every dtype
    stories = [s.made_up_story(2), s.made_up_story(3, 1)] if run.quick else [s.made_up_story(3), s.made_up_story(9, 1)]
    builder = s.builder(shape.vocabulary)
    known = Reference(narrator, stories, builder, 0.0, np.zeros(0))
    narrator = copy.deepcopy(narrator).double()
    known.loss, known.gradients = loss_and_gradients(narrator, "sdpa", CPU, known)
    return known


def compare(known: Reference, kernel: str, place: Place) -> Result:
    """How far a kernel's loss and gradients are from the known ones."""
    if not place.cuda and kernel in ("varlen", "flex"):
        raise SkippedError("CUDA only")
    if place.dtype == torch.float32 and kernel == "varlen":
        raise SkippedError("bf16 and fp16 only")
    narrator = copy.deepcopy(known.narrator).to(place.device)
    for parameter in narrator.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.to(place.dtype)
    loss, gradients = loss_and_gradients(narrator, kernel, place, known)
    return {
        "loss": loss,
        "loss_apart": abs(loss - known.loss) / known.loss,
        "gradients_apart": apart(gradients, known.gradients),
    }


def loss_and_gradients(
    narrator: VideoNarrator, kernel: str, place: Place, known: Reference
) -> tuple[float, np.ndarray]:
    """Of the two stories; ours in one line."""
    who = ROWS if kernel == "rows" else replace(c.OURS, batches=c.in_lines(2), kernel=kernel)
    who.prepare(narrator)
    total = 0.0
    for batch in c.on_device(who.batches(known.stories, known.builder), who.kernel, place):
        with place.autocast():
            loss = who.loss(narrator, batch)
        loss.backward()
        total += loss.item()
    found = [p.grad.double().cpu().flatten() for p in narrator.parameters() if p.grad is not None]
    return total, torch.cat(found).numpy()


def narrations(run: Run) -> Result:
    """Stories written greedily in float32 on the CPU and on the device."""
    return same(write(run, CPU)[0], write(run, Place(run.place.device))[0])


def graphs(run: Run, dtype: torch.dtype) -> Result:
    """Stories written with passes of single tokens captured, and with each launched from Python.

    They must be the same in float32; bf16's rounding may choose another token if two are almost equally likely. In
    both, graphs must have been replayed, rather than given up with a warning.
    """
    place = Place(run.place.device, dtype)
    (with_graphs, replays), (without, _) = write(run, place, static=True), write(run, place, static=False)
    result = same(with_graphs, without)
    ok = (result["ok"] or dtype != torch.float32) and (replays > 0 or not place.cuda)
    return {**result, "replays": replays, "ok": ok}


def same(one: list[Written], two: list[Written]) -> Result:
    """How many clips have the same labels and narration."""
    count = sum(a == b for a, b in zip(one, two, strict=True))
    return {"clips": len(one), "same": count, "ok": count == len(one)}


def write(run: Run, place: Place, static: bool | None = None) -> tuple[list[Written], int]:
    """Labels and narrations of a few stories, and how many passes were replays of a graph that is still in use."""
    narrator = n.make_narrator(run.small, CPU, initializer_range=SURE)
    for parameter in narrator.causal_lm.parameters():
        parameter.data = parameter.data.bfloat16().to(place.dtype)
    narrator.to(place.device).causal_lm.set_attn_implementation(n.TREE)
    decoding = Decoding(max_new_tokens=8 if run.quick else 40)
    writer = StoryWriter(narrator, n.make_packer(run.small), decoding, static=static)
    stories = [s.made_up_story(clips, clips) for clips in ((1, 2) if run.quick else (2, 3, 5, 7))]
    written: dict[int, list[WrittenClip]] = {}
    pool = writer.pool(len(stories))
    for number, story in enumerate(stories):
        pool.add(writer.story(n.video_inputs(story)), partial(written.__setitem__, number))
    pool.finish()
    graphs = pool.decoder.static.graphs if pool.decoder.static is not None else None
    replays = graphs.replayed if graphs is not None and graphs.on else 0
    return [clip.written for number in range(len(stories)) for clip in written[number]], replays
