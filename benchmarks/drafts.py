"""Drafts and data types: passes and processor seconds per clip, and which texts differ.

    python benchmarks/drafts.py --work DEMO                       # DEMO has demo-work/ and runs/demo, of vn demo
    python benchmarks/drafts.py --work DEMO --run RUN --videos 6 --dtypes float32 bfloat16

Each way writes the test split's stories, one at a time, in turn with the others; n-grams of the training narrations
are counted here if the run's folder has none. Ratios are to the first way, without drafts in the first data type. The
tokens that are chosen are compared with those without drafts in the same data type: a clip that differs is a near tie
if the two best logits, where they part, are closer than NEAR.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vn.adapter import Assembly, load_adapter, ngrams_of
from vn.data.manifest import Manifest
from vn.data.shards import read_sample
from vn.generation.clip_writer import ClipWriter
from vn.generation.decoding import Decoding
from vn.generation.draft import Draft, VideoInput
from vn.generation.story_writer import Storyline, StoryWriter
from vn.io.remote import open_folder
from vn.train.datamodule import StoryDataModule
from vn.train.training_ngrams import training_ngrams
from vn.written import WrittenClip

NEAR = 1e-3
Clip = tuple[str, int]
Chosen = dict[Clip, list[tuple[int, float]]]


class Noting(ClipWriter):
    """Notes each token that is chosen, with how much better it was than the second best."""

    def __init__(self, plain: ClipWriter) -> None:
        super().__init__(plain.narrator, plain.builder, plain.decoding)
        self.chosen: Chosen = {}

    def _pick(self, draft: Draft, logits: Tensor, written):  # type: ignore[no-untyped-def]
        token = yield from super()._pick(draft, logits, written)
        best = logits.topk(2).values
        self.chosen.setdefault((draft.story.id, draft.clips[0]), []).append((token, float(best[0] - best[1])))
        return token


@dataclass
class Way:
    """A way to write: data type, whether with drafts; what it took and wrote."""

    dtype: str
    drafts: bool
    seconds: list[float] = field(default_factory=list)
    passes: int = 0
    texts: dict[Clip, str] = field(default_factory=dict)
    chosen: Chosen = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.dtype}{', drafts' if self.drafts else ''}"


def write(way: Way, assembly: Assembly, decoding: Decoding, videos: list[VideoInput], storyline: Storyline) -> None:
    """Write the stories once, and note the time; again, untimed, note the tokens."""
    decoding = replace(decoding, drafts="ngram" if way.drafts else "none")
    for timed in (True, False) if not way.chosen else (True,):
        writer = StoryWriter(assembly.narrator, assembly.builder, decoding, ngrams=assembly.ngrams)
        noting = None if timed else Noting(writer._clips)
        writer._clips = noting or writer._clips
        done: list[list[WrittenClip]] = []
        began = time.process_time()
        pool = writer.pool(1)
        for video in videos:
            pool.add(writer.story(video, storyline), done.append)
        pool.finish()
        if timed:
            way.seconds.append(time.process_time() - began)
            way.passes = pool.decoder.passes
            each = zip(videos, done, strict=True)
            way.texts = {(video.story.id, w.clip): w.written.narration for video, story in each for w in story}
        elif noting is not None:
            way.chosen = noting.chosen


def parted(one: Way, other: Way) -> tuple[int, int]:
    """How many clips have other tokens, and how many of these are near ties or follow one in their story."""
    differ = ties = 0
    tied: set[str] = set()
    for clip, tokens in one.chosen.items():
        both = zip(tokens, other.chosen[clip], strict=False)
        gap = next((min(a[1], b[1]) for a, b in both if a[0] != b[0]), None)
        if gap is not None or len(tokens) != len(other.chosen[clip]):
            differ += 1
            if clip[0] in tied or (gap is not None and gap < NEAR):
                tied.add(clip[0])
                ties += 1
    return differ, ties


def videos_of(data: str, count: int) -> Iterator[VideoInput]:
    """The first videos of the test split."""
    folder = open_folder(data)
    for entry in Manifest.load(folder).samples("test")[:count]:
        yield VideoInput(*read_sample(folder / entry.shard, entry))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(), help="the folder of vn demo")
    parser.add_argument("--run", type=Path, help="another run on the demo's videos")
    parser.add_argument("--base-model", help="where its base model is, if it has moved")
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dtypes", nargs="+", default=["float32"])
    parser.add_argument("--lengths", nargs="+", default=["none", "exact"])
    parser.add_argument("--storylines", nargs="+", default=["predicted", "given"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    adapter = (args.run or args.work / "runs" / "demo") / "adapter"
    data = str(args.work / "demo-work" / "shards")
    loaded = {dtype: load_adapter(adapter, args.base_model, dtype=dtype) for dtype in args.dtypes}
    first = loaded[args.dtypes[0]]
    kept = first.card.drafts is not None
    ngrams = ngrams_of(adapter, first) if kept else training_ngrams(first.builder, StoryDataModule(data))
    for assembly in loaded.values():
        assembly.ngrams = ngrams
    videos = list(videos_of(data, args.videos))
    print(f"{adapter}: {len(videos)} videos, {len(ngrams.keys) if ngrams else 0} contexts")
    print(f"{'':44} passes/clip  ratio  CPU ms/clip  ratio  other texts  other tokens (near ties)")
    for storyline in args.storylines:
        for length in args.lengths:
            ways = [Way(dtype, drafts) for dtype in args.dtypes for drafts in (False, True)]
            for number in range(args.rounds):
                for way in ways if number % 2 else ways[::-1]:
                    write(way, loaded[way.dtype], Decoding(length_control=length), videos, storyline)
            clips, plain = len(ways[0].texts), ways[0]
            for way in ways:
                cpu, usual = statistics.median(way.seconds), statistics.median(plain.seconds)
                other = sum(way.texts[clip] != text for clip, text in plain.texts.items())
                same = next(each for each in ways if each.dtype == way.dtype)
                differ, ties = parted(same, way)
                print(
                    f"{f'{storyline}, {length}: {way.name}':44} {way.passes / clips:11.2f} "
                    f"{plain.passes / way.passes:6.2f} {1000 * cpu / clips:12.2f} {usual / cpu:6.2f} "
                    f"{other:7} of {clips:<4} {differ:4} ({ties})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
