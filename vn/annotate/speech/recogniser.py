"""What a recogniser is: sound in, words with times out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as a recogniser gives it.

    Attributes:
        text: the word with its punctuation; it begins with a blank if it does not belong to the word before it.
        start: seconds, from the beginning of the sound.
        end: seconds, at least `start`.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recognised:
    """What is spoken in some sound.

    Attributes:
        words: the words, in order.
        counts: what was odd about the recogniser's answer, by a word: ``segments only``, ``beyond the sound``.
    """

    words: tuple[TimedWord, ...]
    counts: dict[str, float] = field(default_factory=dict)


class Recogniser(Protocol):
    """Recognises speech.

    Attributes:
        name: as on the command line, e.g. ``faster-whisper:models/base``.
        key: everything that its answers depend on besides the sound: hash of the model, settings, version.
        longest: seconds of sound that it takes at once.
    """

    @property
    def name(self) -> str:
        """The name."""

    @property
    def key(self) -> str:
        """What its answers depend on."""

    @property
    def longest(self) -> float:
        """Seconds at once."""

    def recognise(self, samples: np.ndarray, language: str, hints: str = "") -> Recognised:
        """Recognise sound.

        Args:
            samples: ``[n]`` float32 at 16 kHz.
            language: what is spoken, as ``en``.
            hints: names that may occur; empty for none.

        Raises:
            InputError: it cannot be reached, refuses, or answers with something else.
        """

    def odds(self, samples: np.ndarray) -> dict[str, float] | None:
        """Probability of each language (``en``, ``zh``, ``ja`` ...) that may be spoken; None if it cannot tell."""
