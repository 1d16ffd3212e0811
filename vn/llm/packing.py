"""From a story and its visual plans to rows of token ids with supervised places.

The unit of training is a clip of a video. Each clip is one row here: the text of the earlier clips, its own picture,
and its label and narration, which alone are supervised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vn.errors import InputError
from vn.llm.tokens import SegmentTokenizer
from vn.prompt import PromptWriter, Segment, Template, Written
from vn.story import Story, WordRangeRule
from vn.visual.plan import VisualPlan, VisualSettings, visual_plan


@dataclass(frozen=True, slots=True)
class Cut:
    """What an over-long prompt gave up: knowledge points, earlier clips' texts, memory frames."""

    points: int = 0
    clips: int = 0
    frames: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.clips or self.frames)


@dataclass(frozen=True, slots=True)
class Row:
    """One clip to narrate, as ids.

    Attributes:
        ids: token ids; visual places hold the pad id.
        visual: where the visual tokens start.
        supervised: indices of label, narration and newline tokens, ascending.
        plan: which frames they are made of.
        position: of the clip, in per cent.
        cut: what was left out to fit.
    """

    key: str
    clip: int
    ids: list[int]
    visual: int
    supervised: list[int]
    plan: VisualPlan
    position: int
    cut: Cut = field(default_factory=Cut)


class Packer:
    """Builds rows for training and prompts for generation, from the same segments.

    Args:
        tokens: the segment tokenizer.
        template: the wording.
        storyline: False leaves labels out (ablation b).
        words: where word ranges come from.
        visual: which parts of the visual path are on.
        threshold: tau where `visual` names none.
        frame_tokens: T, visual tokens a frame.
        width: D, width of the frame features.
        max_length: tokens a row may have.
        mean, std: statistics ``[D]`` of the frame features where the model standardises them, else None.
    """

    def __init__(
        self,
        tokens: SegmentTokenizer,
        template: Template,
        *,
        storyline: bool,
        words: WordRangeRule,
        visual: VisualSettings,
        threshold: float,
        frame_tokens: int,
        width: int,
        max_length: int,
        mean: np.ndarray | None = None,
        std: np.ndarray | None = None,
    ) -> None:
        self.tokens = tokens
        self.template = template
        self.storyline = storyline and template.storyline
        self.words = words
        self.visual = visual
        self.threshold = threshold
        self.frame_tokens = frame_tokens
        self.width = width
        self.max_length = max_length
        self.mean = mean
        self.std = std

    def plan(self, story: Story, frames: np.ndarray, seconds: np.ndarray, clip: int) -> VisualPlan:
        """The visual plan of a clip; `frames` ``[F, T, D]`` as stored."""
        means = frames.astype(np.float32).mean(axis=1)
        if self.mean is not None and self.std is not None:
            means = (means - self.mean) / self.std
        return visual_plan(means, seconds, story, clip, self.visual, self.threshold)

    def reference(self, story: Story, clip: int) -> Written:
        """What the data say of a clip: what training supervises and later clips read."""
        data = story.clips[clip]
        return Written(self.words.range_of(data, story.language), data.labels, data.narration or "")

    def training_row(self, story: Story, plan: VisualPlan, clip: int) -> Row:
        """The row of a narrated clip; the earlier clips stand there with their references."""
        earlier = [(i, self.reference(story, i)) for i in story.narrated if i < clip]
        writer = PromptWriter(story, self.template, self.storyline)
        return self._fit(writer, plan, clip, earlier, writer.clip(clip, self.reference(story, clip), scene=True), 0)

    def prompt(
        self, story: Story, plan: VisualPlan, clip: int, earlier: Sequence[tuple[int, Written]], reserve: int
    ) -> Row:
        """The row of a clip up to where its label is written, with `reserve` tokens left for what is written."""
        writer = PromptWriter(story, self.template, self.storyline)
        words = self.words.range_of(story.clips[clip], story.language)
        return self._fit(writer, plan, clip, earlier, writer.opening(clip, words, scene=True), reserve)

    def supervised_tokens(self, story: Story, clip: int) -> int:
        """How many tokens of a clip are supervised, without building its row."""
        writer = PromptWriter(story, self.template, self.storyline)
        segments = writer.clip(clip, self.reference(story, clip), scene=False)
        return sum(len(self.tokens.encode(s.text)) for s in segments if s.role in ("label", "narration"))

    def _fit(
        self,
        writer: PromptWriter,
        plan: VisualPlan,
        clip: int,
        earlier: Sequence[tuple[int, Written]],
        own: list[Segment],
        reserve: int,
    ) -> Row:
        """Assemble a row, dropping what it can do without until it fits (design "Text to tokens")."""
        story = writer.story
        points = clips = frames = 0
        texts = [writer.earlier([each]) for each in earlier]
        while True:
            segments = [*writer.head(points), *(s for text in texts[clips:] for s in text), *own]
            row = self._assemble(story, plan, clip, segments, Cut(points, clips, frames))
            over = len(row.ids) + reserve - self.max_length
            if over <= 0:
                return row
            if self.visual.memory == "all" and plan.memory:
                dropped = min(plan.memory, -(-over // self.frame_tokens))
                plan, frames = plan.without_oldest(dropped), frames + dropped
            elif points < writer.points:
                points += 1
            elif clips < len(texts):
                clips += 1
            else:
                raise InputError(
                    f"clip {clip} alone takes {len(row.ids) + reserve} tokens, more than max_length {self.max_length}",
                    sample=story.id,
                )

    def _assemble(self, story: Story, plan: VisualPlan, clip: int, segments: list[Segment], cut: Cut) -> Row:
        ids: list[int] = list(self.tokens.start)
        supervised: list[int] = []
        visual = -1
        for segment in segments:
            if segment.role == "visual":
                visual = len(ids)
                ids += [self.tokens.pad] * (len(plan.weights) * self.frame_tokens)
                continue
            new = self.tokens.encode(segment.text)
            if segment.role != "given":
                supervised += range(len(ids), len(ids) + len(new))
            ids += new
        position = story.position(clip)
        return Row(story.id, clip, ids, visual, supervised, plan, position, cut)

    def empty_row(self) -> Row:
        """A row for an empty micro-batch: it passes through every module, and `collate` gives it no weight."""
        plan = VisualPlan(np.ones((1, 1), dtype=np.float32), 0)
        ids = [*self.tokens.start, *[self.tokens.pad] * self.frame_tokens, self.tokens.newline]
        return Row("(empty)", 0, ids, len(self.tokens.start), [len(ids) - 1], plan, 0)


@dataclass(slots=True)
class Batch:
    """A micro-batch: padded rows, and flat indices into them.

    Attributes:
        ids: ``[B, L]``.
        mask: ``[B, L]``, 1 at real tokens.
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
    """

    ids: Tensor
    mask: Tensor
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

    def _map(self, apply: Any) -> Batch:
        changed = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: apply(v) for k, v in changed.items() if isinstance(v, Tensor)})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The batch on a device."""
        return self._map(lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory (called by torch's DataLoader)."""
        return self._map(lambda t: t.pin_memory())


