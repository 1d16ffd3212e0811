"""Rows side by side as tensors: a micro-batch.

Rows of a video begin alike: the row of clip 5 holds, word for word, what stands before clip 4 in its row. So they
share one line of a batch, a trunk with a branch a clip:

    instruction · product · clip 1 · clip 2 · clip 3 | 1: scene ... | 2: scene ... | 3: scene ... | 4: scene ...
    `------------------ trunk -----------------------'  `- a branch sees the trunk before its clip, and itself -'

The positions in a branch go on from where its clip stands in the trunk, so the losses and gradients are those of the
rows apart, for about a third of the tokens at seven clips (spec "Language path"; design "How the training step works").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vn.llm.attention import Branch, Tree
from vn.llm.packing import Row

VideoRow = tuple[int, Row]
"""A row, and the index of its video among those of the batch."""


@dataclass(slots=True)
class Batch:
    """A micro-batch: padded lines of tokens, and flat indices into them.

    Attributes:
        ids: ``[B, L]``; a line is a row, or several rows of a video that share their beginning.
        mask: ``[B, L]``, 1 at real tokens.
        trees: what sees what in each line, when some rows share their beginning; else None, and all is causal.
        places: ``[B, L]``, where each token stands in its own row: RoPE's position ids.
        frames: ``[F, T, D]``, the frames of all videos in it, as stored.
        weights: ``[V, F]``: visual frames of all rows in order, as combinations of frames.
        positions: ``[V]``: the clip position of each visual frame.
        visual_places: ``[V * T]`` flat indices of the visual tokens.
        target_places: ``[N]`` flat indices of the supervised tokens.
        targets: ``[N]`` their ids.
        weight: 1, or 0 for an empty micro-batch.
        step_targets: supervised tokens of the whole optimizer step.
        keys: ``video#clip`` of each row, for messages.
        cut: rows that were cut to fit.
        step_videos: videos of the whole optimizer step.
        bad: videos that were left out: key, and what is wrong.
    """

    ids: Tensor
    mask: Tensor
    trees: list[Tree] | None
    places: Tensor
    frames: Tensor
    weights: Tensor
    positions: Tensor
    visual_places: Tensor
    target_places: Tensor
    targets: Tensor
    weight: float
    step_targets: int
    keys: list[str]
    cut: int
    step_videos: int = 1
    bad: dict[str, str] = field(default_factory=dict)

    def _map(self, apply: Any) -> Batch:
        changed = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: apply(v) for k, v in changed.items() if isinstance(v, Tensor)})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The batch on a device."""
        return self._map(lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory (called by torch's DataLoader)."""
        return self._map(lambda t: t.pin_memory())


class Line:
    """One line of a batch: rows of a video, longest beginning first shared by all.

    Args:
        rows: each begins, up to its `own`, like the one with the longest beginning; a single row is a line too.
    """

    def __init__(self, rows: Sequence[VideoRow]) -> None:
        self.rows = list(rows)
        trunk = max((row for _, row in self.rows), key=lambda row: row.own)
        self.ids = trunk.ids[: trunk.own]
        self.places = list(range(trunk.own))
        self.starts: list[int] = []
        for _, row in self.rows:
            self.starts.append(len(self.ids))
            self.ids = self.ids + row.ids[row.own :]
            self.places += range(row.own, len(row.ids))
        self.trunk = trunk.own

    def at(self, n: int, place: int) -> int:
        """Where a place in the own part of row n comes to stand."""
        return self.starts[n] + place - self.rows[n][1].own

    def tree(self) -> Tree:
        """What sees what in the line."""
        ends = [start + len(row.ids) - row.own for start, (_, row) in zip(self.starts, self.rows, strict=True)]
        parts = zip(self.starts, ends, self.rows, strict=True)
        return Tree(self.trunk, tuple(Branch(start, end, row.own) for start, end, (_, row) in parts))


def share(rows: Sequence[VideoRow]) -> list[Line]:
    """Lines in which rows of a video that begin alike stand together.

    A row that was cut to fit begins otherwise, and gets a line of its own.
    """
    lines: list[list[VideoRow]] = []
    for video, row in sorted(rows, key=lambda each: (each[0], -each[1].own)):
        for line in lines:
            first_video, first = line[0]
            if first_video == video and first.ids[: row.own] == row.ids[: row.own]:
                line.append((video, row))
                break
        else:
            lines.append([(video, row)])
    return [Line(line) for line in lines]


def collate(
    rows: Sequence[VideoRow] | Sequence[Line],
    videos: Sequence[np.ndarray],
    frame_tokens: int,
    pad: int,
    step_targets: int | None = None,
    weight: float = 1.0,
    pad_left: bool = False,
) -> Batch:
    """Rows, or lines of them, to a batch.

    Args:
        rows: (index into `videos`, row), a line each; or lines made by `share`. At least one.
        videos: frame features ``[F, T, D]`` of the videos the rows are cut from.
        frame_tokens: T.
        pad: the id for padding.
        step_targets: supervised tokens of the whole optimizer step; None means those of this batch.
        weight: 0 makes the batch count for nothing.
        pad_left: let all lines end together, so that tokens can be appended to them.
    """
    lines = [each if isinstance(each, Line) else Line([each]) for each in rows]
    length = max(len(line.ids) for line in lines)
    starts = np.cumsum([0, *(len(v) for v in videos)])
    ids = np.full((len(lines), length), pad, dtype=np.int64)
    places = np.zeros((len(lines), length), dtype=np.int64)
    mask = np.zeros((len(lines), length), dtype=np.int64)
    flat_rows = [each for line in lines for each in line.rows]
    weights = np.zeros((sum(len(row.plan.weights) for _, row in flat_rows), starts[-1]), dtype=np.float32)
    positions: list[int] = []
    visual: list[int] = []
    target_places: list[int] = []
    targets: list[int] = []
    filled = 0
    for b, line in enumerate(lines):
        start = length - len(line.ids) if pad_left else 0
        ids[b, start : start + len(line.ids)] = line.ids
        places[b, start : start + len(line.ids)] = line.places
        mask[b, start : start + len(line.ids)] = 1
        base = b * length + start
        for n, (video, row) in enumerate(line.rows):
            count = len(row.plan.weights)
            weights[filled : filled + count, starts[video] : starts[video + 1]] = row.plan.weights
            filled += count
            positions += [row.position] * count
            scene = base + line.at(n, row.visual)
            visual += range(scene, scene + count * frame_tokens)
            target_places += [base + line.at(n, i) for i in row.supervised]
            targets += [row.ids[i] for i in row.supervised]
    shared = any(len(line.rows) > 1 for line in lines)
    return Batch(
        ids=torch.from_numpy(ids),
        mask=torch.from_numpy(mask),
        trees=[line.tree() for line in lines] if shared else None,
        places=torch.from_numpy(places),
        frames=torch.from_numpy(np.concatenate(videos)),
        weights=torch.from_numpy(weights),
        positions=torch.tensor(positions, dtype=torch.long),
        visual_places=torch.tensor(visual, dtype=torch.long),
        target_places=torch.tensor(target_places, dtype=torch.long),
        targets=torch.tensor(targets, dtype=torch.long),
        weight=weight,
        step_targets=len(targets) if step_targets is None else step_targets,
        keys=[f"{row.key}#{row.clip}" for _, row in flat_rows],
        cut=sum(bool(row.cut) for _, row in flat_rows),
    )
