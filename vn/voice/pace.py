"""How fast a voice speaks, and what it makes of a speed that it is asked for: measured, and kept.

Voices do not do what they are asked: at half the length scale Piper takes 0.6 of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.story import Language, count_words
from vn.voice.measured import Measured
from vn.voice.sentences import SENTENCES
from vn.voice.sound import trim
from vn.voice.speech import Voice

ASKED = (0.7, 0.85, 1.0, 1.1, 1.25, 1.5)  # speeds that the curve is measured at, if the voice has them
OF_CURVE = (1, 4, 7)  # the sentences that it is measured on


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a voice speaks a language, without the silence before and after a sentence.

    Attributes:
        units_per_second: words in English, characters in Chinese (`vn.story.count_words`), over all sentences.
        low: 10th percentile over the sentences.
        high: 90th percentile.
        curve: (speed that was asked for, speed that it gave), the slowest first, never falling; (1, 1) is in it.
    """

    units_per_second: float
    low: float
    high: float
    curve: tuple[tuple[float, float], ...] = ((1.0, 1.0),)

    def asked_for(self, speed: float) -> float:
        """What to ask the voice for, so that it speaks at a speed; at most what it has.

        >>> Pace(3.0, 2.8, 3.3, ((0.5, 0.6), (1.0, 1.0), (2.0, 1.5))).asked_for(1.25)
        1.5
        """
        asked, got = (np.array(side) for side in zip(*self.curve, strict=True))
        return float(np.interp(speed, got, asked))

    @property
    def fastest(self) -> float:
        """The greatest speed that it was measured to give."""
        return self.curve[-1][1]


def pace_of(voice: Voice, language: Language, folder: Path | None = None) -> Pace:
    """How fast a voice speaks; measured at the first call (seconds to a minute), and kept.

    Args:
        voice: the voice.
        language: the language.
        folder: where measurements are kept; see `vn.voice.measured`.

    Raises:
        InputError: the voice failed, or it is recordings.
    """
    if getattr(voice, "is_recorded", False):
        raise InputError("recordings have no pace: they are as long as they are", file=voice.name)
    kept = Measured("pace", voice, language, folder)
    pace = _parsed(kept.read())
    if pace is None:
        pace = measure(voice, language)
        kept.write({"units_per_second": pace.units_per_second, "low": pace.low, "high": pace.high, "curve": pace.curve})
    return pace


def measure(voice: Voice, language: Language) -> Pace:
    """Measure a voice on the built-in sentences.

    Raises:
        InputError: the voice failed.
    """
    sentences = SENTENCES[language]
    seconds = np.array([trim(voice.speak(sentence, language)).seconds for sentence in sentences])
    units = np.array([count_words(sentence, language) for sentence in sentences])
    low, high = np.percentile(units / seconds, (10, 90))
    slowest, fastest = voice.speeds
    points = []
    for asked in sorted({min(max(speed, slowest), fastest) for speed in ASKED}):
        if asked == 1.0:
            points.append((1.0, 1.0))
            continue
        changed = sum(trim(voice.speak(sentences[n], language, asked)).seconds for n in OF_CURVE)
        points.append((asked, float(seconds[list(OF_CURVE)].sum() / changed)))
    return Pace(float(units.sum() / seconds.sum()), float(low), float(high), _rising(points))


def _rising(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """A curve that never falls, with (1, 1) in it: what a voice makes of less cannot be more."""
    curve: list[tuple[float, float]] = []
    for asked, got in points:
        bounded = min(got, 1.0) if asked < 1 else max(got, 1.0)
        curve.append((asked, max(bounded, curve[-1][1]) if curve else bounded))
    return tuple((asked, 1.0 if asked == 1 else got) for asked, got in curve)


def _parsed(found: dict[str, Any] | None) -> Pace | None:
    """A pace as it was kept; None if it is damaged."""
    try:
        assert found is not None
        curve = tuple((float(asked), float(got)) for asked, got in found["curve"])
        pace = Pace(float(found["units_per_second"]), float(found["low"]), float(found["high"]), curve)
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
    numbers = [pace.units_per_second, pace.low, pace.high, *(x for point in curve for x in point)]
    return pace if curve and all(math.isfinite(x) and x > 0 for x in numbers) else None
