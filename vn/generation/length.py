"""What may be written so that a narration ends within its range of words.

Decoding is constrained, text is never cut: a token that would begin a word too many is not allowed, nor an end before
there are enough words. Where to end between the two is the model's choice, sentence ends first (`vn.generation.beam`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from vn.generation.word_table import State, WordTable, word_table
from vn.llm.tokens import SegmentTokenizer
from vn.story import Language, WordRange, count_words

SENTENCE_END = (".", "!", "?", "…", "。", "！", "？")
CLOSING = "\"'”’」』)）"  # may follow a sentence's end
INCOMPLETE = "\ufffd"  # how a byte-level tokenizer decodes part of a character
TOKENS_A_WORD = {"en": 2, "zh": 3}  # at most, for the shortest possible word: a space and a letter; a character's bytes


def most_tokens(words: WordRange, usual: int) -> int:
    """How many tokens a narration in range may have: `usual`, or more if the range is long."""
    return max(usual, 4 * words.high + 16)


class Rule(Protocol):
    """What a beam search (`vn.generation.beam`) may write."""

    def may_end(self, ids: Sequence[int]) -> bool:
        """Whether a narration may end here."""

    def may_follow(self, ids: Sequence[int], token: int) -> bool:
        """Whether a token may come next."""

    def natural(self, ids: Sequence[int]) -> bool:
        """Whether this is a good place to end."""

    def allowed(self, beam: Sequence[Sequence[int]], tokens: Tensor) -> Tensor | None:
        """Which of the tokens ``[n, k]`` may come next after each of n narrations; None to ask for one at a time."""


class FreeRule:
    """Any narration of at most `most` tokens: one that reaches the limit ends there, as without a search."""

    def __init__(self, tokens: SegmentTokenizer, most: int) -> None:
        self.tokens = tokens
        self.most = most

    def may_end(self, ids: Sequence[int]) -> bool:
        """Always, except within a character."""
        return len(ids) == self.most or not self.tokens.narration(ids).endswith(INCOMPLETE)

    def may_follow(self, ids: Sequence[int], token: int) -> bool:
        """Any text, up to the limit."""
        return token not in self.tokens.unspoken and len(ids) < self.most

    def natural(self, ids: Sequence[int]) -> bool:
        """Anywhere: the most likely end is taken."""
        return True

    def allowed(self, beam: Sequence[Sequence[int]], tokens: Tensor) -> Tensor | None:
        """One token at a time."""
        return None


class LengthRule:
    """Which tokens may follow in a narration that must fit a range of words.

    Args:
        tokens: the language model's segment tokenizer.
        language: decides what counts as a word (`vn.story.count_words`).
        words: the range, both ends included.
        usual: maximum tokens of a narration without a range.
    """

    def __init__(self, tokens: SegmentTokenizer, language: Language, words: WordRange, usual: int) -> None:
        self.tokens = tokens
        self.language = language
        self.words = words
        self.most = most_tokens(words, usual)

    def may_end(self, ids: Sequence[int]) -> bool:
        """Whether the text is in range and does not end within a character."""
        text = self.tokens.narration(ids)
        return not text.endswith(INCOMPLETE) and count_words(text, self.language) in self.words

    def may_follow(self, ids: Sequence[int], token: int) -> bool:
        """Whether a token may come next: no word too many, and enough tokens left for the words that are missing."""
        if token in self.tokens.unspoken:
            return False
        text = self.tokens.narration([*ids, token])
        count = count_words(text, self.language)
        left = self.most - len(ids) - 1
        missing = max(0, self.words.low - count)
        needed = missing * TOKENS_A_WORD[self.language] + (3 if text.endswith(INCOMPLETE) else 0)
        return count <= self.words.high and left >= needed

    def natural(self, ids: Sequence[int]) -> bool:
        """Whether a sentence ends here."""
        return self.tokens.narration(ids).rstrip(CLOSING).endswith(SENTENCE_END)

    def allowed(self, beam: Sequence[Sequence[int]], tokens: Tensor) -> Tensor | None:
        """One token at a time."""
        return None


class TableRule(LengthRule):
    """The same, for many tokens at a time, by a table of what each adds (`vn.generation.word_table`).

    Args:
        rule: the rule.
        table: what the tokens add, for its tokenizer and language.
    """

    def __init__(self, rule: LengthRule, table: WordTable) -> None:
        super().__init__(rule.tokens, rule.language, rule.words, rule.most)
        self.most = rule.most
        self._table = table
        self._spoken = table.mask(rule.tokens.unspoken)
        self._states: dict[tuple[int, ...], State] = {(): State()}

    def may_end(self, ids: Sequence[int]) -> bool:
        """Whether the text is in range and does not end within a character."""
        end = self._table.closed(self._state(tuple(ids)))
        return not end.broken and self._table.words(end) in self.words

    def allowed(self, beam: Sequence[Sequence[int]], tokens: Tensor) -> Tensor:
        """Which of the tokens ``[n, k]`` may come next after each of n narrations, which have one length."""
        judged = self._table.judge([self._state(tuple(ids)) for ids in beam], tokens)
        left = self.most - len(beam[0]) - 1
        needed = (self.words.low - judged.words).clamp(min=0) * TOKENS_A_WORD[self.language] + 3 * judged.broken
        return self._spoken[tokens] & (judged.words <= self.words.high) & (needed <= left)

    def _state(self, ids: tuple[int, ...]) -> State:
        """The state after these ids; a search extends what it has asked for before."""
        if ids not in self._states:
            self._states[ids] = self._table.after(self._state(ids[:-1]), ids[-1])
        return self._states[ids]


def by_table(rule: LengthRule, odds: Tensor) -> LengthRule:
    """The rule for a search through odds ``[n, V]``: by a table, unless the tokenizer decodes in an unknown way."""
    table = word_table(rule.tokens, rule.language, odds.shape[-1], odds.device)
    return rule if table is None else TableRule(rule, table)
