"""The cost in tokens of distributing a step's videos over micro-batches: whole if that pays, or clip by clip.

    VN_REAL_DATA=FOLDER python benchmarks/dealing.py

A step has five stories. Tokens of the rows are counted as they are built: over all micro-batches (what a single device
computes in turn), and of the longest (what a step waits for if each device has one).
"""

from __future__ import annotations

import heapq

import numpy as np
import stories as s

from vn.data.order import Unit, Video, deal
from vn.data.samples import in_columns
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.data.shard_writer import _characters
from vn.data.token_estimates import estimated_videos
from vn.llm.rows import Row
from vn.story import Story

AT_ONCE = 5


def estimate(story: Story) -> Video:
    """The dealer's view of a story, as of its entry in a manifest."""
    clips, narrated = len(story.clips), len(story.narrated)
    seconds = story.duration
    frames = 3 * clips
    entry = SampleEntry(story.id, 0, 0, clips, narrated, frames, seconds, _characters(story), "", 0)
    samples, _ = in_columns([ShardEntry("train-00000.tar", "", 0, [entry])])
    return estimated_videos(samples, s.TOKENS, story.language)[0]


def clip_by_clip(videos: list[Video], step: range, parts: int) -> list[list[Unit]]:
    """Each clip to the part with the least so far, as if clips of a video had nothing in common."""
    load = [(0.0, part) for part in range(parts)]
    dealt: list[dict[int, list[int]]] = [{} for _ in range(parts)]
    costs = [(videos[i].cost(1), i, clip) for i in step for clip in range(videos[i].narrated)]
    for cost, i, clip in sorted(costs, key=lambda each: (-each[0], *each[1:])):
        total, part = heapq.heappop(load)
        dealt[part].setdefault(i, []).append(clip)
        heapq.heappush(load, (total + cost, part))
    return [[Unit(i, tuple(clips)) for i, clips in part.items()] for part in dealt]


def tokens(rows: list[list[Row]], part: list[Unit]) -> int:
    """Tokens of a micro-batch's line."""
    chosen = [[rows[u.video][clip] for clip in u.clips] for u in part]
    return sum(max(r.own for r in each) + sum(len(r.ids) - r.own for r in each) for each in chosen)


def main() -> None:
    """Print the table."""
    found, what = s.stories()
    builder = s.builder(49152)
    rows = [s.rows(story, builder) for story in found]
    videos = [estimate(story) for story in found]
    trunks = [videos[i].trunk / max(r.own for r in rows[i]) for i in range(len(rows))]
    print(f"{what}; the estimated trunk is {min(trunks):.2f} to {max(trunks):.2f} of the true one.\n")
    print("| micro-batches | all: clip by clip | ours | ratio | longest: clip by clip | ours | ratio |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    steps = [range(i, i + AT_ONCE) for i in range(0, len(found) - AT_ONCE + 1, AT_ONCE)]
    for parts in (1, 2, 4, 8, 16, 32):
        cells = []
        for most in (sum, max):
            each = [
                np.mean([most(tokens(rows, part) for part in way(videos, step, parts)) for step in steps])
                for way in (clip_by_clip, deal)
            ]
            cells.append(f"{each[0]:.0f} | {each[1]:.0f} | {each[0] / each[1]:.2f}")
        print(f"| {parts} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
