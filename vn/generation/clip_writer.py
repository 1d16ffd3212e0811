"""Write one clip: its prompt, its label, and a narration that fits the label."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vn.errors import InputError
from vn.generation.beam import search
from vn.generation.decoder import Read, Slot, Try, Work, visual_tokens
from vn.generation.decoding import Decoding, shaped
from vn.generation.draft import Attempt, Draft
from vn.generation.drafts import Drafter, Guess, Line, no_guess, read
from vn.generation.labels import LabelTrie
from vn.generation.length import FreeRule, LengthRule, Rule, by_table, most_tokens
from vn.llm.ngrams import LONGEST, Ngrams
from vn.llm.rows import RowBuilder
from vn.narrator import VideoNarrator
from vn.story import Labels, Language, WordRange, parse_labels
from vn.written import LabelOdds

BEAMS = 4  # hypotheses of the search for a narration in range
LEAD = 8  # most tokens between label and narration


class ClipWriter:
    """Writes the next clip of a story.

    Args:
        narrator: the model, in evaluation mode.
        builder: builds its prompts.
        decoding: how tokens are chosen.

    Attributes:
        ngrams: what drafts are guessed by; None: there are no drafts.
        trunks_read: how often a prompt was encoded from its beginning.
    """

    def __init__(self, narrator: VideoNarrator, builder: RowBuilder, decoding: Decoding) -> None:
        self.narrator = narrator
        self.builder = builder
        self.tokens = builder.tokens
        self.decoding = decoding
        self.ngrams: Ngrams | None = None
        self.trunks_read = 0
        self._tries: dict[Language, LabelTrie] = {}

    def _trie(self, language: Language) -> LabelTrie:
        if language not in self._tries:
            self._tries[language] = LabelTrie(self.tokens, language)
        return self._tries[language]

    def _reserve(self, draft: Draft) -> int:
        """Tokens to leave free after a prompt for a label, the narration's lead and a narration."""
        most = narration = self.decoding.max_new_tokens
        if self.decoding.length_control == "exact":
            narration = most_tokens(draft.words, most)
        if draft.fixed.narration is not None:
            narration = 0
        if not self.builder.storyline:
            return narration
        return narration + LEAD + (self._trie(draft.story.language).depth if self.decoding.constrain_labels else most)

    def write(self, draft: Draft, slot: Slot, words: WordRange | None = None) -> Work[Attempt]:
        """Write the next clip of a story, for `Draft.add`; one that was begun before is begun again.

        Args:
            draft: the story's draft.
            slot: what it has read.
            words: the clip's range of words; None: the rule's.
        """
        draft.begin(words)
        labels, narration = draft.fixed.labels, draft.fixed.narration
        ids: Sequence[int] = () if narration is None else self.tokens.encode(narration)
        if not self.builder.storyline:
            labels = None
        odds: LabelOdds = ()
        problem = None
        guess = self._guess_in(draft)
        if narration is None or (labels is None and self.builder.storyline):
            slot.keep(draft.trunk)
            logits = yield self._opening(draft, slot)
            line = Line(logits)
            if self.builder.storyline:
                here, rest, after = len(slot.ids), None, None
                if labels is None:
                    lead = draft.lead_ids() if narration is None else None
                    labels, odds, rest, after = yield from self._write_labels(draft, slot, logits, lead, guess)
                if rest is None:
                    # Labels are fed back as text, as later clips and a re-encoded prompt contain them.
                    slot.keep(here)
                    rest = draft.label_ids(labels)
                if after is not None:
                    slot.take(rest)
                    line = after
                elif narration is None:
                    rest = [*rest, *draft.lead_ids()]
                    ahead = guess([*slot.ids[-LONGEST:], *rest], self.decoding.max_new_tokens - 1)
                    line = Line((yield read(rest, ahead)), ahead)
            if narration is None:
                ids, problem = yield from self._write_narration(draft, slot, line, guess)
                narration = self.tokens.narration(ids)
        return Attempt(draft.written(labels, narration, odds, problem), ids)

    def _guess_in(self, draft: Draft) -> Guess:
        """Guesses what follows in a story."""
        if self.ngrams is None:
            return no_guess
        if draft.drafter is None:
            draft.drafter = Drafter(self.ngrams, self.tokens.stops)
            for segment in draft.writer.head():
                draft.drafter.learn(self.builder.ids(segment))
        return draft.drafter.guess

    def _opening(self, draft: Draft, slot: Slot) -> Read:
        """The part of the next clip's prompt that is not in the cache: text of the clip before, and its own part."""
        row = draft.row(self._reserve(draft))
        known = len(slot.ids)
        if not known or known > row.own or row.ids[:known] != slot.ids:
            slot.keep(0)
            known = 0
            self.trunks_read += 1
        draft.trunk = row.own
        # The whole video's frames stay in the cache with the trunk.
        visual = visual_tokens(self.narrator, row, draft.video.frames) if row.visual >= known else None
        choosing = self.builder.storyline and draft.fixed.labels is None and self.decoding.constrain_labels
        ahead = self._trie(draft.story.language).ahead if choosing else None
        return Read(row.ids[known:], visual, max(0, row.visual - known), ahead)

    def _write_labels(
        self, draft: Draft, slot: Slot, logits: Tensor, lead: Sequence[int] | None, guess: Guess
    ) -> Work[tuple[Labels, LabelOdds, list[int] | None, Line | None]]:
        """Labels, the probability of each of the 12, and `rest` (if known) and `after` of `WrittenLabels`."""
        if self.decoding.constrain_labels:
            pick = lambda row, written, allowed: self._pick_from(draft, row, written, allowed)  # noqa: E731
            most = self.decoding.max_new_tokens - 1
            trie = self._trie(draft.story.language)
            found = yield from trie.write(logits, pick, lead, lambda ids: guess(ids, most))
            return found.labels, found.odds, found.rest, found.after
        ids = yield from self._decode(draft, slot, Line(logits), None, guess)
        try:
            return parse_labels(self.tokens.decode(ids)), (), None, None
        except InputError:
            return (), (), None, None  # free text may be none of the 12 labels; the scores count it as wrong

    def _write_narration(
        self, draft: Draft, slot: Slot, line: Line, guess: Guess
    ) -> Work[tuple[Sequence[int], str | None]]:
        """The narration's tokens, and what is wrong with its length if it should have been in range."""
        decoding, most, here = self.decoding, self.decoding.max_new_tokens, len(slot.ids)
        exact = decoding.length_control == "exact"
        rule = LengthRule(self.tokens, draft.story.language, draft.words, most)
        ids: Sequence[int] | None = None
        if decoding.beams == 1:
            ids = yield from self._decode(draft, slot, line, slot.ids[:here], guess)
            # A narration cut off at the limit has not ended, however many words it has.
            if exact and (len(ids) == most or not rule.may_end(ids)):
                ids = None
                slot.keep(here)
        if ids is None:
            allowed: Rule = by_table(rule, line.logits[:1]) if exact else FreeRule(self.tokens, most)
            width = decoding.beams if decoding.beams > 1 else BEAMS
            ids = yield from self._search(draft, slot, line.logits[:1], allowed, width)
        if ids is not None:
            if draft.drafter is not None:
                draft.drafter.learn(ids)
            return ids, None
        without = " without a repeated phrase" if decoding.no_repeat_ngram else ""
        low, high = draft.words.low, draft.words.high
        return (), f"the model's tokens make no narration of {low} to {high} words{without}"

    def _decode(
        self, draft: Draft, slot: Slot, line: Line, prompt: Sequence[int] | None, guess: Guess
    ) -> Work[list[int]]:
        """At most `max_new_tokens` tokens up to a stop, which is left out.

        Args:
            draft: the story's draft.
            slot: what it has read.
            line: what is known of the first tokens.
            prompt: for a narration, the ids before it; None for labels.
            guess: guesses what follows.
        """
        new: list[int] = []
        most = self.decoding.max_new_tokens
        while True:
            for logits, guessed in line:
                if prompt is not None:
                    logits = shaped(logits, prompt, [new], self.decoding.repetition_penalty, draft.repeats)
                token = yield from self._pick(draft, logits[0], new)
                if token in self.tokens.stops:
                    return new
                new.append(token)
                if len(new) == most:
                    return new
                if token != guessed:
                    break
                slot.take([token])  # was read already
            ahead = guess([*slot.ids[-LONGEST:], token], most - len(new) - 1)
            line = Line((yield read([token], ahead)), ahead)

    def _search(self, draft: Draft, slot: Slot, logits: Tensor, rule: Rule, width: int) -> Work[Sequence[int] | None]:
        """A beam search that continues what the slot has read."""
        penalty, repeats = self.decoding.repetition_penalty, draft.repeats
        written: list[list[int]] = [[]]
        columns: list[list[int]] = [[]]  # each hypothesis's, among the tokens tried
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
            found: Sequence[int] | None = end.value
            return found

    def _pick(self, draft: Draft, logits: Tensor, written: Sequence[int]) -> Work[int]:
        """The next token, from `logits` ``[V]``."""
        return (yield from self.decoding.pick(logits, draft.generator))

    def _pick_from(self, draft: Draft, logits: Tensor, written: Sequence[int], allowed: Sequence[int]) -> int:
        """The next token of a label, one of the n `allowed`, which have `logits` ``[n]``."""
        return allowed[self.decoding.pick_from(logits, draft.generator)]
