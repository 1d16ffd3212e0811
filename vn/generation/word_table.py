"""How many words each token of a vocabulary adds to a narration, as a table.

A narration is counted in *units*: words in English, and in Chinese characters and words, since a space between two
words is a character (`vn.story.count_words`). What a token adds depends on whether it continues a word, and on bytes of
an unfinished character (`vn.tokenizer.spelling`), which are the narration's `State`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from vn.llm.slots import put
from vn.llm.tokens import SegmentTokenizer
from vn.story import Language
from vn.tokenizer.spelling import UNKNOWN, Spelling

KNOWN_BYTES = 4096  # pending bytes whose continuations are kept


@dataclass(frozen=True, slots=True)
class State:
    """A narration so far.

    Attributes:
        units: words or characters in the text that is decided.
        inside: whether it ends within a word.
        broken: whether its last character, white space left out, is U+FFFD.
        pending: bytes after it.
    """

    units: int = 0
    inside: bool = False
    broken: bool = False
    pending: bytes = b""


@dataclass(frozen=True, slots=True)
class Judged:
    """Narrations with one more token, ``[n, k]`` each: their words, and whether they end within a character."""

    words: Tensor
    broken: Tensor


class WordTable:
    """What each token of a vocabulary adds to a narration's words.

    Args:
        spelling: what the tokens of the vocabulary add to a text.
        language: decides what counts as a word.
        device: where narrations are judged.
    """

    def __init__(self, spelling: Spelling, language: Language, device: torch.device) -> None:
        self.spelling = spelling
        self.language = language
        self.size = len(spelling.texts)
        self._spaces = int(language == "zh")  # one fewer than words
        units, broken = self._tabulated(
            text + spelling.close(spelling.tails[i]) if i in spelling.tails else text
            for i, text in enumerate(spelling.texts)
        )
        self._units, self._broken = put(units, device), put(broken, device)
        place = np.full(self.size, -1)
        place[[*spelling.continuing]] = np.arange(len(spelling.continuing))
        self._place = put(place, device)
        self._device = device
        self._continued = lru_cache(KNOWN_BYTES)(self._continue)

    def mask(self, barred: Iterable[int]) -> Tensor:
        """``[V]``, which tokens are not barred."""
        mask = np.ones(self.size, dtype=bool)
        mask[[i for i in barred if i < self.size]] = False
        return put(mask, self._device)

    def after(self, state: State, token: int) -> State:
        """A narration with one more token."""
        text, pending = self.spelling.add(state.pending, token)
        return replace(self._with(state, text), pending=pending)

    def closed(self, state: State) -> State:
        """A narration that ends here, with what its pending bytes read as."""
        return replace(self._with(state, self.spelling.close(state.pending)), pending=b"") if state.pending else state

    def words(self, state: State) -> int:
        """The words of a narration that is closed."""
        return max(0, state.units - self._spaces)

    def judge(self, states: Sequence[State], tokens: Tensor) -> Judged:
        """Narrations with one more token, for each of the n `states` any of the k `tokens` ``[n, k]``."""
        now = [self.closed(state) for state in states]
        so_far = put([[state.units, state.inside, state.broken] for state in now], self._device)
        units, inside, was_broken = so_far.unsqueeze(2).unbind(1)
        units = units + self._units[inside, tokens]
        broken = self._broken[was_broken, tokens]
        if any(state.pending for state in states) and self.spelling.continuing:
            own = [self._continuing(state) for state in states]
            place = self._place[tokens]
            use = (place >= 0) & put([[bool(state.pending)] for state in states], self._device)
            place = place.clamp(min=0)
            units = torch.where(use, put(np.stack([u for u, _ in own]), self._device).gather(1, place), units)
            broken = torch.where(use, put(np.stack([b for _, b in own]), self._device).gather(1, place), broken)
        return Judged((units - self._spaces).clamp(min=0), broken)

    def _continuing(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        """Units and `broken` after each token that may continue the pending bytes."""
        units, broken = self._continued(state.pending)
        return state.units + units[int(state.inside)], broken[int(state.broken)]

    def _continue(self, pending: bytes) -> tuple[np.ndarray, np.ndarray]:
        joined = (self.spelling.join(pending, data) for data in self.spelling.continuing.values())
        return self._tabulated([text + self.spelling.close(left) for text, left in joined])

    def _tabulated(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """What texts add: units after the end of a word and within one, and `State.broken` after either; ``[2, n]``."""
        units, goes_on, blank, broken = np.array([self._added(text) for text in texts]).T
        return np.stack([units, units - goes_on]), np.stack([broken, broken | blank]).astype(bool)

    def _added(self, text: str) -> tuple[int, bool, bool, bool]:
        """The units of a text, and whether it begins with a word's part, is blank, and ends broken."""
        words = text.split()
        if not words:
            return 0, False, True, False
        units = len(words) + (sum(map(len, words)) if self._spaces else 0)
        return units, not text[0].isspace(), False, words[-1].endswith(UNKNOWN)

    def _with(self, state: State, text: str) -> State:
        """A narration with more text that is decided."""
        if not text:
            return state
        units, goes_on, blank, broken = self._added(text)
        units += state.units - (state.inside and goes_on)
        return State(units, not text[-1].isspace(), state.broken if blank else broken)


_TABLES: WeakKeyDictionary[SegmentTokenizer, dict[tuple[object, ...], WordTable]] = WeakKeyDictionary()


def word_table(tokens: SegmentTokenizer, language: Language, size: int, device: torch.device) -> WordTable | None:
    """The table of a tokenizer, made once; None if the tokenizer decodes in a way that is not known.

    Args:
        tokens: the tokenizer.
        language: decides what counts as a word.
        size: number of ids that the model gives odds for.
        device: where narrations are judged.
    """
    spelling = tokens.spelling(size)
    if spelling is None:
        return None
    made = _TABLES.setdefault(tokens, {})
    key = (language, size, device)
    if key not in made or made[key].spelling is not spelling:
        made[key] = WordTable(spelling, language, device)
    return made[key]
