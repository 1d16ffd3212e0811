"""Clips per second of writing: the released procedure by HF's `generate`, and ours with several videos at once.

All write the same texts, the references (`benchmarks/narrators.py`); bf16, no LoRA, as after merging it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import narrators as n
import stories as s
from flops import forward_flops
from trials import Result, Run, Trial

from vn.narrator import VideoNarrator

AT_ONCE = (8, 1, 32)


def writing(run: Run) -> Iterator[Trial]:
    """Ours, then the released procedure."""
    narrator = partial(run.hold, "writer", partial(make, run))
    for static in (True, False):
        for count in AT_ONCE[:1] if run.quick else AT_ONCE:
            name = f"ours, {count} at once" + ("" if static else ", without graphs")
            yield Trial(name, partial(ours, run, narrator, count, static), least=10)
    stock = partial(run.hold, "stock writer", partial(make, run, stock=True))
    yield Trial("released", partial(released, run, stock), least=15)


def make(run: Run, **others: Any) -> VideoNarrator:
    """The model that writes."""
    return n.make_narrator(run.shape, run.place, tie_word_embeddings=False, **others)


def ours(run: Run, hold: Any, count: int, static: bool) -> Result:
    """That many stories at once."""
    writer = n.ReferenceWriter(hold(), n.make_packer(run.shape), static)
    stories = run.some(count)
    n.ours(writer, [s.first_clips(story, 1) for story in stories], n.Count(), count)  # warm up
    run.place.free()
    return timed(run, stories, lambda total: n.ours(writer, stories, total, count))


def released(run: Run, hold: Any) -> Result:
    """One story after the other."""
    narrator, packer = hold(), n.make_packer(run.shape)
    stories = run.some(3)[1:2]
    n.released(narrator, packer, s.first_clips(stories[0], 1), n.Count())
    run.place.free()

    def write(total: n.Count) -> None:
        for story in stories:
            n.released(narrator, packer, story, total)

    return timed(run, stories, write)


def timed(run: Run, stories: list[s.Story], write: Any) -> Result:
    """Once: a story has many passes."""
    total = n.Count()
    begin = run.place.now()[0]
    write(total)
    seconds = run.place.now()[0] - begin
    clips = sum(len(story.narrated) for story in stories)
    return {
        "seconds": seconds,
        "videos": len(stories),
        "clips": clips,
        "clips_per_s": clips / seconds,
        "tflops": forward_flops(run.shape, total.load) / seconds / 1e12,
        "peak_gb": run.place.peak() / 1e9,
    }
