"""From a story and its visual plans to rows of token ids with supervised tokens.

The unit of training is a clip of a video. Each clip is one row here: the text of the earlier clips, its own frames,
and its label and narration, which alone are supervised. `vn.llm.packing` concatenates rows, and lets rows of a video
share the text they have in common.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from vn.card import NarratorCard
from vn.errors import InputError
from vn.llm.tokens import SegmentTokenizer
from vn.prompt import PromptWriter, Segment, Written
from vn.story import Story, WordRange
from vn.template import Template
from vn.visual.plan import VisualPlan, VisualPlans

WRITTEN = ("label", "narration")  # roles of what the model writes
NO_FRAMES = VisualPlan(np.empty((0, 0), dtype=np.float32), 0)


@dataclass(frozen=True, slots=True)
class Cut:
    """What was cut from an over-long prompt: numbers of knowledge points, earlier clips' texts, memory frames."""

    points: int = 0
    clips: int = 0
    frames: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.clips or self.frames)


@dataclass(frozen=True, slots=True)
class Row:
    """One clip to narrate, as ids.

    Attributes:
        ids: token ids; the pad id in place of visual tokens.
        own: index at which the clip's own part starts. What precedes it, instruction and earlier clips' text, begins
            the rows of later clips too.
        visual: index at which the visual tokens start: in the clip's own part, or before if they are the whole video's.
        supervised: indices of label, narration and newline tokens, ascending.
        plan: which frames the visual tokens are made of.
        clip_position: relative position of the clip in the video, 0 to 99.
        cut: what was left out to fit.
    """

    key: str
    clip: int
    ids: list[int]
    own: int
    visual: int
    supervised: list[int]
    plan: VisualPlan
    clip_position: int
    cut: Cut = field(default_factory=Cut)

    @property
    def shares_scene(self) -> bool:
        """Whether the visual tokens begin the rows of later clips too."""
        return self.visual < self.own


