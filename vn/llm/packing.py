"""Rows as tensors: a micro-batch.

Rows of a video share a prefix: the row of clip 5 contains, word for word, what precedes clip 4 in its row. So they
share one trunk, the longest row, with a branch for each of the others, and the trees of all videos of a micro-batch
are concatenated into one line, without padding:

    instruction · product · clip 1 · clip 2 · clip 3 · 4: scene ... | 1: scene ... | 2: scene ... | 3: scene ... |
    `------------------ trunk: the row of clip 4 -----------------'  `- each sees the trunk before its clip, and itself

If the model is shown the whole video, its visual tokens are in the trunk, once for all clips.

The position ids in a branch continue from its clip's position in the trunk, so losses and gradients equal those of
separate rows, with about a third of the tokens at seven clips (docs/design.md#rows-and-trees).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vn.llm.kernels import Prepared
from vn.llm.rows import Row
from vn.llm.tensors import map_tensors
from vn.llm.trees import Branch, Tree

VideoRow = tuple[int, Row]
"""A row, and the index of its video among those of the batch."""

Prepare = Callable[[Sequence[Tree]], Prepared | None]
"""Makes what an attention kernel needs beside the trees of a line (`vn.llm.kernels.prepared`)."""


@dataclass(slots=True)
class Batch:
    """A micro-batch: lines of tokens, and flat indices into them.

    Attributes:
        ids: ``[B, L]``; a line is a padded row, or there is one line with all rows (`share`).
        mask: ``[B, L]``, 1 at real tokens.
        trees: what attends to what in the one line, if rows share their beginning; else None, and all is causal.
        position_ids: ``[B, L]``, the position of each token in its own row, for RoPE.
        frames: ``[F, T, D]``, frame features of all videos in it, as stored.
        weights: ``[V, F]``: visual frames of all rows in order, as weighted sums of frames.
        clip_positions: ``[V]``: the clip position of each visual frame.
        visual_index: ``[V * T]`` flat indices of the visual tokens, or ``[V]`` if a frame's tokens are pooled.
        target_index: ``[N]`` flat indices of the supervised tokens.
        targets: ``[N]`` ids of the supervised tokens.
        weight: 1, or 0 for an empty micro-batch.
        step_targets: number of supervised tokens of the whole optimizer step.
        keys: ``video#clip`` of each row, for messages.
        cut: number of rows that were cut to fit.
        step_videos: number of videos of the whole optimizer step.
        bad: videos that were left out: key, and what is wrong.
        prepared: what the attention kernel needs beside the trees, if it was chosen before (`vn.llm.kernels`).
    """

    ids: Tensor
    mask: Tensor
    trees: tuple[Tree, ...] | None
    position_ids: Tensor
    frames: Tensor
    weights: Tensor
    clip_positions: Tensor
    visual_index: Tensor
    target_index: Tensor
    targets: Tensor
    weight: float
    step_targets: int
    keys: list[str]
    cut: int
    step_videos: int = 1
    bad: dict[str, str] = field(default_factory=dict)
    prepared: Prepared | None = None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The batch on a device."""
        return map_tensors(self, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory (called by torch's DataLoader)."""
        return map_tensors(self, lambda t: t.pin_memory())


class Line:
    """Rows concatenated, those of a group on a common trunk.

    Args:
        groups: rows of a video whose tokens up to `own` equal those of the first of them. A single row is a group too.
    """

    def __init__(self, groups: Sequence[Sequence[VideoRow]]) -> None:
        self.ids: list[int] = []
        self.position_ids: list[int] = []
        self.rows: list[VideoRow] = []
        self.shifts: list[int] = []  # from an index in a row's own part to its index in the line
        self.shows: list[bool] = []  # whether a row's visual tokens are among its own, and not those of its trunk
        trees = []
        for group in groups:
            start = self._lay(group[0], 0)
            end, branches = len(self.ids), []
            for video, row in group[1:]:
                branches.append(Branch(self._lay((video, row), row.own), len(self.ids), start + row.own))
            trees.append(Tree(start, end, tuple(branches)))
        self.trees = tuple(trees)

    def _lay(self, video_row: VideoRow, first: int) -> int:
        """Append a row from its index `first` on; returns the index in the line at which it starts."""
        start, row = len(self.ids), video_row[1]
        self.ids += row.ids[first:]
        self.position_ids += range(first, len(row.ids))
        self.rows.append(video_row)
        self.shifts.append(start - first)
        self.shows.append(row.visual >= first)
        return start


def share(rows: Sequence[VideoRow]) -> Line:
    """All rows in one line, in which rows of a video with a common beginning share it.

    A row that was cut to fit begins differently and shares nothing.
    """
    groups: list[list[VideoRow]] = []
    for video, row in sorted(rows, key=lambda each: (each[0], -each[1].own)):
        for group in groups:
            first_video, first = group[0]
            if first_video == video and first.ids[: row.own] == row.ids[: row.own] and _see_alike(first, row):
                group.append((video, row))
                break
        else:
            groups.append([(video, row)])
    return Line(groups)


def _see_alike(first: Row, row: Row) -> bool:
    """Whether the visual tokens in the common beginning of two rows of a video, if they are there, are the same."""
    return not row.shares_scene or np.array_equal(first.plan.weights, row.plan.weights)


def no_preparation(trees: Sequence[Tree]) -> None:
    """Prepares nothing: SDPA needs no more than the trees."""


def collate(
    rows: Sequence[VideoRow] | Line,
    videos: Sequence[np.ndarray],
    frame_tokens: int,
    pad: int,
    step_targets: int | None = None,
    weight: float = 1.0,
    prepare: Prepare = no_preparation,
) -> Batch:
    """Collate rows into a batch.

    Args:
        rows: (index into `videos`, row), at least one, each a padded line; or one line of rows, made by `share`.
        videos: frame features ``[F, T, D]`` of the rows' videos.
        frame_tokens: tokens per frame that the model sees.
        pad: the id for padding.
        step_targets: number of supervised tokens of the whole optimizer step; None means those of this batch.
        weight: weight of the batch in the loss; 0 for an empty one.
        prepare: makes what the attention kernel needs of a line's trees.
    """
    lines = [rows] if isinstance(rows, Line) else [Line([[each]]) for each in rows]
    length = max(len(line.ids) for line in lines)
    starts = np.cumsum([0, *(len(v) for v in videos)])
    ids = np.full((len(lines), length), pad, dtype=np.int64)
    position_ids = np.zeros((len(lines), length), dtype=np.int64)
    mask = np.zeros((len(lines), length), dtype=np.int64)
    flat_rows = [each for line in lines for each in line.rows]
    shown = (row for line in lines for (_, row), shows in zip(line.rows, line.shows, strict=True) if shows)
    weights = np.zeros((sum(len(row.plan.weights) for row in shown), starts[-1]), dtype=np.float32)
    clip_positions: list[int] = []
    visual: list[int] = []
    target_index: list[int] = []
    targets: list[int] = []
    filled = 0
    for b, line in enumerate(lines):
        ids[b, : len(line.ids)] = line.ids
        position_ids[b, : len(line.ids)] = line.position_ids
        mask[b, : len(line.ids)] = 1
        base = b * length
        for (video, row), shift, shows in zip(line.rows, line.shifts, line.shows, strict=True):
            if shows:
                count = len(row.plan.weights)
                weights[filled : filled + count, starts[video] : starts[video + 1]] = row.plan.weights
                filled += count
                clip_positions += [row.clip_position] * count
                scene = base + shift + row.visual
                visual += range(scene, scene + count * frame_tokens)
            target_index += [base + shift + i for i in row.supervised]
            targets += [row.ids[i] for i in row.supervised]
    return Batch(
        ids=torch.from_numpy(ids),
        mask=torch.from_numpy(mask),
        trees=rows.trees if isinstance(rows, Line) else None,
        position_ids=torch.from_numpy(position_ids),
        frames=torch.from_numpy(np.concatenate(videos) if len(videos) > 1 else videos[0]),
        weights=torch.from_numpy(weights),
        clip_positions=torch.tensor(clip_positions, dtype=torch.long),
        visual_index=torch.tensor(visual, dtype=torch.long),
        target_index=torch.tensor(target_index, dtype=torch.long),
        targets=torch.tensor(targets, dtype=torch.long),
        weight=weight,
        step_targets=len(targets) if step_targets is None else step_targets,
        keys=[f"{row.key}#{row.clip}" for _, row in flat_rows],
        cut=sum(bool(row.cut) for _, row in flat_rows),
        prepared=prepare(rows.trees) if isinstance(rows, Line) else None,
    )
