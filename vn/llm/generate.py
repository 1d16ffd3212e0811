"""Write a story clip by clip: label, then narration, each on the model's own earlier text (spec "Language path")."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from vn.errors import InputError
from vn.llm.beam import search
from vn.llm.decoder import Decoder
from vn.llm.length import LengthRule, most_tokens
from vn.llm.packing import Packer, Row
from vn.llm.tokens import SegmentTokenizer
from vn.narrator import VideoNarrator
from vn.prompt import PromptWriter, Written
from vn.story import Labels, Language, ScriptLabel, Story, WordRange, format_labels, parse_labels

Storyline = Literal["predicted", "given"]
Follow = Callable[[Sequence[int]], list[int]]
"""From the tokens written so far to those that may follow."""

BEAMS = 4  # of the search for a narration in range
MOST_LABELS = 3  # joined by "+": at most 3 are seen in the data (spec "Task")


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class Decoding:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: at most this many for a narration, and for a free label (released: 100).
        temperature: 0 is greedy; above it, sampling (released: 0.1).
        top_k: sample among the k best (released: 50).
        repetition_penalty: on narrations, over all ids of the prompt (released: 1.1); 1 is none.
        length_control: ``exact`` keeps every narration within its range of words, by a beam search where what was
            written is not in range; ``none`` is the paper's setting.
        constrain_labels: labels are the 12 and their ``+`` combinations only; False lets the model write anything,
            and what is no label counts as none.
        seed: with the video's id, seeds sampling, so that a story does not depend on which others are written.
    """

    max_new_tokens: int = 100
    temperature: float = 0.0
    top_k: int = 50
    repetition_penalty: float = 1.0
    length_control: Literal["none", "exact"] = "none"
    constrain_labels: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What the model wrote for a clip.

    Attributes:
        clip: its number.
        written: labels and narration.
        given: the labels it was told to follow, if it was.
        problem: why its length is out of range although it should be exact; None where it is in range.
        forgotten: how many clips before it, from the first, it was written without: their text no longer fitted.
    """

    clip: int
    written: Written
    given: Labels | None
    problem: str | None = None
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Footage:
    """A video to narrate.

    Attributes:
        story: gives title, knowledge, clips and, where they are to be followed, their labels.
        frames: ``[F, T, D]``.
        seconds: ``[F]``.
        clips: which to narrate; None takes those with a narration, or all when none has one.
    """

    story: Story
    frames: np.ndarray
    seconds: np.ndarray
    clips: Sequence[int] | None = None


class LabelTrie:
    """Which tokens may follow within a script label, or labels joined by ``+``.

    Labels are tokenised as training tokenised them: the joined text as one segment, whatever the tokenizer merges.
    """

    def __init__(self, tokens: SegmentTokenizer, language: Language) -> None:
        self.root: dict[int, dict] = {}
        self.depth = 0  # tokens of the longest
        for count in range(1, MOST_LABELS + 1):
            for labels in itertools.permutations(ScriptLabel, count):
                node = self.root
                path = (*tokens.encode(format_labels(labels, language)), tokens.newline)
                self.depth = max(self.depth, len(path))
                for token in path:
                    node = node.setdefault(token, {})

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The tokens that may follow those written so far."""
        node = self.root
        for token in written:
            node = node[token]
        return list(node)


