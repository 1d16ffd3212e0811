"""Shots that change without a cut: dissolves, and fades through black, white or any other colour.

Both are detected on downscaled frames at a fixed rate:

A *dissolve* is a span between two different frames in which each frame is a mixture of the two, with weights that move
from one to the other. Nothing else in front of a camera looks like this: if the camera or an object moves, the frames
between are not mixtures of the first and the last; if the light changes, the last frame has the shapes of the first;
if a caption or an object fades in, most of the frame stays; and what moves all the time, such as fire, changes as much
before and after.

A *fade* is a span of nearly uniform frames between frames that are not. If the frames on both sides are the same and
the span is short, it is a flash, and no shot ends there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RATE = 12.5  # downscaled frames per second
GRID = (24, 14)  # their width and height: camera motion of a few per cent of the frame's width is invisible
WINDOWS = (2, 3, 6, 11, 14, 17)  # frames from a dissolve's middle to its ends or beyond: 0.2 to 2 s
LEAST_CHANGE = 10.0  # mean difference between the two ends of a dissolve, out of 255
LEAST_COVER = 0.72  # share of the frame that changes
MOST_ALIKE = 0.6  # correlation of the frames at both ends, so independent of the light
MOST_REST = 0.3  # median distance of the frames between from a mixture, relative to the difference of both ends
STANDS_OUT = 1.5  # times as much change in a dissolve as before and after it, which excludes water and fire
MOST_STEP = 0.6  # largest change of a mixture's weight from one frame to the next: more is a cut
EMPTY = 3.0  # contrast, out of 255, below which a frame counts as empty
FULL = 5.0  # contrast of the frames on both sides of a fade
LONG_EMPTY = 3.0  # seconds; a longer empty span is a shot of its own
FLASH = 0.5  # seconds; anything longer is not a flash
SAME = 0.9  # correlation above which two frames count as the same


@dataclass(frozen=True, slots=True)
class Change:
    """A slow change from one shot to the next, or a flash.

    Attributes:
        start: seconds; cuts found from here to `end` are part of it.
        end: seconds.
        cuts: where shots end because of it, in seconds; empty for a flash.
    """

    start: float
    end: float
    cuts: tuple[float, ...]


class SlowChanges:
    """Collects a video's frames, downscaled, and finds dissolves, fades and flashes."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._contrasts: list[float] = []  # for every frame, since a fast fade is empty in only one or two
        self._small: list[np.ndarray] = []  # frames at RATE
        self._last: np.ndarray | None = None

    def add(self, time: float, picture: np.ndarray) -> None:
        """Add the next frame, ``[height, width, 3]`` uint8, shown from `time` on (seconds)."""
        self._fill(time)
        self._last = cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA)
        self._times.append(time)
        self._contrasts.append(_contrast(self._last))

    def find(self, end: float, cuts: Sequence[float] = ()) -> list[Change]:
        """The changes in order, dissolves and fades without overlaps.

        Args:
            end: end of the last frame, in seconds.
            cuts: times of hard cuts, in seconds; two of them may be a flash.
        """
        self._fill(end)
        times = [*self._times, end]
        fades = list(self._fades(np.array(times), np.array(self._contrasts)))
        flashes = [
            Change(one, other, ())
            for one, other in pairwise(cuts)
            if other - one <= FLASH and self._alike(one - 1 / RATE, (one + other) / 2, other + 1 / RATE)
        ]
        slow = _dissolves(np.stack(self._small).reshape(len(self._small), -1)) if self._small else []
        dissolves = [self._seconds(change) for change in slow]
        dissolves = [change for change in dissolves if not any(_overlap(change, fade) for fade in fades)]
        return sorted([*fades, *dissolves, *flashes], key=lambda change: change.start)

    def _fill(self, until: float) -> None:
        while self._last is not None and self._times[0] + len(self._small) / RATE < until - 1e-6:
            self._small.append(self._last)

    def _alike(self, *times: float) -> bool:
        """Whether the frames before the first, after the last and at all other times show the same in any light."""
        places = [(time - self._times[0]) * RATE for time in times]
        rounded = [math.floor(places[0] + 1e-6), *map(round, places[1:-1]), math.ceil(places[-1] - 1e-6)]
        pictures = [self._small[min(max(0, i), len(self._small) - 1)].ravel() for i in rounded]
        return all(_correlation(pictures[0], other) >= SAME for other in pictures[1:])

    def _seconds(self, change: Change) -> Change:
        start, end, *cuts = (self._times[0] + place / RATE for place in (change.start, change.end, *change.cuts))
        return Change(start, end, tuple(cuts))

    def _fades(self, times: np.ndarray, contrasts: np.ndarray) -> Iterator[Change]:
        """Fades through an empty frame, and flashes; `times` has one more item, the end."""
        count = len(contrasts)
        empty = np.concatenate([[False], contrasts < EMPTY, [False]])
        for start, end in np.flatnonzero(np.diff(empty.astype(np.int8))).reshape(-1, 2):  # empty: start to end - 1
            left, right = _climb(contrasts, start, -1), _climb(contrasts, end - 1, 1)
            since, until, whole = times[start], times[end], (times[left], times[min(right + 1, count)])
            long = until - since >= LONG_EMPTY
            if start == 0 or end == count:
                edges = [t for t in (since, until) if long and times[0] < t < times[-1]]
                yield Change(*whole, tuple(edges))
            elif min(contrasts[left], contrasts[right]) >= FULL:
                flash = until - since <= FLASH and self._alike(times[left], times[right])
                yield Change(*whole, () if flash else (since, until) if long else ((since + until) / 2,))


