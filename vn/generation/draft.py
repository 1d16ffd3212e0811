"""A story being written: its video, what has been written, and which clips remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch

from vn.errors import InputError
from vn.generation.decoding import Decoding, Repeats
from vn.generation.drafts import Drafter
from vn.llm.rows import Row, RowBuilder
from vn.prompt import Written
from vn.story import Fixed, Labels, Story, WordRange
from vn.visual.plan import VisualPlan
from vn.written import LabelOdds, WrittenClip

ROOM = 4  # when knowledge points do not fit, at most 1/ROOM of the context is kept free of them for earlier texts


@dataclass(frozen=True, slots=True)
class VideoInput:
    """A video to narrate.

    Attributes:
        story: title, knowledge, clips and, if they are to be followed, their labels.
        frames: frame features ``[F, T, D]``.
        seconds: ``[F]``, the time of each frame.
        clips: which to narrate; None takes those with a narration, or all if none has one.
        fixed: labels or narrations that are fixed, by clip.
    """

    story: Story
    frames: np.ndarray
    seconds: np.ndarray
    clips: Sequence[int] | None = None
    fixed: Mapping[int, Fixed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was written for the next clip; there may be several, of which one is kept.

    Attributes:
        written: label and narration.
        ids: tokens of the narration; none if the model's tokens make no narration in range.
    """

    written: WrittenClip
    ids: Sequence[int]


class Draft:
    """A story being written: which clips are done, and which remain."""

    def __init__(self, video: VideoInput, given: bool, builder: RowBuilder, decoding: Decoding) -> None:
        self.video = video
        self.story = video.story
        self.builder = builder
        self.writer = builder.writer(self.story)
        clips = video.clips if video.clips is not None else (self.story.narrated or range(len(self.story.clips)))
        self.clips = list(clips)
        self.done: list[WrittenClip] = []
        self.forgotten = 0  # clips, oldest first, whose text is no longer read
        self.points_dropped = 0  # from the end of the product information, in all clips from here on
        self.trunk = 0  # tokens in the cache that the next clip's prompt begins with
        self.repeats = Repeats(decoding.no_repeat_ngram)
        self.drafter: Drafter | None = None
        self._decoding = decoding
        self._given = given
        self._means: np.ndarray | None = None
        self._generator: tuple[int, torch.Generator] | None = None
        self._words: WordRange | None = None
        for clip in self.clips if given else ():
            if not self.story.clips[clip].labels:
                raise InputError("no script label to follow", sample=self.story.id, field=f"clips[{clip}].labels")

    @property
    def fixed(self) -> Fixed:
        """What is fixed in the next clip."""
        clip = self.clips[0]
        fixed = self.video.fixed.get(clip, Fixed())
        return Fixed(self.story.clips[clip].labels, fixed.narration) if self._given else fixed

    @property
    def words(self) -> WordRange:
        """The next clip's range of words."""
        return self._words or self.builder.words.range_of(self.story.clips[self.clips[0]], self.story.language)

    @property
    def generator(self) -> torch.Generator:
        """The next clip's random generator."""
        clip = self.clips[0]
        if self._generator is None or self._generator[0] != clip:
            self._generator = clip, self._decoding.generator(self.story.id, clip)
        return self._generator[1]

    def begin(self, words: WordRange | None = None) -> None:
        """Begin the next clip, or begin it again; its samples are drawn from the first on.

        Args:
            words: its range of words; None: the rule's.
        """
        self._generator, self._words = None, words

    def row(self, reserve: int) -> Row:
        """The next clip's prompt.

        If it is too long, the older half of the clips' texts is forgotten for good: what is left then stays in the
        cache for many clips, while dropping the oldest one by one would re-encode everything for each. Points that do
        not fit even without these texts are dropped for good, and some more, to make room for later texts.
        """
        builder, frames = self.builder, self.video.frames
        if self._means is None:
            self._means = builder.means(frames)
        clip = self.clips[0]
        plan = builder.plan(self.story, frames, self.video.seconds, clip, self._means)
        while True:
            earlier = [(each.clip, each.written) for each in self.done[self.forgotten :]]
            row = builder.prompt(self.story, plan, clip, earlier, reserve, self.points_dropped, self.words)
            if row.cut.points == self.points_dropped and not row.cut.clips:
                return row
            if not earlier:
                return self._with_room(plan, row, reserve)
            self.forgotten += -(-len(earlier) // 2)

    def _with_room(self, plan: VisualPlan, row: Row, reserve: int) -> Row:
        """A row with fewer of its knowledge points, which do not fit; `row` if that is not enough either."""
        room = min(self.builder.max_length // ROOM, len(self.clips) * reserve)
        with suppress(InputError):
            points = self.points_dropped
            row = self.builder.prompt(self.story, plan, self.clips[0], [], reserve + room, points, self.words)
        self.points_dropped = row.cut.points
        return row

    def label_ids(self, labels: Labels) -> list[int]:
        """The ids of labels and the newline that ends them."""
        return [i for segment in self.writer.label(labels) for i in self.builder.tokens.encode(segment.text)]

    def lead_ids(self) -> Sequence[int]:
        """The ids between the label and the narration."""
        return self.builder.tokens.encode(self.writer.narration_lead(self.clips[0]).text)

    def written(self, labels: Labels | None, narration: str, odds: LabelOdds, problem: str | None) -> WrittenClip:
        """What was written for the next clip, with what it depends on."""
        given = self.fixed.labels if self.builder.storyline else None
        text = Written(self.words, labels, narration)
        return WrittenClip(self.clips[0], text, given, odds, problem, self.forgotten, self.points_dropped)

    def add(self, attempt: Attempt) -> WrittenClip:
        """Add what was written for the next clip: later clips read it."""
        self.repeats.add(attempt.ids)
        self.clips.pop(0)
        self.done.append(attempt.written)
        return attempt.written