class RowBuilder:
    """Builds rows for training and prompts for generation, from the same segments.

    Args:
        tokens: the segment tokenizer.
        template: the prompt template.
        card: the narrator's card.
        mean: ``[D]``, mean of the frame features if the model standardises them, else None.
        std: ``[D]``, their standard deviation, or None.

    Attributes:
        frame_shape: T and D of frames as they are stored.
        frame_tokens: tokens per frame that the model sees: T, or 1 if they are pooled.
        shared_frames: frames of the whole video, which its clips share; None if each clip has its own.
    """

    def __init__(
        self,
        tokens: SegmentTokenizer,
        template: Template,
        card: NarratorCard,
        mean: np.ndarray | None = None,
        std: np.ndarray | None = None,
    ) -> None:
        self.tokens = tokens
        self.template = template
        self.storyline = card.storyline and template.storyline
        self.words = card.word_range
        self.visual = card.visual
        self.threshold = card.threshold
        self.frame_tokens = 1 if card.visual.pool else card.tokens
        self.frame_shape = card.tokens, card.width
        self.shared_frames = card.visual.frames if card.visual.scope == "video" else None
        self.max_length = card.max_length
        self.mean = mean
        self.std = std
        self._plans_of: tuple[Story, np.ndarray, np.ndarray | None] | None = None
        self._plans: VisualPlans | None = None

    def means(self, frames: np.ndarray) -> np.ndarray:
        """Input of plans: token means ``[F, D]``, standardised as for the model; `frames` ``[F, T, D]`` as stored."""
        means = torch.from_numpy(frames).float().mean(dim=1).numpy()  # numpy takes ten times as long for float16
        return (means - self.mean) / self.std if self.mean is not None and self.std is not None else means

    def plan(
        self, story: Story, frames: np.ndarray, seconds: np.ndarray, clip: int, means: np.ndarray | None = None
    ) -> VisualPlan:
        """The visual plan of a clip; `frames` ``[F, T, D]`` as stored, `means` their token means if known."""
        of = self._plans_of  # the clips of a video come one after another
        if self._plans is None or of is None or of[0] is not story or of[1] is not frames or of[2] is not means:
            self._plans_of, self._plans = (story, frames, means), self.plans(story, frames, seconds, means)
        return self._plans.plan(clip)

    def plans(
        self, story: Story, frames: np.ndarray, seconds: np.ndarray, means: np.ndarray | None = None
    ) -> VisualPlans:
        """The visual plans of all clips of a video; arguments as of `plan`."""
        means = self.means(frames) if means is None else means
        return VisualPlans(means, seconds, story, self.visual, self.threshold)

    def writer(self, story: Story) -> PromptWriter:
        """Writes the segments of a story's prompts."""
        return PromptWriter(story, self.template, self.storyline, scene_in_head=self.shared_frames is not None)

    def reference(self, story: Story, clip: int) -> Written:
        """The reference text of a clip: what training supervises and later clips' rows contain."""
        data = story.clips[clip]
        return Written(self.words.range_of(data, story.language), data.labels, data.narration or "")

    def training_row(self, story: Story, plan: VisualPlan, clip: int) -> Row:
        """The row of a narrated clip, with the reference texts of the earlier clips."""
        earlier = [(i, self.reference(story, i)) for i in story.narrated if i < clip]
        writer = self.writer(story)
        return self._fit(writer, plan, clip, earlier, writer.clip(clip, self.reference(story, clip), scene=True), 0)

    def training_rows(self, story: Story, plans: VisualPlans, clips: Sequence[int]) -> list[Row]:
        """The rows of some narrated clips, ascending; each equals its `training_row`.

        The text that they have in common is written, tokenised and laid once; a row that is too long is fitted alone.
        """
        writer = self.writer(story)
        texts = {
            clip: writer.clip(clip, self.reference(story, clip), scene=True)
            for clip in story.narrated
            if clips and clip <= clips[-1]
        }
        head = writer.head()
        self.tokens.know([segment.text for text in (head, *texts.values()) for segment in text])
        laid, rows = Laid(self), []
        for n, (clip, text) in enumerate(texts.items()):
            plan = plans.plan(clip) if clip in clips else None
            if not n:  # the whole video's frames are in the head, and the same for all clips
                laid.add(head, NO_FRAMES if self.shared_frames is None else plans.plan(clip))
            if plan is not None:
                row = laid.copy()
                row.add(text, plan)
                fits = len(row.ids) <= self.max_length
                own = len(laid.ids)
                rows.append(row.row(story, clip, own, plan, Cut()) if fits else self.training_row(story, plan, clip))
            laid.add(writer.without_scene(text), NO_FRAMES, supervise=False)
        return rows

    def prompt(
        self,
        story: Story,
        plan: VisualPlan,
        clip: int,
        earlier: Sequence[tuple[int, Written]],
        reserve: int,
        points_dropped: int = 0,
        words: WordRange | None = None,
    ) -> Row:
        """The row of a clip up to its label.

        Args:
            story: story of the clip.
            plan: visual plan of the clip.
            clip: number of the clip.
            earlier: the clips before it, as they were written.
            reserve: tokens to leave free for what is written.
            points_dropped: leave out this many knowledge points, from the end, or more.
            words: its range of words; None: the rule's.
        """
        writer = self.writer(story)
        words = words or self.words.range_of(story.clips[clip], story.language)
        own = writer.opening(clip, words, scene=True)
        return self._fit(writer, plan, clip, earlier, own, reserve, points_dropped)

    def supervised_tokens(self, story: Story, clip: int) -> int:
        """How many tokens of a clip are supervised, without building its row."""
        writer = self.writer(story)
        segments = writer.clip(clip, self.reference(story, clip), scene=False)
        return sum(len(self.ids(s)) for s in segments if s.role in WRITTEN)

    def written_ids(self, story: Story, clip: int) -> list[int]:
        """The ids of a clip's reference text from its label on, or without a storyline of its narration."""
        writer, reference = self.writer(story), self.reference(story, clip)
        segments = writer.clip(clip, reference, scene=False)[len(writer.opening(clip, reference.words, scene=False)) :]
        return [i for segment in segments for i in self.ids(segment)]

    def _fit(
        self,
        writer: PromptWriter,
        plan: VisualPlan,
        clip: int,
        earlier: Sequence[tuple[int, Written]],
        own: list[Segment],
        reserve: int,
        points: int = 0,
    ) -> Row:
        """Assemble a row, dropping what it can do without until it fits (docs/design.md#fitting-a-prompt)."""
        story = writer.story
        clips = frames = 0
        texts = [writer.earlier([each]) for each in earlier]
        while True:
            before = [*writer.head(points), *(s for text in texts[clips:] for s in text)]
            row = self._assemble(story, plan, clip, before, own, Cut(points, clips, frames))
            over = len(row.ids) + reserve - self.max_length
            if over <= 0:
                return row
            if self.visual.memory == "all" and plan.memory:
                dropped = min(plan.memory, -(-over // self.frame_tokens))
                plan, frames = plan.without_oldest(dropped), frames + dropped
            elif points < writer.points:
                points = self._points_to_drop(writer, points, over)
            elif clips < len(texts):
                clips += 1
            else:
                raise InputError(
                    f"clip {clip} alone takes {len(row.ids) + reserve} tokens, more than max_length {self.max_length}",
                    sample=story.id,
                )

    def ids(self, segment: Segment) -> tuple[int, ...]:
        """The ids of a segment; of a turn its own, if the model was trained on such turns."""
        known = self.tokens.turn(segment.turn) if segment.role == "turn" else ()
        return known or self.tokens.encode(segment.text)

    def _points_to_drop(self, writer: PromptWriter, dropped: int, over: int) -> int:
        """How many knowledge points to drop in all, given that `dropped` are already and the row is `over` too long.

        By bisection, for which only the aspect that is cut is tokenised: others have their points, or none.
        """
        before = [0]  # points of the aspects before each, and tokens of their lines
        tokens = [0]
        for number, aspect in enumerate(writer.story.knowledge):
            count = len(aspect.points)
            before.append(before[-1] + count)
            tokens.append(tokens[-1] + (len(self.ids(writer.aspect(number, count))) if count else 0))

        def length(points: int) -> int:
            """Tokens of all lines without this many points."""
            left = before[-1] - points
            cut = bisect_right(before, left) - 1
            some = left - before[cut]
            return tokens[cut] + (len(self.ids(writer.aspect(cut, some))) if some else 0)

        now = length(dropped)
        more = range(dropped + 1, before[-1])
        return dropped + 1 + bisect_left(more, over, key=lambda points: now - length(points))

    def _assemble(
        self, story: Story, plan: VisualPlan, clip: int, before: list[Segment], own: list[Segment], cut: Cut
    ) -> Row:
        laid = Laid(self)
        laid.add(before, plan)
        start = len(laid.ids)
        laid.add(own, plan)
        return laid.row(story, clip, start, plan, cut)

    def empty_row(self) -> Row:
        """A row for an empty micro-batch: it passes through every module, with weight 0 in the loss."""
        plan = VisualPlan(np.ones((1, 1), dtype=np.float32), 0)
        ids = [*self.tokens.start, *[self.tokens.pad] * self.frame_tokens, self.tokens.newline]
        start = len(self.tokens.start)
        return Row("(empty)", 0, ids, start, start, [len(ids) - 1], plan, 0)


class Laid:
    """Segments laid one after another, as ids.

    Args:
        builder: tokenises segments.
    """

    def __init__(self, builder: RowBuilder) -> None:
        self.builder = builder
        self.ids = [*builder.tokens.start]
        self.visual = -1
        self.supervised: list[int] = []
        self._turn = ""  # that is open

    def copy(self) -> Laid:
        """A copy, to which something else can be added."""
        other = Laid.__new__(Laid)
        other.builder, other.ids, other.visual = self.builder, self.ids.copy(), self.visual
        other.supervised, other._turn = self.supervised.copy(), self._turn
        return other

    def add(self, segments: Sequence[Segment], plan: VisualPlan, supervise: bool = True) -> None:
        """Add segments; `plan` says how many visual tokens there are.

        Args:
            segments: the segments.
            plan: the visual plan.
            supervise: whether what the model writes is supervised.
        """
        builder, ids = self.builder, self.ids
        for segment in segments:
            if segment.role == "visual":
                self.visual = len(ids)
                ids += [builder.tokens.pad] * (len(plan.weights) * builder.frame_tokens)
                continue
            if segment.role == "turn" and builder.tokens.turn(segment.turn):
                if self._turn == segment.turn:  # is open already
                    continue
                self._turn = segment.turn
            begin = len(ids)
            ids += builder.ids(segment)
            if supervise and segment.role in WRITTEN:
                self.supervised += range(begin, len(ids))

    def row(self, story: Story, clip: int, own: int, plan: VisualPlan, cut: Cut) -> Row:
        """What was laid as a clip's row, whose own part begins at `own`."""
        return Row(story.id, clip, self.ids, own, self.visual, self.supervised, plan, story.position(clip), cut)