def _climb(contrasts: np.ndarray, at: int, step: int) -> int:
    """Move on from an empty frame in steps of 1 or -1, as long as the contrast increases."""
    while 0 <= at + step < len(contrasts) and contrasts[at + step] > max(EMPTY, 1.01 * contrasts[at]):
        at += step
    return at


def _overlap(one: Change, other: Change) -> bool:
    return one.start <= other.end and other.start <= one.end


def _dissolves(pictures: np.ndarray) -> list[Change]:
    """Dissolves, in indices of frames ``[n, P]`` uint8: of overlapping ones, that with the most different ends."""
    found: list[tuple[float, Change]] = []
    for half in WINDOWS:
        found += _dissolves_of(pictures, half)
    kept: list[Change] = []
    for _, change in sorted(found, key=lambda item: -item[0]):
        if not any(_overlap(change, other) for other in kept):
            kept.append(change)
    return kept


def _dissolves_of(pictures: np.ndarray, half: int) -> Iterator[tuple[float, Change]]:
    """Dissolves that fit into 2 `half` + 1 frames, with the difference of both ends."""
    if len(pictures) < 2 * half + 1:
        return
    change = _differences(pictures, 2 * half)  # between frames i and i + 2 half
    # In a window wider than the dissolve, the ends differ as much wherever it is: take the window centred on it.
    smooth = np.convolve(np.pad(change, half, mode="edge"), np.full(2 * half + 1, 1 / (2 * half + 1)), "valid")
    highest = sliding_window_view(np.pad(smooth, half, mode="edge"), 2 * half + 1).max(axis=1)
    for i in map(int, np.flatnonzero((smooth >= highest - 1e-9) & (change >= LEAST_CHANGE))):
        shares = _mixture(pictures[i : i + 2 * half + 1].astype(np.float32))
        beside = change[max(0, i - 2 * half)], change[min(i + 2 * half, len(change) - 1)]
        if shares is not None and change[i] >= STANDS_OUT * float(np.mean(beside)):
            middle, start, end = (i + _crossing(shares, share) for share in (0.5, 0.1, 0.9))
            yield float(change[i]), Change(start, end, (middle,))


def _mixture(pictures: np.ndarray) -> np.ndarray | None:
    """The last frame's weight in each of ``[n, P]``, if they go from the first to the last as mixtures of the two."""
    first, last = pictures[0], pictures[-1]
    difference = last - first
    size = float(difference @ difference)
    changed = np.abs(difference).reshape(-1, 3).mean(axis=1)
    cover = (changed > max(LEAST_CHANGE / 2, 0.3 * changed.mean())).mean()
    if cover < LEAST_COVER or _correlation(first, last) > MOST_ALIKE:
        return None
    shares = (pictures - first) @ difference / size
    within = (shares > 0.1) & (shares < 0.9)
    if np.abs(np.diff(shares)).max() > MOST_STEP or not within.any():
        return None
    rest = pictures[within] - first - shares[within, None] * difference
    return shares if np.median(np.sqrt((rest**2).sum(axis=1) / size)) <= MOST_REST else None


def _crossing(shares: np.ndarray, share: float) -> float:
    """Where weights that go from 0 to 1 first reach `share`."""
    after = int(np.argmax(shares >= share))
    before = shares[after - 1]
    return after - 1 + float((share - before) / (shares[after] - before))


def _differences(pictures: np.ndarray, apart: int, at_once: int = 4096) -> np.ndarray:
    """Mean absolute difference of frames ``[n, P]`` that are `apart` indices apart, ``[n - apart]``."""
    parts = []
    for start in range(0, len(pictures) - apart, at_once):
        one = pictures[start : min(start + at_once, len(pictures) - apart)].astype(np.int16)
        parts.append(np.abs(pictures[start + apart : start + apart + len(one)] - one).mean(axis=1))
    return np.concatenate(parts)


def _contrast(picture: np.ndarray) -> float:
    """Standard deviation within a frame ``[height, width, 3]``, per channel: 0 if it is uniform."""
    return float(picture.reshape(-1, 3).std(axis=0).mean())


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two frames ``[P]``: 1 for the same one in another light."""
    a, b = one - np.mean(one), other - np.mean(other)
    return float(a @ b / max(1e-6, np.sqrt((a @ a) * (b @ b))))
