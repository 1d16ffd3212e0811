"""Write a story clip by clip: label, then narration, each on the model's own earlier text (spec "Language path").

    trunk: instruction · product · text of earlier clips | own: header · SCENE · words | label | narration
    `------ stays in the cache, clip by clip longer -----'`--- forgotten when the next clip is opened ---'

A story is a coroutine: it asks for tokens to be read and is sent what may come next, so that many stories, each at its
own place, share the passes of the model (`vn.generation.pool`, `vn.generation.decoder`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vn.errors import InputError
from vn.generation.beam import search
from vn.generation.decoder import Decoder, Read, Request, Slot, Try, visual_tokens
from vn.generation.decoding import Decoding, Repeats, shaped
from vn.generation.labels import LabelOdds, LabelTrie
from vn.generation.length import FreeRule, LengthRule, Rule, most_tokens
from vn.generation.pool import Pool
from vn.llm.rows import Row, RowBuilder
from vn.narrator import VideoNarrator
from vn.prompt import PromptWriter, Written
from vn.story import Fixed, Labels, Language, Story, WordRange, parse_labels
from vn.visual.plan import VisualPlan

Storyline = Literal["predicted", "given"]

BEAMS = 4  # of the search for a narration in range
ROOM = 4  # this part of the context, at most, is kept free of knowledge points that do not fit, for earlier texts
LEAD = 8  # tokens that may stand between label and narration


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What the model wrote for a clip.

    Attributes:
        clip: its number.
        written: labels and narration.
        given: the labels it was told to follow, if it was.
        odds: where it chose the labels among the 12: how likely each was as the first, the likeliest first.
        problem: why its length is out of range although it should be exact; None where it is in range.
        forgotten: how many clips before it, from the first, it was written without: their text no longer fitted.
        points_dropped: how many knowledge points, from the last, it was written without: they did not fit.
    """

    clip: int
    written: Written
    given: Labels | None
    odds: LabelOdds = field(default=(), compare=False)  # the last digits depend on what is computed beside it
    problem: str | None = None
    forgotten: int = 0
    points_dropped: int = 0


@dataclass(frozen=True, slots=True)
class VideoInput:
    """A video to narrate.

    Attributes:
        story: gives title, knowledge, clips and, where they are to be followed, their labels.
        frames: ``[F, T, D]``.
        seconds: ``[F]``.
        clips: which to narrate; None takes those with a narration, or all when none has one.
        fixed: what stands fast in some clips.
    """

    story: Story
    frames: np.ndarray
    seconds: np.ndarray
    clips: Sequence[int] | None = None
    fixed: Mapping[int, Fixed] = field(default_factory=dict)


