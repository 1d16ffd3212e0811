"""Metrics of other packages: functions of a story and what was written for its clips."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from vn.errors import InputError, show
from vn.metrics.bootstrap import mean
from vn.plugins import Extension, resolve
from vn.score.predictions import ScoredClip, Test
from vn.score.sums import Measure, Measured, NotComputed, coverage, of_clips, with_count
from vn.story import Story


class Metric(Protocol):
    """A metric: a pure function, so that a score can be computed again.

    It may have attributes, which are noted beside its number and shown with it:

    - ``tokenisation``: how it cuts texts into words, if it does; numbers of different ones are not compared.
    - ``variant``: which computation, if there are several; change it when the numbers change.
    """

    def __call__(self, story: Story | None, clips: Sequence[ScoredClip]) -> float | Sequence[float | None] | None:
        """The value of one video on the raw scale, 0 to 1 where it is a share: tables show it times 100.

        Args:
            story: the story with its knowledge and clips; None if only predictions are given.
            clips: its clips with what was written for them, in order; `ScoredClip.reference` is None if the data have
                no narration. A clip that was not written has an empty narration.

        Returns:
            One number for the video, or a sequence of one per clip; None instead of a number that does not exist. The
            score is the mean over videos, or over clips.
        """
        ...


def find_metrics(names: Sequence[str], built_in: Collection[str]) -> tuple[Extension, ...]:
    """The metrics that a call names, by entry point or ``module:Name``.

    Raises:
        InputError: there is none of that name, or it is one of vn's own, which are always computed.
    """
    found = []
    for name in dict.fromkeys(names):
        if name in built_in:
            raise InputError(f"{name!r} is one of vn's own, which are always computed", field="--metric")
        found.append(resolve("metric", name, {}, allow_import=True, field="--metric"))
    return tuple(found)


def plugin_measures(test: Test, metrics: Sequence[Extension]) -> Measured:
    """Take metrics of other packages.

    Raises:
        InputError: a metric cannot be imported, fails, or gives something that is not numbers; the video is named.
    """
    return {extension.name: _measure(test, extension) for extension in metrics}


def _measure(test: Test, extension: Extension) -> Measure | NotComputed:
    metric: Any = extension.load()
    notes: Mapping[str, Any] = (
        {"package": f"{extension.package} {extension.version}"} if extension.package else {"module": extension.target}
    )
    tags = _tag(metric, "tokenisation"), _tag(metric, "variant")
    stories = {story.id: story for story in test.stories}
    videos: list[tuple[str, float, list[ScoredClip]]] = []
    clips: list[tuple[ScoredClip, float]] = []
    for video, own in _by_video(test):
        where = {"sample": video, "field": f"metric {extension.name}"}
        try:
            given = metric(stories.get(video), own)
        except Exception as error:  # another's code: what it raises is one sentence that names it
            raise InputError(f"failed: {type(error).__name__}: {error}", **where) from error
        if given is None or _is_number(given):
            if given is not None:
                videos.append((video, float(given), own))
            continue
        values = list(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else None
        if values is None or len(values) != len(own) or not all(each is None or _is_number(each) for each in values):
            raise InputError(f"expected a number or {len(own)} of them, got {show(given)}", **where)
        clips += [(clip, float(each)) for clip, each in zip(own, values, strict=True) if each is not None]
    if videos and clips:
        raise InputError(
            "gives one number for some videos and one per clip for others", field=f"metric {extension.name}"
        )
    if clips:
        rows = with_count([value for _, value in clips])
        return of_clips(test, [clip for clip, _ in clips], rows, mean, *tags, notes=notes)
    if not videos:
        return NotComputed("the metric gave no number")
    scored = coverage(test, [clip for _, _, own in videos for clip in own])
    sums = with_count([value for _, value, _ in videos])
    return Measure(tuple(video for video, _, _ in videos), sums, mean, *tags, scored, notes=notes)


def _by_video(test: Test) -> Iterator[tuple[str, list[ScoredClip]]]:
    """The videos in order of their names, as sums over videos are kept, each with its clips."""
    videos: dict[str, list[ScoredClip]] = {}
    for clip in test.clips:
        videos.setdefault(clip.video, []).append(clip)
    for video in sorted(videos):
        yield video, sorted(videos[video], key=lambda clip: clip.clip)


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number, of Python or NumPy."""
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def _tag(metric: Any, name: str) -> str | None:
    value = getattr(metric, name, None)
    return None if value is None else str(value)
