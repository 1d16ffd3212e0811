"""A metric as sums over videos: its value, interval, paired difference and breakdown come from one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vn.metrics.bootstrap import Finish
from vn.score.predictions import ScoredClip, Test


@dataclass(frozen=True)
class Measure:
    """A metric that can be computed.

    Attributes:
        videos: the videos it was computed on, sorted.
        sums: `[V, K]`, one row per video.
        finish: the metric of summed rows, raw scale.
        tokenisation: the name of the tokenisation, if words matter.
        variant: which computation; for the length accuracy, where the word ranges came from.
        coverage: how many clips the test has and how many of them were scored, and of those how many were empty
            (nothing was written) or missing (no prediction); and the videos.
        model: the encoder or judge it was computed with, if there is one.
        clips: the clips that were scored, if it has one row per clip.
        rows: `[N, K]`, one row per clip of `clips`; None if only whole videos have a value.
        notes: more about the number, for its entry in ``scores.json``.
    """

    videos: tuple[str, ...]
    sums: NDArray[np.float64]
    finish: Finish
    tokenisation: str | None
    variant: str | None
    coverage: dict[str, int]
    model: str | None = None
    clips: tuple[ScoredClip, ...] = ()
    rows: NDArray[np.float64] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The metric over all videos."""
        return float(self.finish(self.sums.sum(axis=0)))

    def of(self, videos: Sequence[str]) -> NDArray[np.float64]:
        """`[V, K]`: the sums of these videos, in this order."""
        places = {video: place for place, video in enumerate(self.videos)}
        return self.sums[[places[video] for video in videos]]


@dataclass(frozen=True)
class NotComputed:
    """A metric without a number here, and why."""

    why: str


Measured = dict[str, Measure | NotComputed]


def clips_by_video(test: Test) -> dict[str, list[ScoredClip]]:
    """The clips of each video, in their order."""
    clips: dict[str, list[ScoredClip]] = {}
    for clip in test.clips:
        clips.setdefault(clip.video, []).append(clip)
    return clips


def no_narration(clip: ScoredClip) -> bool:
    """Whether nothing was written."""
    return not clip.narration


def with_count(values: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float64]:
    """Values and a column of ones: the rows of a plain mean."""
    return np.column_stack([np.asarray(values, dtype=np.float64), np.ones(len(values))])


def of_clips(
    test: Test,
    clips: Sequence[ScoredClip],
    rows: NDArray[np.float64],
    finish: Finish,
    tokenisation: str | None = None,
    variant: str | None = None,
    *,
    model: str | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Measure:
    """A measure of one row per clip, `[N, K]`, summed to one row per video; the other arguments are `Measure`'s."""
    videos, place = np.unique([clip.video for clip in clips], return_inverse=True)
    sums = np.zeros((len(videos), rows.shape[1]))
    np.add.at(sums, place, rows)
    return Measure(
        tuple(videos.tolist()),
        sums,
        finish,
        tokenisation,
        variant,
        coverage(test, clips),
        model,
        tuple(clips),
        rows,
        notes or {},
    )


def coverage(
    test: Test, clips: Iterable[ScoredClip], empty: Callable[[ScoredClip], bool] = no_narration
) -> dict[str, Any]:
    """What was scored of a test, counted (`Measure.coverage`)."""
    clips = list(clips)
    return {
        "clips": len(test.clips),
        "scored": len(clips),
        "empty": sum(clip.predicted and empty(clip) for clip in clips),
        "missing": sum(not clip.predicted for clip in clips),
        "videos": len({clip.video for clip in clips}),
    }
