"""A video and a plan in, written clips out: loads the narrator and the frame encoder, and writes clip by clip."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import Findings
from vn.narrate.edit import Plan
from vn.story import WordRangeRule, count_words

if TYPE_CHECKING:
    from vn.adapter import NarratorCard
    from vn.llm.generate import WrittenClip


def write_story(
    plan: Plan,
    args: argparse.Namespace,
    video: Path,
    adapter: Path,
    card: NarratorCard,
    options: dict[str, Any],
    findings: Findings,
) -> list[WrittenClip]:
    import torch

    from vn.adapter import load_adapter
    from vn.data.encoders import load_matching_encoder
    from vn.data.frames import encode_video
    from vn.llm.decoding import Decoding
    from vn.llm.generate import Footage, StoryWriter

    assembly = load_adapter(adapter, args.base_model)
    card = assembly.card
    encoder = load_matching_encoder(card.encoder, card.tokens, card.width, args.encoder_weights)
    features = encode_video(video, encoder, findings=findings)
    assembly.narrator.to(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # A raw video has no references, so the range is that of the clip's duration.
    assembly.packer.words = WordRangeRule("duration", card.word_range.rate, card.word_range.margin)
    decoding = Decoding(length_control=options["length"], **{k: v for k, v in options.items() if k != "length"})
    writer = StoryWriter(assembly.narrator, assembly.packer, decoding)
    clips = range(len(plan.story.clips))
    footage = Footage(plan.story, features.features, features.seconds, clips, plan.fixed)
    written: list[WrittenClip] = []
    pool = writer.pool(1)
    with _progress(len(clips)) as follow:
        pool.add(writer.story(footage, follow=follow), written.extend)
        pool.finish()
    forgotten = 0
    for each in written:
        where = f"clips[{each.clip}].narration"
        if each.problem:
            findings.add(each.problem, file=video, field=where)
        if each.clip >= (plan.first or 0) and "narration" in plan.given.get(each.clip, ()):
            count, words = count_words(each.written.narration, plan.story.language), each.written.words
            if count not in words:
                message = f"yours has {count} words, the clip time for {words.low} to {words.high}"
                findings.add(message, file=args.edit or args.product, field=where)
        if each.forgotten > forgotten:
            forgotten = each.forgotten
            message = f"from here on the text of the first {forgotten} clips is not read: it no longer fits"
            findings.add(message, file=video, field=where)
    return written


@contextmanager
def _progress(clips: int) -> Iterator[Any]:
    """A bar on stderr that moves on with each clip."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("clips", total=clips)
        yield lambda written: progress.advance(task)
