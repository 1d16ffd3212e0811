"""Seconds of a training step: the released procedure, HF's Trainer with peft, and ours with each kernel of attention.

An optimizer step is of a few stories that stand for all: about the paper's 32 clips. All have the same frozen weights
in bf16 and the same LoRA in float32 under autocast, their micro-batches on the device beforehand, gradient clipping
and AdamW's fused kernel. Utilisation is FLOPs by `benchmarks/flops.py` over time, of the measured peak of a matrix
product and of the data sheet's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import contestants as c
import stories as s
import torch
from flops import Shape, flops
from machine import datasheet_peak, matmul
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from trials import Result, Run, SkippedError, Trial, spread

from vn.narrator import VideoNarrator
from vn.settings import Attention

KERNELS: tuple[Attention, ...] = ("varlen", "sdpa", "flex")
STORIES = 4
TIGHT_ROWS = (4, 2, 1, 8)  # rows of HF's micro-batches, most likely the best first
LINES = (2, 4)  # videos in a line


@dataclass
class Entrant:
    """A contestant.

    Attributes:
        who: how it trains.
        stock: peft's own LoRA, not ours.
        hf: HF's Trainer runs it.
        least: seconds that it needs at least: for flex, compiling.
    """

    who: c.Contestant
    stock: bool = False
    hf: bool = False

    @property
    def least(self) -> float:
        return 45.0 if self.who.kernel == "flex" else 10.0


def training(run: Run) -> Iterator[Trial]:
    """Ours and what a step of it is made of, then the others."""
    peak = matmul(run)["tflops"] * 1e12
    trained = partial(run.hold, "trained", partial(narrator, run))
    stock = partial(run.hold, "stock", partial(narrator, run, stock=True))
    for entrant in our_entrants(run):
        yield Trial(entrant.who.name, partial(race, run, trained, entrant, peak), entrant.least)
    for kernel in KERNELS:
        yield Trial(f"profile, {kernel}", partial(profiled, run, trained, kernel), least=10)
    for entrant in stock_entrants(run):
        yield Trial(entrant.who.name, partial(race, run, stock, entrant, peak), entrant.least)
    for kernel in ("varlen", "sdpa"):
        yield Trial(f"host time, {kernel}", partial(host_time, run, kernel), least=10)


def narrator(run: Run, **others: Any) -> VideoNarrator:
    """The model to train."""
    return c.make_narrator(run.shape, run.place, tie_word_embeddings=False, **others)


def our_entrants(run: Run) -> Iterator[Entrant]:
    """Ours, what is known least first."""
    for kernel in KERNELS:
        ours = replace(c.OURS, name=f"ours, {kernel}", kernel=kernel)
        yield Entrant(ours)
        yield Entrant(replace(ours, name=f"{ours.name}, checkpointed", checkpointing=True))
    for videos in LINES[:1] if run.quick else LINES:
        lines = replace(c.OURS, batches=c.in_lines(videos), kernel=KERNELS[run.quick])
        lines = replace(lines, name=f"ours, {lines.kernel}, {videos} videos in a line")
        yield Entrant(replace(lines, name=f"{lines.name}, checkpointed", checkpointing=True))
        if not run.quick:
            yield Entrant(lines)


def stock_entrants(run: Run) -> Iterator[Entrant]:
    """The released procedure, and HF's Trainer."""
    yield Entrant(c.RELEASED_CHECKPOINTED, stock=True)
    for rows in TIGHT_ROWS[:1] if run.quick else TIGHT_ROWS:
        tight = replace(c.TIGHT, name=f"HF Trainer, {rows} rows", batches=c.separate(False, rows))
        yield Entrant(tight, stock=True, hf=True)
        if not run.quick:
            yield Entrant(replace(tight, name=f"{tight.name}, checkpointed", checkpointing=True), stock=True, hf=True)
    yield Entrant(c.RELEASED, stock=True)


def supported(run: Run, kernel: Attention) -> None:
    """Skip what this device cannot train with."""
    if kernel != "sdpa" and not run.place.cuda:
        raise SkippedError("CUDA only")


def step_stories(run: Run) -> list[s.Story]:
    """Of an optimizer step."""
    return run.some(2 if run.quick else STORIES)


