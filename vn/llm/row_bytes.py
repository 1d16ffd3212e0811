"""Rows of a video as bytes, and back to equal rows: what is kept for later epochs (`vn.train.kept_rows`).

    head: rows, bytes per id, F | a line of numbers per row | runs of supervised tokens | where weights are not zero |
    those weights, float32 | ids

Rows are in reverse order. Ids are those of the last row, and of each other row what comes after the beginning that it
has in common with the last one. Whole numbers are int32, ids uint16 if they fit. Nothing in the bytes is executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vn.llm.rows import Cut, Row
from vn.visual.plan import VisualPlan

HEAD, LINE = 3, 13  # numbers of the head, and of a row


def rows_to_bytes(rows: Sequence[Row]) -> bytes:
    """Rows of one video, at least one, in the order of their clips."""
    trunk = rows[-1]
    lines: list[list[int]] = []
    runs: list[int] = []
    places: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    ids: list[int] = []
    for row in reversed(rows):
        shared = 0 if row is trunk or trunk.ids[: row.own] != row.ids[: row.own] else row.own
        supervised = np.array(row.supervised, np.int32)
        breaks = np.flatnonzero(np.diff(supervised) != 1) + 1
        ends = [0, *breaks.tolist(), len(supervised)] if len(supervised) else []
        own_runs = [number for a, b in pairwise(ends) for number in (row.supervised[a], row.supervised[b - 1] + 1)]
        where = np.nonzero(row.plan.weights)
        numbers = [row.clip, row.own, row.visual, row.clip_position, row.cut.points, row.cut.clips, row.cut.frames]
        sizes = [row.plan.memory, len(row.plan.weights), len(where[0]), len(own_runs), shared, len(row.ids) - shared]
        lines.append(numbers + sizes)
        runs += own_runs
        places += where
        weights.append(row.plan.weights[where])
        ids += row.ids[shared:]
    wide = np.dtype("<u2" if max(ids, default=0) < 1 << 16 else "<i4")
    head = [len(rows), wide.itemsize, trunk.plan.weights.shape[1]]
    parts = [head, *lines, runs, *places]
    whole = [np.asarray(part, "<i4").tobytes() for part in parts]
    return b"".join([*whole, np.concatenate(weights).astype("<f4").tobytes(), np.array(ids, wide).tobytes()])


def rows_from_bytes(data: bytes, key: str) -> list[Row]:
    """The rows of `rows_to_bytes`.

    Args:
        data: the bytes.
        key: the video's key.

    Raises:
        ValueError, IndexError: they are not such bytes.
    """
    count, wide, frames = np.frombuffer(data, "<i4", HEAD).tolist()
    at = 4 * HEAD
    lines = np.frombuffer(data, "<i4", count * LINE, at).reshape(count, LINE).tolist()
    at += 4 * count * LINE
    runs = np.frombuffer(data, "<i4", sum(line[10] for line in lines), at).tolist()
    at += 4 * len(runs)
    filled = sum(line[9] for line in lines)
    places = np.frombuffer(data, "<i4", 2 * filled, at)
    at += 8 * filled
    values = np.frombuffer(data, "<f4", filled, at)
    at += 4 * filled
    ids = np.frombuffer(data, {2: "<u2", 4: "<i4"}.get(wide, "V0"), -1, at).tolist()
    if len(ids) != sum(line[12] for line in lines):
        raise ValueError("the number of ids is another one")
    rows: list[Row] = []
    trunk: list[int] = []
    run = place = first = 0
    for clip, own, visual, position, points, clips, cut_frames, memory, shown, full, edges, shared, rest in lines:
        weights = np.zeros((shown, frames), dtype=np.float32)
        here = 2 * place
        weights[places[here : here + full], places[here + full : here + 2 * full]] = values[place : place + full]
        supervised: list[int] = []
        for edge in range(run, run + edges, 2):
            supervised += range(runs[edge], runs[edge + 1])
        all_ids = trunk[:shared] + ids[first : first + rest]
        trunk = trunk or all_ids
        run, place, first = run + edges, place + full, first + rest
        cut = Cut(points, clips, cut_frames)
        plan = VisualPlan(weights, memory)
        rows.append(Row(key, clip, all_ids, own, visual, supervised, plan, position, cut))
    return rows[::-1]