class StoryWriter:
    """Writes stories with a trained narrator.

    Args:
        narrator: the model, in evaluation mode.
        packer: builds its prompts.
        decoding: how tokens are chosen.
    """

    def __init__(self, narrator: VideoNarrator, packer: Packer, decoding: Decoding | None = None) -> None:
        self.narrator = narrator
        self.packer = packer
        self.tokens = packer.tokens
        self.decoding = decoding or Decoding()
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
        return self.write_all([Footage(story, frames, seconds, clips)], storyline)[0]

    @torch.inference_mode()
    def write_all(self, footage: Sequence[Footage], storyline: Storyline = "predicted") -> list[list[WrittenClip]]:
        """Narrate videos side by side: the first clip of each, then the second of those that have one, and so on.

        Args:
            footage: the videos; what is written for one does not depend on the others.
            storyline: ``given`` follows the stories' labels; ``predicted`` writes them first.

        Returns:
            The written clips of each video.

        Raises:
            InputError: a clip without labels where they should be given.
        """
        drafts = [_Draft(each, storyline == "given" and self.packer.storyline, self.decoding.seed) for each in footage]
        decoder = Decoder(self.narrator, self.packer.frame_tokens, self.tokens.pad)
        going = [draft for draft in drafts if draft.clips]
        while going:
            self._write_clips(going, decoder)
            decoder.select([n for n, draft in enumerate(going) if draft.clips])
            going = [draft for draft in going if draft.clips]
        return [draft.done for draft in drafts]

    def _trie(self, language: Language) -> LabelTrie:
        if language not in self._tries:
            self._tries[language] = LabelTrie(self.tokens, language)
        return self._tries[language]

    def _label_tokens(self, language: Language) -> int:
        return self._trie(language).depth if self.decoding.constrain_labels else self.decoding.max_new_tokens

    def _reserve(self, draft: _Draft) -> int:
        """Places to leave free behind a prompt for a label, the narration's lead and a narration."""
        lead = 8
        narration = self.decoding.max_new_tokens
        if self.decoding.length_control == "exact":
            narration = most_tokens(draft.words(self.packer), narration)
        return narration + (self._label_tokens(draft.story.language) + lead if self.packer.storyline else 0)

    def _write_clips(self, drafts: list[_Draft], decoder: Decoder) -> None:
        """Write the next clip of each draft."""
        rows = [draft.row(self.packer, self._reserve(draft)) for draft in drafts]
        decoder.open(rows, [draft.frames for draft in drafts])
        labels: list[Labels | None] = [None] * len(drafts)
        if self.packer.storyline:
            labels = [draft.given for draft in drafts]
            if any(label is None for label in labels):
                start = decoder.mark()
                labels = self._write_labels(drafts, decoder)
                # Labels go back in as text, as later clips and a re-encoded prompt read them.
                decoder.rewind(start)
            chosen = zip(drafts, labels, strict=True)
            decoder.read([draft.follow_up(self.packer, label or ()) for draft, label in chosen])
        narrations, problems = self._write_narrations(drafts, decoder)
        for draft, label, narration, problem in zip(drafts, labels, narrations, problems, strict=True):
            draft.add(self.packer, label, narration, problem)

    def _write_narrations(self, drafts: list[_Draft], decoder: Decoder) -> tuple[list[str], list[str | None]]:
        """The narrations, and what is wrong with the length of each that should have been in range."""
        most, penalty = self.decoding.max_new_tokens, self.decoding.repetition_penalty
        start = decoder.mark()
        written: list[Sequence[int] | None] = [*self._decode(drafts, decoder, most, penalty=penalty)]
        if self.decoding.length_control == "exact":
            rules = [LengthRule(self.tokens, d.story.language, d.words(self.packer), most) for d in drafts]
            # One that was cut off at the limit has not ended, however many words it has.
            again = [i for i, ids in enumerate(written) if len(ids or ()) == most or not rules[i].may_end(ids or ())]
            if again:
                decoder.rewind(start)
                limits = [rules[i] for i in again]
                found = search(decoder.fork(again), limits, BEAMS, self.tokens.stops, penalty)
                for i, ids in zip(again, found, strict=True):
                    written[i] = ids
        narrations = [self.tokens.narration(ids or ()) for ids in written]
        return narrations, [
            f"the model's tokens make no narration of {words.low} to {words.high} words" if ids is None else None
            for ids, words in zip(written, (draft.words(self.packer) for draft in drafts), strict=True)
        ]

    def _write_labels(self, drafts: list[_Draft], decoder: Decoder) -> list[Labels | None]:
        allowed: list[Follow] | None = None
        if self.decoding.constrain_labels:
            allowed = [self._trie(draft.story.language).allowed for draft in drafts]
        most = max(self._label_tokens(draft.story.language) for draft in drafts)
        found: list[Labels | None] = []
        for ids in self._decode(drafts, decoder, most, allowed):
            try:
                found.append(parse_labels(self.tokens.decode(ids)))
            except InputError:
                found.append(())  # free labels may be none of the 12; the scores count them as wrong
        return found

    def _decode(
        self,
        drafts: list[_Draft],
        decoder: Decoder,
        most: int,
        allowed: list[Follow] | None = None,
        penalty: float = 1.0,
    ) -> list[list[int]]:
        """For each draft at most so many tokens, up to a stop, which is left out."""
        new: list[list[int]] = [[] for _ in drafts]
        going = set(range(len(drafts)))
        for _ in range(most):
            tokens = self._choose(drafts, decoder, new, going, allowed, penalty)
            going = {i for i in going if tokens[i] not in self.tokens.stops}
            if not going:
                break
            for i in going:
                new[i].append(tokens[i])
            decoder.read([[tokens[i]] if i in going else [] for i in range(len(drafts))])
        return new

    def _choose(
        self,
        drafts: list[_Draft],
        decoder: Decoder,
        new: list[list[int]],
        going: set[int],
        allowed: list[Follow] | None,
        penalty: float,
    ) -> dict[int, int]:
        """The next token of each draft that is going."""
        logits = decoder.penalised(penalty)
        if allowed is not None:
            only = torch.full_like(logits, -torch.inf)
            for i in going:
                keep = torch.tensor(allowed[i](new[i]), device=logits.device)
                only[i, keep] = logits[i, keep]
            logits = only
        if self.decoding.temperature == 0:
            best = logits.argmax(dim=1).tolist()
            return {i: best[i] for i in going}
        values, tokens = logits.topk(min(self.decoding.top_k, logits.shape[1]))
        odds = (values / self.decoding.temperature).softmax(dim=1).cpu()
        drawn = {i: int(torch.multinomial(odds[i], 1, generator=drafts[i].generator)) for i in sorted(going)}
        return {i: int(tokens[i, place]) for i, place in drawn.items()}


