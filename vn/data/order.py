"""Which sample in which step: a pure function of (seed, epoch, step), from the manifest alone.

    shards permuted -> samples shuffled within blocks of K shards -> consecutive videos until a step holds
    `clips_per_step` clips -> its clips dealt into ranks x accumulate micro-batches, about equal in tokens

so steps an epoch, the learning-rate horizon and the samples of a step are the same on any machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Video:
    """What the order needs to know of a video.

    Attributes:
        shard: the number of its shard in the split.
        narrated: how many clips are narrated, i.e. trained on.
        tokens: a clip's estimated cost, in any unit.
    """

    shard: int
    narrated: int
    tokens: float = 1.0


@dataclass(frozen=True, slots=True)
class Unit:
    """Some narrated clips of a video: what is dealt. `clips` count narrated clips only, from 0."""

    video: int
    clips: tuple[int, ...]


def epoch_order(videos: Sequence[Video], seed: int, epoch: int, block_shards: int | None = None) -> list[int]:
    """The order of an epoch.

    Args:
        videos: of the split, in the manifest's order.
        seed: of the run.
        epoch: from 0.
        block_shards: samples mix within blocks of this many shards; None mixes all (a full permutation), small
            values read remote shards one after another.

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
    """Deal a step's clips into `parts` micro-batches about equal in tokens.

    Clips go, dearest first, to the part with the least; within a part, a video's clips form one unit, so a long
    video may be split. A part may stay empty.

    Args:
        videos: of the split.
        step: indices of the step's videos.
        parts: ranks x accumulate.
    """
    clips = [(videos[i].tokens, i, clip) for i in step for clip in range(videos[i].narrated)]
    clips.sort(key=lambda c: (-c[0], c[1], c[2]))
    load = [(0.0, part) for part in range(parts)]
    dealt: list[dict[int, list[int]]] = [{} for _ in range(parts)]
    for tokens, video, clip in clips:
        total, part = heapq.heappop(load)
        dealt[part].setdefault(video, []).append(clip)
        heapq.heappush(load, (total + tokens, part))
    place = {video: n for n, video in enumerate(step)}
    return [
        [Unit(video, tuple(sorted(part[video]))) for video in sorted(part, key=lambda v: place[v])] for part in dealt
    ]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every step of a training run.

    Args:
        videos: of the train split.
        seed: of the run.
        clips_per_step: clips of an optimizer step, at least (32 in the paper).
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

    def horizon(self, epochs: int) -> int:
        """Optimizer steps of a whole run."""
        return sum(len(self.epoch(e)) for e in range(epochs))