class StoryWriter:
    """Writes stories with a trained narrator.

    Args:
        narrator: the model, in evaluation mode.
        builder: builds its prompts.
        decoding: how tokens are chosen.
    """

    def __init__(self, narrator: VideoNarrator, builder: RowBuilder, decoding: Decoding | None = None) -> None:
        self.narrator = narrator
        self.builder = builder
        self.tokens = builder.tokens
        self.decoding = decoding or Decoding()
        self.trunks_read = 0  # from their beginning
        self._tries: dict[Language, LabelTrie] = {}

    def write(
        self,
        story: Story,
        frames: np.ndarray,
        seconds: np.ndarray,
        storyline: Storyline = "predicted",
        clips: Sequence[int] | None = None,
    ) -> list[WrittenClip]:
        """Narrate a video; see `write_all`."""
        return self.write_all([VideoInput(story, frames, seconds, clips)], storyline)[0]

    def write_all(
        self, videos: Sequence[VideoInput], storyline: Storyline = "predicted", at_once: int | None = None
    ) -> list[list[WrittenClip]]:
        """Narrate videos side by side.

        Args:
            videos: what is to be narrated; what is written for one does not depend on the others.
            storyline: ``given`` follows the stories' labels; ``predicted`` writes them first.
            at_once: how many at a time, the others waiting; None is all.

        Returns:
            The written clips of each video.

        Raises:
            InputError: a clip without labels where they should be given.
        """
        pool = self.pool(at_once or len(videos) or 1)
        done: dict[int, list[WrittenClip]] = {}
        for n, each in enumerate(videos):
            pool.add(self.story(each, storyline), partial(done.__setitem__, n))
        pool.finish()
        return [done[n] for n in range(len(videos))]

    def pool(self, rows: int) -> Pool:
        """Where stories are written side by side, so many at once."""
        return Pool(Decoder(self.narrator), rows)

    def story(
        self, video: VideoInput, storyline: Storyline = "predicted", follow: Callable[[WrittenClip], None] | None = None
    ) -> Callable[[Slot], Generator[Request, Tensor, list[WrittenClip]]]:
        """The work of writing one story, for `Pool.add`.

        Args:
            video: the video.
            storyline: see `write_all`.
            follow: is told each clip when it is written.

        Raises:
            InputError: a clip without labels where they should be given.
        """
        draft = _Draft(video, storyline == "given" and self.builder.storyline, self.builder, self.decoding)

        def work(slot: Slot) -> Generator[Request, Tensor, list[WrittenClip]]:
            while draft.clips:
                written = yield from self._write_clip(draft, slot)
                if follow is not None:
                    follow(written)
            return draft.done

        return work

    def _trie(self, language: Language) -> LabelTrie:
        if language not in self._tries:
            self._tries[language] = LabelTrie(self.tokens, language)
        return self._tries[language]

    def _reserve(self, draft: _Draft) -> int:
        """Places to leave free behind a prompt for a label, the narration's lead and a narration."""
        most = narration = self.decoding.max_new_tokens
        if self.decoding.length_control == "exact":
            narration = most_tokens(draft.words, most)
        if draft.fixed.narration is not None:
            narration = 0
        if not self.builder.storyline:
            return narration
        return narration + LEAD + (self._trie(draft.story.language).depth if self.decoding.constrain_labels else most)

    def _write_clip(self, draft: _Draft, slot: Slot) -> Generator[Request, Tensor, WrittenClip]:
        """Write the next clip of a story."""
        labels, narration = draft.fixed.labels, draft.fixed.narration
        if not self.builder.storyline:
            labels = None
        odds: LabelOdds = ()
        problem = None
        if narration is None or (labels is None and self.builder.storyline):
            slot.keep(draft.trunk)
            logits = yield self._opening(draft, slot)
            if self.builder.storyline:
                here, rest, after = len(slot.ids), None, None
                if labels is None:
                    lead = draft.lead_ids() if narration is None else None
                    labels, odds, rest, after = yield from self._write_labels(draft, logits, lead)
                if rest is None:
                    # Labels go back in as text, as later clips and a re-encoded prompt read them.
                    slot.keep(here)
                    rest = draft.label_ids(labels)
                if after is not None:
                    slot.take(rest)
                    logits = after
                elif narration is None:
                    logits = yield Read([*rest, *draft.lead_ids()])
            if narration is None:
                narration, problem = yield from self._write_narration(draft, slot, logits)
        assert narration is not None
        return draft.add(labels, narration, odds, problem)

    def _opening(self, draft: _Draft, slot: Slot) -> Read:
        """The prompt of the next clip, as far as it is not in the cache: text of the clip before, and its own part."""
        row = draft.row(self._reserve(draft))
        known = len(slot.ids)
        if not known or known > row.own or row.ids[:known] != slot.ids:
            slot.keep(0)
            known = 0
            self.trunks_read += 1
        draft.trunk = row.own
        visual = visual_tokens(self.narrator, row, draft.video.frames)
        choosing = self.builder.storyline and draft.fixed.labels is None and self.decoding.constrain_labels
        ahead = self._trie(draft.story.language).ahead if choosing else None
        return Read(row.ids[known:], visual, row.visual - known, ahead)

    def _write_labels(
        self, draft: _Draft, logits: Tensor, lead: Sequence[int] | None
    ) -> Generator[Request, Tensor, tuple[Labels, LabelOdds, list[int] | None, Tensor | None]]:
        """Labels, how likely each of the 12 was, and of `WrittenLabels` `rest`, if it is known, and `after`."""
        if self.decoding.constrain_labels:
            pick = lambda row, written, allowed: self._pick(draft, row, written, allowed)  # noqa: E731
            found = yield from self._trie(draft.story.language).write(logits, pick, lead)
            return found.labels, found.odds, found.rest, found.after
        ids = yield from self._decode(draft, logits, None)
        try:
            return parse_labels(self.tokens.decode(ids)), (), None, None
        except InputError:
            return (), (), None, None  # free labels may be none of the 12; the scores count them as wrong

    def _write_narration(
        self, draft: _Draft, slot: Slot, logits: Tensor
    ) -> Generator[Request, Tensor, tuple[str, str | None]]:
        """The narration, and what is wrong with its length where it should have been in range."""
        decoding, most, here = self.decoding, self.decoding.max_new_tokens, len(slot.ids)
        exact = decoding.length_control == "exact"
        rule = LengthRule(self.tokens, draft.story.language, draft.words, most)
        ids: Sequence[int] | None = None
        if decoding.beams == 1:
            ids = yield from self._decode(draft, logits, slot.ids[:here])
            # One that was cut off at the limit has not ended, however many words it has.
            if exact and (len(ids) == most or not rule.may_end(ids)):
                ids = None
                slot.keep(here)
        if ids is None:
            allowed: Rule = rule if exact else FreeRule(self.tokens, most)
            width = decoding.beams if decoding.beams > 1 else BEAMS
            ids = yield from self._search(draft, slot, logits, allowed, width)
        if ids is not None:
            draft.repeats.add(ids)
            return self.tokens.narration(ids), None
        without = " without repeating what was said" if decoding.no_repeat_ngram else ""
        low, high = draft.words.low, draft.words.high
        return "", f"the model's tokens make no narration of {low} to {high} words{without}"

    def _decode(
        self, draft: _Draft, logits: Tensor, prompt: Sequence[int] | None
    ) -> Generator[Request, Tensor, list[int]]:
        """At most `max_new_tokens` tokens up to a stop, which is left out; a `prompt` for narrations, None for labels.

        Args:
            draft: of the story.
            logits: ``[1, V]`` of the first.
            prompt: the ids before.
        """
        new: list[int] = []
        while True:
            if prompt is not None:
                logits = shaped(logits, prompt, [new], self.decoding.repetition_penalty, draft.repeats)
            token = self._pick(draft, logits[0], new)
            if token in self.tokens.stops:
                return new
            new.append(token)
            if len(new) == self.decoding.max_new_tokens:
                return new
            logits = yield Read([token])

    def _search(
        self, draft: _Draft, slot: Slot, logits: Tensor, rule: Rule, width: int
    ) -> Generator[Request, Tensor, Sequence[int] | None]:
        """A beam search behind what the slot has read."""
        penalty, repeats = self.decoding.repetition_penalty, draft.repeats
        written: list[list[int]] = [[]]
        columns: list[list[int]] = [[]]  # of each hypothesis, among the tokens tried
        tried = 0
        odds = shaped(logits, slot.ids, written, penalty, repeats).log_softmax(dim=1)
        beams = search(odds, rule, width, self.tokens.stops)
        try:
            step = next(beams)
            while True:
                written = [[*written[parent], token] for parent, token in step]
                columns = [[*columns[parent], tried + n] for n, (parent, _) in enumerate(step)]
                tried += len(step)
                logits = yield Try([token for _, token in step], columns)
                step = beams.send(shaped(logits, slot.ids, written, penalty, repeats).log_softmax(dim=1))
        except StopIteration as end:
            return end.value

    def _pick(self, draft: _Draft, logits: Tensor, written: Sequence[int], allowed: Sequence[int] | None = None) -> int:
        """The next token; where they are given, one of the allowed: of a label."""
        return self.decoding.pick(logits, draft.generator, allowed)