class _Draft:
    """A story being written: what is done, and which clips are still to do."""

    def __init__(self, footage: Footage, given: bool, seed: int) -> None:
        self.story = footage.story
        self.frames = footage.frames
        self.seconds = footage.seconds
        clips = footage.clips if footage.clips is not None else (self.story.narrated or range(len(self.story.clips)))
        self.clips = list(clips)
        self.done: list[WrittenClip] = []
        self.forgotten = 0  # clips, oldest first, whose text is no longer read
        self.generator = torch.Generator().manual_seed(_seed(seed, self.story.id))
        self._given = given
        for clip in self.clips if given else ():
            if not self.story.clips[clip].labels:
                raise InputError("no script label to follow", sample=self.story.id, field=f"clips[{clip}].labels")

    @property
    def given(self) -> Labels | None:
        """The labels that the next clip must follow."""
        return self.story.clips[self.clips[0]].labels if self._given else None

    def row(self, packer: Packer, reserve: int) -> Row:
        """The next clip's prompt.

        Where it is too long, the older half of the clips' texts is forgotten for good: what is left then stands in
        the cache for many clips, while dropping the oldest one by one would have all read again for each.
        """
        plan = packer.plan(self.story, self.frames, self.seconds, self.clips[0])
        while True:
            earlier = [(each.clip, each.written) for each in self.done[self.forgotten :]]
            row = packer.prompt(self.story, plan, self.clips[0], earlier, reserve)
            if not (earlier and (row.cut.points or row.cut.clips)):
                return row
            self.forgotten += -(-len(earlier) // 2)

    def follow_up(self, packer: Packer, labels: Labels) -> list[int]:
        """The ids between the prompt and the narration: the labels, and the narration's lead."""
        writer = PromptWriter(self.story, packer.template, packer.storyline)
        segments = [*writer.label(labels), writer.narration_lead(self.clips[0])]
        return [i for segment in segments for i in packer.tokens.encode(segment.text)]

    def words(self, packer: Packer) -> WordRange:
        """The range of the next clip's words."""
        return packer.words.range_of(self.story.clips[self.clips[0]], self.story.language)

    def add(self, packer: Packer, labels: Labels | None, narration: str, problem: str | None) -> None:
        """Take what was written for the next clip."""
        given, words = self.given, self.words(packer)
        written = Written(words, labels, narration)
        self.done.append(WrittenClip(self.clips.pop(0), written, given, problem, self.forgotten))


def _seed(seed: int, video: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{video}".encode()).digest()[:8], "big") >> 1
