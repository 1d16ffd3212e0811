"""What may be written so that a narration ends within its range of words.

Decoding is constrained, text is never cut: a token that would begin a word too many is not allowed, nor an end before
there are enough words. Where to end between the two is the model's choice, sentence ends first (`vn.generation.beam`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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