class _Draft:
    """A story being written: what is done, and which clips are still to do."""

    def __init__(self, video: VideoInput, given: bool, builder: RowBuilder, decoding: Decoding) -> None:
        self.video = video
        self.story = video.story
        self.builder = builder
        self.writer = PromptWriter(self.story, builder.template, builder.storyline)
        clips = video.clips if video.clips is not None else (self.story.narrated or range(len(self.story.clips)))
        self.clips = list(clips)
        self.done: list[WrittenClip] = []
        self.forgotten = 0  # clips, oldest first, whose text is no longer read
        self.points_dropped = 0  # of the product information, from its end, in all clips from here on
        self.trunk = 0  # tokens in the cache that the next clip's prompt begins with
        self.repeats = Repeats(decoding.no_repeat_ngram)
        self._decoding = decoding
        self._given = given
        self._means: np.ndarray | None = None
        self._generator: tuple[int, torch.Generator] | None = None
        for clip in self.clips if given else ():
            if not self.story.clips[clip].labels:
                raise InputError("no script label to follow", sample=self.story.id, field=f"clips[{clip}].labels")

    @property
    def fixed(self) -> Fixed:
        """What stands fast in the next clip."""
        clip = self.clips[0]
        fixed = self.video.fixed.get(clip, Fixed())
        return Fixed(self.story.clips[clip].labels, fixed.narration) if self._given else fixed

    @property
    def words(self) -> WordRange:
        """The range of the next clip's words."""
        return self.builder.words.range_of(self.story.clips[self.clips[0]], self.story.language)

    @property
    def generator(self) -> torch.Generator:
        """What the next clip's draws come from."""
        clip = self.clips[0]
        if self._generator is None or self._generator[0] != clip:
            self._generator = clip, self._decoding.generator(self.story.id, clip)
        return self._generator[1]

    def row(self, reserve: int) -> Row:
        """The next clip's prompt.

        Where it is too long, the older half of the clips' texts is forgotten for good: what is left is then in the
        cache for many clips, while dropping the oldest one by one would have all read again for each. Points that do
        not fit even without these texts are dropped for good, and some more, so that later texts have a place.
        """
        builder, frames = self.builder, self.video.frames
        if self._means is None:
            self._means = builder.means(frames)
        clip = self.clips[0]
        plan = builder.plan(self.story, frames, self.video.seconds, clip, self._means)
        while True:
            earlier = [(each.clip, each.written) for each in self.done[self.forgotten :]]
            row = builder.prompt(self.story, plan, clip, earlier, reserve, self.points_dropped)
            if row.cut.points == self.points_dropped and not row.cut.clips:
                return row
            if not earlier:
                return self._with_room(plan, row, reserve)
            self.forgotten += -(-len(earlier) // 2)

    def _with_room(self, plan: VisualPlan, row: Row, reserve: int) -> Row:
        """A row with fewer of its knowledge points, which do not fit; `row` if that is not enough either."""
        room = min(self.builder.max_length // ROOM, len(self.clips) * reserve)
        with suppress(InputError):
            row = self.builder.prompt(self.story, plan, self.clips[0], [], reserve + room, self.points_dropped)
        self.points_dropped = row.cut.points
        return row

    def label_ids(self, labels: Labels) -> list[int]:
        """The ids of labels and the newline that ends them."""
        return [i for segment in self.writer.label(labels) for i in self.builder.tokens.encode(segment.text)]

    def lead_ids(self) -> Sequence[int]:
        """The ids between the label and the narration."""
        return self.builder.tokens.encode(self.writer.narration_lead(self.clips[0]).text)

    def add(self, labels: Labels | None, narration: str, odds: LabelOdds, problem: str | None) -> WrittenClip:
        """Take what was written for the next clip."""
        words, fixed = self.words, self.fixed
        given = fixed.labels if self.builder.storyline else None
        if fixed.narration is not None:
            self.repeats.add(self.builder.tokens.encode(narration))
        clip = self.clips.pop(0)
        text = Written(words, labels, narration)
        written = WrittenClip(clip, text, given, odds, problem, self.forgotten, self.points_dropped)
        self.done.append(written)
        return written