def collate(
    rows: Sequence[tuple[int, Row]],
    videos: Sequence[np.ndarray],
    frame_tokens: int,
    pad: int,
    step_targets: int | None = None,
    weight: float = 1.0,
    pad_left: bool = False,
) -> Batch:
    """Rows to a batch.

    Args:
        rows: (index into `videos`, row), at least one.
        videos: frame features ``[F, T, D]`` of the videos the rows are cut from.
        frame_tokens: T.
        pad: the id for padding.
        step_targets: supervised tokens of the whole optimizer step; None means those of this batch.
        weight: 0 makes the batch count for nothing.
        pad_left: let all rows end together, so that tokens can be appended to them.
    """
    length = max(len(row.ids) for _, row in rows)
    starts = np.cumsum([0, *(len(v) for v in videos)])
    ids = np.full((len(rows), length), pad, dtype=np.int64)
    mask = np.zeros((len(rows), length), dtype=np.int64)
    weights = np.zeros((sum(len(row.plan.weights) for _, row in rows), starts[-1]), dtype=np.float32)
    positions: list[int] = []
    visual: list[int] = []
    places: list[int] = []
    targets: list[int] = []
    at = 0
    for b, (video, row) in enumerate(rows):
        start = length - len(row.ids) if pad_left else 0
        ids[b, start : start + len(row.ids)] = row.ids
        mask[b, start : start + len(row.ids)] = 1
        count = len(row.plan.weights)
        weights[at : at + count, starts[video] : starts[video + 1]] = row.plan.weights
        at += count
        positions += [row.position] * count
        base = b * length + start
        visual += range(base + row.visual, base + row.visual + count * frame_tokens)
        places += [base + i for i in row.supervised]
        targets += [row.ids[i] for i in row.supervised]
    return Batch(
        ids=torch.from_numpy(ids),
        mask=torch.from_numpy(mask),
        frames=torch.from_numpy(np.concatenate(videos)),
        weights=torch.from_numpy(weights),
        positions=torch.tensor(positions, dtype=torch.long),
        visual_places=torch.tensor(visual, dtype=torch.long),
        target_places=torch.tensor(places, dtype=torch.long),
        targets=torch.tensor(targets, dtype=torch.long),
        weight=weight,
        step_targets=len(targets) if step_targets is None else step_targets,
        keys=[f"{row.key}#{row.clip}" for _, row in rows],
        cut=sum(bool(row.cut) for _, row in rows),
    )
