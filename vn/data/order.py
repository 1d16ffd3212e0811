"""Which sample in which step: a pure function of (seed, epoch, step), from the manifest alone.

    shards permuted -> samples shuffled within blocks of K shards -> consecutive videos until a step holds
    `clips_per_step` clips -> its videos dealt into ranks x accumulate micro-batches, long ones split into pieces

so steps per epoch, the learning-rate horizon and the samples of a step are the same on any machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

import numpy as np


@dataclass(frozen=True, slots=True)
class Video:
    """The properties of a video that the order depends on.

    Attributes:
        shard: the number of its shard in the split.
        narrated: how many clips are narrated, i.e. trained on.
        branch: estimated tokens of a clip alone: its frames, label and narration.
        trunk: estimated tokens that clips dealt together share, and clips dealt apart repeat.
    """

    shard: int
    narrated: int
    branch: float = 1.0
    trunk: float = 0.0

    def cost(self, clips: int) -> float:
        """Estimated tokens of that many of its clips in one micro-batch."""
        return self.trunk + self.branch * clips


@dataclass(frozen=True, slots=True, eq=False)
class Videos(Sequence[Video]):
    """The videos of a split, column by column: each `Video` is made when it is asked for.

    Attributes:
        shard, narrated: ``[N]`` int64; see `Video`.
        branch, trunk: ``[N]`` float64; see `Video`.
    """

    shard: np.ndarray
    narrated: np.ndarray
    branch: np.ndarray
    trunk: np.ndarray

    @classmethod
    def of(cls, videos: Sequence[Video]) -> Videos:
        """Videos as columns, if they are not already."""
        if isinstance(videos, Videos):
            return videos
        return cls(
            shard=np.array([video.shard for video in videos], np.int64),
            narrated=np.array([video.narrated for video in videos], np.int64),
            branch=np.array([video.branch for video in videos], np.float64),
            trunk=np.array([video.trunk for video in videos], np.float64),
        )

    def __len__(self) -> int:
        return len(self.shard)

    @overload
    def __getitem__(self, index: int) -> Video: ...
    @overload
    def __getitem__(self, index: slice) -> Videos: ...
    def __getitem__(self, index: int | slice) -> Video | Videos:
        columns = [column[index] for column in (self.shard, self.narrated, self.branch, self.trunk)]
        return Videos(*columns) if isinstance(index, slice) else Video(*(column.item() for column in columns))


@dataclass(frozen=True, slots=True)
class Unit:
    """Some narrated clips of a video, dealt together. `clips` counts narrated clips only, from 0."""

    video: int
    clips: tuple[int, ...]


def epoch_order(videos: Sequence[Video], seed: int, epoch: int, block_shards: int | None = None) -> np.ndarray:
    """The order of an epoch.

    Args:
        videos: the split's videos, in the manifest's order.
        seed: random seed of the run.
        epoch: from 0.
        block_shards: samples are shuffled within blocks of this many shards; None shuffles all (a full permutation),
            small values read remote shards one after another.

    Returns:
        Indices into `videos`, int64, each once; videos without a narrated clip are left out.
    """
    columns = Videos.of(videos)
    random = np.random.default_rng((seed, epoch))
    shards = random.permutation(1 + int(columns.shard.max(initial=-1)))
    block = block_shards or max(1, len(shards))
    place = np.argsort(shards)  # each shard has one in the permutation
    narrated = np.flatnonzero(columns.narrated)
    by_shard = narrated[np.argsort(place[columns.shard[narrated]], kind="stable")]
    bounds = np.searchsorted(place[columns.shard[by_shard]], [*range(0, len(shards), block), len(shards)])
    blocks = [by_shard[start:stop][random.permutation(stop - start)] for start, stop in pairwise(bounds.tolist())]
    return np.concatenate([np.empty(0, np.int64), *blocks])


class Steps(Sequence[list[int]]):
    """The optimizer steps of an epoch, each a list of indices of videos that is made when it is asked for.

    Args:
        order: indices of the epoch's videos.
        cuts: where in `order` each step begins, and where the last one ends, ``[steps + 1]``.
    """

    def __init__(self, order: np.ndarray, cuts: np.ndarray) -> None:
        self.order = order
        self.cuts = cuts

    def __len__(self) -> int:
        return len(self.cuts) - 1

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...
    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self[i] for i in chosen]
        step: list[int] = self.order[self.cuts[chosen] : self.cuts[chosen + 1]].tolist()
        return step


def steps(videos: Sequence[Video], order: Sequence[int] | np.ndarray, clips_per_step: int) -> Steps:
    """Cut an order into optimizer steps: consecutive videos until they hold `clips_per_step` clips.

    The last step of an epoch may hold fewer.
    """
    order, enough = np.asarray(order, np.int64), max(1, clips_per_step)
    clips = np.minimum(Videos.of(videos).narrated[order], enough)  # a step ends at enough, so sums stay small
    held = np.cumsum(clips)
    # For each video the end of a step that would begin with it; following those from the first gives the steps.
    ends = np.minimum(np.searchsorted(held, held - clips + enough) + 1, len(order))
    cuts = [0]
    while cuts[-1] < len(order):
        cuts.append(ends.item(cuts[-1]))
    return Steps(order, np.array(cuts, np.int64))


def deal(videos: Sequence[Video], step: Sequence[int], parts: int) -> list[list[Unit]]:
    """Deal a step's clips into `parts` micro-batches.

    A video is split only if that makes the most expensive micro-batch cheaper by more than the trunks that are then
    repeated: its clips together cost a fraction of its clips apart. A part may stay empty.

    Args:
        videos: the split's videos.
        step: indices of the step's videos.
        parts: ranks x accumulate.
    """
    if not step:
        return [[] for _ in range(parts)]
    own = {i: videos[i] for i in step}
    whole = max(video.cost(video.narrated) for video in own.values())

    def price(dealt: list[list[Unit]]) -> float:
        costs = [sum(own[u.video].cost(len(u.clips)) for u in part) for part in dealt]
        return parts * max(costs) + sum(costs)

    return min((_spread(own, _cut(own, whole / n), parts) for n in range(1, parts + 1)), key=price)


def _cut(videos: Mapping[int, Video], limit: float) -> list[Unit]:
    """The videos in the fewest equal runs of clips that cost no more than the limit, if that is possible."""
    units = []
    for i, video in videos.items():
        most = max(1, int((limit - video.trunk) / video.branch + 1e-9))
        pieces = -(-video.narrated // most)
        short, longer = divmod(video.narrated, pieces)
        ends = [piece * short + min(piece, longer) for piece in range(pieces + 1)]
        units += [Unit(i, tuple(range(begin, end))) for begin, end in pairwise(ends)]
    return units


def _spread(videos: Mapping[int, Video], units: Sequence[Unit], parts: int) -> list[list[Unit]]:
    """Give each unit, most expensive first, to the least loaded part; pieces of a video in one part become one unit."""
    load = [(0.0, part) for part in range(parts)]
    dealt: list[dict[int, list[int]]] = [{} for _ in range(parts)]
    for unit in sorted(units, key=lambda u: -videos[u.video].cost(len(u.clips))):
        total, part = heapq.heappop(load)
        dealt[part].setdefault(unit.video, []).extend(unit.clips)
        heapq.heappush(load, (total + videos[unit.video].cost(len(unit.clips)), part))
    place = {unit.video: n for n, unit in enumerate(units)}
    return [
        [Unit(video, tuple(sorted(part[video]))) for video in sorted(part, key=lambda v: place[v])] for part in dealt
    ]


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps of a training run.

    Args:
        videos: the train split's videos.
        seed: random seed of the run.
        clips_per_step: clips per optimizer step, at least (32 in the paper).
        block_shards: see `epoch_order`.
    """

    videos: Sequence[Video]
    seed: int
    clips_per_step: int
    block_shards: int | None = None

    def epoch(self, epoch: int) -> Steps:
        """The steps of an epoch."""
        order = epoch_order(self.videos, self.seed, epoch, self.block_shards)
        return steps(self.videos, order, self.clips_per_step)

    def horizon(self, epochs: int, most: int = -1) -> int:
        """Optimizer steps of a whole run of this many epochs, at most `most` unless that is negative."""
        steps = 0
        for epoch in range(epochs):
            steps += len(self.epoch(epoch))
            if 0 <= most <= steps:
                return most
        return steps