def race(run: Run, hold: Any, entrant: Entrant, peak: float) -> Result:
    """Seconds of optimizer steps."""
    who, stories = entrant.who, step_stories(run)
    supported(run, who.kernel)
    narrator: VideoNarrator = hold()
    run.place.free()
    batches = c.on_device(who.batches(stories, s.builder(run.shape.vocabulary)), who.kernel, run.place)
    load = who.load(batches)
    try:
        if entrant.hf:
            steps = 2 if run.quick else 4
            took = [wall for wall, _ in c.hf_trainer_steps(narrator, batches, str(run.folder), run.place, steps, who)]
            took = took[1:]
        else:
            optimizer = adamw(run, narrator)
            took = run.clock(lambda: who.step(narrator, batches, optimizer, run.place))
        peak_memory = run.place.peak()
    finally:
        narrator.zero_grad(set_to_none=True)
    done = flops(run.shape, load, who.checkpointing)
    seconds = median(took)
    return {
        **spread(took),
        "seconds_per_video": seconds / len(stories),
        "videos": len(stories),
        "clips": sum(len(story.narrated) for story in stories),
        "tokens": load.tokens,
        "tokens_per_s": load.tokens / seconds,
        "tflop_per_video": done / len(stories) / 1e12,
        "tflops": done / seconds / 1e12,
        "of_measured_peak": done / seconds / peak,
        "checkpointing": who.checkpointing,
        "of_datasheet": done / seconds / known if (known := datasheet_peak()) else None,
        "peak_gb": peak_memory / 1e9,
    }


def adamw(run: Run, narrator: VideoNarrator) -> torch.optim.Optimizer:
    """The optimizer of what is trained."""
    return torch.optim.AdamW([p for p in narrator.parameters() if p.requires_grad], lr=1e-4, fused=run.place.cuda)


def profiled(run: Run, hold: Any, kernel: Attention) -> Result:
    """Kernels, copies and syncs of one forward and backward of one story, and which kernels take the time."""
    supported(run, kernel)
    narrator, who = hold(), replace(c.OURS, kernel=kernel)
    who.prepare(narrator)
    story = run.some(3)[1]
    batch = c.on_device(who.batches([story], s.builder(run.shape.vocabulary)), kernel, run.place)[0]

    def pass_() -> None:
        with run.place.autocast():
            loss = who.loss(narrator, batch)
        loss.backward()
        narrator.zero_grad()

    seconds = median(run.clock(pass_, most=3))
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if run.place.cuda else [])]
    with profile(activities=activities) as profiler:
        pass_()
        run.place.now()
    calls: Counter[str] = Counter()
    kernels: list[tuple[float, int, str]] = []
    operators = 0
    for each in profiler.key_averages():
        if each.key.startswith(("Memcpy", "Memset")):
            calls[each.key] += each.count
        elif each.device_type == DeviceType.CUDA:
            kernels.append((each.self_device_time_total / 1e6, each.count, each.key[:90]))
        elif each.key.startswith("cu"):
            calls[each.key] += each.count
        elif each.key.startswith("aten::"):
            operators += each.count
    busy = sum(time for time, _, _ in kernels)
    return {
        "clips": len(story.narrated),
        "tokens": who.load([batch]).tokens,
        "seconds": seconds,
        "operators": operators,
        "kernels": sum(count for _, count, _ in kernels),
        "busy_seconds": busy,
        "busy_share": busy / seconds,
        "calls": dict(calls.most_common(16)),
        "longest": [[f"{1e3 * time:.2f} ms", count, name] for time, count, name in sorted(kernels, reverse=True)[:16]],
    }


def host_time(run: Run, kernel: Attention) -> Result:
    """Seconds of a forward and backward of one story with layers so narrow that the device waits for the host."""
    supported(run, kernel)
    shape: Shape = run.narrow
    narrator = run.hold("narrow", lambda: c.make_narrator(shape, run.place))
    who = replace(c.OURS, kernel=kernel)
    who.prepare(narrator)
    batch = c.on_device(who.batches([run.some(3)[1]], s.builder(shape.vocabulary)), kernel, run.place)[0]

    def pass_() -> None:
        with run.place.autocast():
            loss = who.loss(narrator, batch)
        loss.backward()
        narrator.zero_grad()

    return {"layers": shape.layers, **spread(run.clock(pass_))}
