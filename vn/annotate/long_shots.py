"""Shots that are too long for one narration, split at pauses of the speech, or else evenly (paper section 3.2)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

Span = tuple[float, float]
PAUSE = 0.05  # seconds; a shorter gap is rounding
MIDDLE = 0.25  # share at both ends of a shot in which it is not split


def split_long(
    clips: Sequence[Span], voice: Sequence[Span], times: Sequence[float], longest: float, shortest: float
) -> list[Span]:
    """Clips of at most `longest` seconds.

    A longer one is split at the longest pause near its middle, and the parts again if need be; without a pause there,
    into even parts. Clips begin and end on frames, so one may be longer by a frame.

    Args:
        clips: start and end of each, in seconds, without gaps.
        voice: when somebody speaks, ascending; none: nobody does.
        times: when frames begin, ascending.
        longest: seconds.
        shortest: seconds that each part must have; at most half of `longest`.
    """
    parts: list[Span] = []
    for start, end in clips:
        cuts = [_on_frame(cut, times) for cut in _cuts(start, end, voice, longest, shortest)]
        edges = [start, *sorted({cut for cut in cuts if start < cut < end}), end]
        parts += pairwise(edges)
    return parts


def _cuts(start: float, end: float, voice: Sequence[Span], longest: float, shortest: float) -> list[float]:
    length = end - start
    if length <= longest + 1e-6:
        return []
    margin = max(MIDDLE * length, shortest)
    pause = _longest_pause(start + margin, end - margin, voice)
    if pause is None:
        count = math.ceil(length / longest - 1e-9)
        return [start + length * n / count for n in range(1, count)]
    return [
        *_cuts(start, pause, voice, longest, shortest),
        pause,
        *_cuts(pause, end, voice, longest, shortest),
    ]


def _longest_pause(low: float, high: float, voice: Sequence[Span]) -> float | None:
    """The middle of the longest gap between voices within bounds; None if there is no gap, or no voice at all."""
    if not voice:
        return None
    inside = [(max(low, start), min(high, end)) for start, end in voice if end > low and start < high]
    gaps: list[tuple[float, float]] = []
    edge = low
    for start, end in [*inside, (high, high)]:
        if start - edge >= PAUSE:
            gaps.append((start - edge, (start + edge) / 2))
        edge = max(edge, end)
    return max(gaps)[1] if gaps else None


def _on_frame(time: float, times: Sequence[float]) -> float:
    """The time of the nearest frame, in milliseconds."""
    after = bisect_left(times, time)
    around = [float(each) for each in times[max(0, after - 1) : after + 1]] or [time]
    nearest: float = min(around, key=lambda each: abs(each - time))
    return round(nearest, 3)
