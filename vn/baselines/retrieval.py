"""``retrieval``: label and narration of the nearest training clip by mean features; no model.

No code of GVMF (Lu and Wu 2022), the retrieval system of the paper's Table 5, was published. This takes its place in
our tables under its own name: it too takes narrations from other videos, and has nothing else in common with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vn.baselines.clip_index import ClipIndex, Neighbour, Wanted, clip_vectors, open_index, statistics_of
from vn.baselines.context import Context
from vn.baselines.counts import Counts
from vn.baselines.writer import BaselineVideo, Storyline
from vn.data.manifest import Manifest
from vn.errors import InputError
from vn.io import cache
from vn.prompt import Written
from vn.story import Fixed
from vn.written import WrittenClip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn baseline retrieval``."""
    parser.add_argument(
        "--within-range",
        action="store_true",
        help="take the nearest clip whose narration is in the word range, if there is one (default: the nearest clip)",
    )
    parser.add_argument(
        "--index",
        type=Path,
        metavar="FOLDER",
        help="keeps the training clips' mean features, by their manifest's hash (default: ~/.cache/vn/retrieval)",
    )


def open_writer(args: argparse.Namespace, context: Context) -> RetrievalWriter:
    """Open the index of the training clips, and make it first if it is not in the cache.

    Raises:
        InputError: there is no data folder, or see `vn.baselines.clip_index.open_index`.
    """
    data, manifest = context.data, context.manifest
    if data is None or manifest is None:
        raise InputError("retrieval takes narrations from a train split: give a folder of shards", field="--data")
    folder = args.index or cache.CACHE / "retrieval"
    index = open_index(data, manifest, context.language, context.domain, folder)
    return RetrievalWriter(index, manifest, args.within_range)


class RetrievalWriter:
    """Writes what the nearest training clip has.

    Args:
        index: index of the training clips.
        manifest: manifest of the data that it was made of.
        within_range: whether to prefer narrations in the word range.
    """

    storylines: tuple[Storyline, ...] = ("predicted", "given")
    workers = 1

    def __init__(self, index: ClipIndex, manifest: Manifest, within_range: bool = False) -> None:
        self.name = "retrieval, within range" if within_range else "retrieval"
        self.settings: Mapping[str, Any] = {
            "within_range": within_range,
            "train": {"manifest": manifest.sha256, "clips": len(index), "encoder": manifest.encoder["id"]},
        }
        self._index = index
        self._manifest = manifest
        self._statistics = statistics_of(manifest)
        self._within_range = within_range
        self._counts = Counts("clips", "no_such_label", "out_of_range")

    def write(self, video: BaselineVideo, storyline: Storyline) -> list[WrittenClip]:
        """Write all clips of a video; see `vn.baselines.writer.Writer`.

        Raises:
            InputError: a clip has no label to follow, the video has no frames or features of another encoder, or all
                training clips are of this video.
        """
        story, clips = video.story, list(video.clips)
        fixed = {clip: video.fixed.get(clip, Fixed()) for clip in clips}
        for clip in clips if storyline == "given" else ():
            if not fixed[clip].labels:
                raise InputError("no script label to follow", sample=story.id, field=f"clips[{clip}].labels")
        frames, seconds = video.content.features()
        self._check(frames, story.id)
        wanted = [Wanted(fixed[i].labels, video.words[i] if self._within_range else None) for i in clips]
        vectors = clip_vectors(frames, seconds, [story.clips[i] for i in clips], self._statistics)
        found = self._index.nearest(vectors, wanted, self._manifest.samples("train").find(story.id))
        return [self._written(i, fixed[i], video, one) for i, one in zip(clips, found, strict=True)]

    def report(self) -> Mapping[str, float]:
        """How many clips were written, and for how many no training clip had a label, or words, as asked for."""
        return self._counts.report()

    def _check(self, frames: np.ndarray, key: str) -> None:
        wanted = (self._manifest.tokens, self._manifest.width)
        if frames.ndim != 3 or frames.shape[1:] != wanted:
            found = " x ".join(map(str, frames.shape[1:]))
            message = f"expected frames of {wanted[0]} x {wanted[1]}, as the training clips have, got {found}"
            raise InputError(message, sample=key)
        if not len(frames):
            raise InputError("has no frames", sample=key)

    def _written(self, clip: int, fixed: Fixed, video: BaselineVideo, found: Neighbour | None) -> WrittenClip:
        if found is None:
            raise InputError("the train split has no clip of another video", sample=video.story.id)
        self._counts.add("clips")
        self._counts.add("no_such_label", found.rank >= 4)
        self._counts.add("out_of_range", found.rank in (2, 3, 5))
        labels = found.labels if fixed.labels is None else fixed.labels
        narration = found.narration if fixed.narration is None else fixed.narration
        return WrittenClip(clip, Written(video.words[clip], labels, narration), fixed.labels)
