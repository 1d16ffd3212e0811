"""Which sample in which step: a pure function of (seed, epoch, step), from the manifest alone.

    shards permuted -> samples shuffled within blocks of K shards -> consecutive videos until a step holds
    `clips_per_step` clips -> its videos dealt into ranks x accumulate micro-batches, long ones split into pieces

so steps per epoch, the learning-rate horizon and the samples of a step are the same on any machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Unit:
    """Some narrated clips of a video, dealt together. `clips` counts narrated clips only, from 0."""

    video: int
    clips: tuple[int, ...]


def epoch_order(videos: Sequence[Video], seed: int, epoch: int, block_shards: int | None = None) -> list[int]:
    """The order of an epoch.

    Args:
        videos: the split's videos, in the manifest's order.
        seed: random seed of the run.
        epoch: from 0.
        block_shards: samples are shuffled within blocks of this many shards; None shuffles all (a full permutation),
            small values read remote shards one after another.

    Returns:
        Indices into `videos`, each once; videos without a narrated clip are left out.
    """
    random = np.random.default_rng((seed, epoch))
    shards = random.permutation(1 + max((v.shard for v in videos), default=-1))
    block = block_shards or max(1, len(shards))
    of_shard: dict[int, list[int]] = {}
    for i, video in enumerate(videos):
        if video.narrated:
            of_shard.setdefault(video.shard, []).append(i)
    order: list[int] = []
    for start in range(0, len(shards), block):
        members = [i for s in shards[start : start + block] for i in of_shard.get(int(s), [])]
        order += [members[i] for i in random.permutation(len(members))]
    return order


def steps(videos: Sequence[Video], order: Sequence[int], clips_per_step: int) -> list[list[int]]:
    """Cut an order into optimizer steps: consecutive videos until they hold `clips_per_step` clips.

    The last step of an epoch may hold fewer.
    """
    done: list[list[int]] = []
    step: list[int] = []
    clips = 0
    for i in order:
        step.append(i)
        clips += videos[i].narrated
        if clips >= clips_per_step:
            done.append(step)
            step, clips = [], 0
    return [*done, step] if step else done


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
    whole = max(videos[i].cost(videos[i].narrated) for i in step)

    def price(dealt: list[list[Unit]]) -> float:
        costs = [sum(videos[u.video].cost(len(u.clips)) for u in part) for part in dealt]
        return parts * max(costs) + sum(costs)

    return min((_spread(videos, _cut(videos, step, whole / n), parts) for n in range(1, parts + 1)), key=price)


def _cut(videos: Sequence[Video], step: Sequence[int], limit: float) -> list[Unit]:
    """The videos in the fewest equal runs of clips that cost no more than the limit, if that is possible."""
    units = []
    for i in step:
        video = videos[i]
        most = max(1, int((limit - video.trunk) / video.branch + 1e-9))
        pieces = np.array_split(np.arange(video.narrated), -(-video.narrated // most))
        units += [Unit(i, tuple(piece.tolist())) for piece in pieces]
    return units


def _spread(videos: Sequence[Video], units: Sequence[Unit], parts: int) -> list[list[Unit]]:
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

    def epoch(self, epoch: int) -> list[list[int]]:
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
