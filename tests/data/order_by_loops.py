"""The order of training as it was first written, video by video: the reference of `vn.data.order`."""

from __future__ import annotations

import heapq

import numpy as np

from vn.data.order import Unit, Video
from vn.data.shard_entries import SampleEntry
from vn.data.token_estimates import HEADER_TOKENS, INSTRUCTION_TOKENS, WRITTEN_TOKENS


def epoch_order(videos: list[Video], seed: int, epoch: int, block_shards: int | None = None) -> list[int]:
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


def steps(videos: list[Video], order: list[int], clips_per_step: int) -> list[list[int]]:
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


def deal(videos: list[Video], step: list[int], parts: int) -> list[list[Unit]]:
    if not step:
        return [[] for _ in range(parts)]
    whole = max(videos[i].cost(videos[i].narrated) for i in step)

    def price(dealt: list[list[Unit]]) -> float:
        costs = [sum(videos[u.video].cost(len(u.clips)) for u in part) for part in dealt]
        return parts * max(costs) + sum(costs)

    return min((_spread(videos, _cut(videos, step, whole / n), parts) for n in range(1, parts + 1)), key=price)


def _cut(videos: list[Video], step: list[int], limit: float) -> list[Unit]:
    units = []
    for i in step:
        video = videos[i]
        most = max(1, int((limit - video.trunk) / video.branch + 1e-9))
        pieces = np.array_split(np.arange(video.narrated), -(-video.narrated // most))
        units += [Unit(i, tuple(piece.tolist())) for piece in pieces]
    return units


def _spread(videos: list[Video], units: list[Unit], parts: int) -> list[list[Unit]]:
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


def estimated_video(entry: SampleEntry, frame_tokens: int, language: str) -> Video:
    frames = frame_tokens * (1 + entry.frames / max(1, entry.clips))
    text = entry.characters / (1 if language == "zh" else 4)
    trunk = INSTRUCTION_TOKENS + text + HEADER_TOKENS * entry.clips
    return Video(entry.shard_index, entry.narrated, frames + HEADER_TOKENS + WRITTEN_TOKENS, trunk)
