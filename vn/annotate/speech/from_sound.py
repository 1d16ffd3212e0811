"""The words of a video from its sound: voice activity, the language of each stretch, recognition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from vn.annotate.speech.activity import Stretch, activity
from vn.annotate.speech.cached import CachedRecogniser
from vn.annotate.speech.join import written
from vn.annotate.speech.recogniser import TimedWord
from vn.annotate.speech.sound import SpeechSound
from vn.annotate.speech.spans import GROUP_SPAN, Span, groups_of, is_sure, language_of, spans_of

NEAR = 0.3  # seconds from voice within which a word is believed: recognised times are not better
FAINT = 1e-3  # the largest sample (-60 dB) of sound that counts as silent


@dataclass(slots=True)
class Found:
    """What is spoken in a video.

    Attributes:
        words: the words in order, with times on a player's clock.
        kind: see `vn.annotate.results.Heard`.
        languages: seconds of voice in each language.
        voice: when somebody speaks.
        counts: what was counted, by a word.
        outside: words that were dropped, since nobody speaks there.
        damaged: whether some of the sound could not be decoded.
    """

    words: list[TimedWord] = field(default_factory=list)
    kind: Literal["speech", "silent", "no_speech", "two_languages"] = "speech"
    languages: dict[str, float] = field(default_factory=dict)
    voice: list[Stretch] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    outside: list[TimedWord] = field(default_factory=list)
    damaged: bool = False


def words_of(file: Path, language: str, recogniser: CachedRecogniser | None, hints: str = "") -> Found:
    """Find out what is spoken in a video.

    Args:
        file: the video.
        language: what is spoken, unless another language is sure.
        recogniser: the recogniser; None finds voice activity only.
        hints: names that may occur.

    Raises:
        InputError: the file cannot be read, or the recogniser fails.
    """
    sound = SpeechSound(file)
    found = Found(voice=activity(file))
    if not found.voice:
        loudest = max((float(np.abs(block).max()) for block in sound.blocks()), default=0.0)
        found.kind = "silent" if loudest <= FAINT else "no_speech"
    elif recogniser is not None:
        voice = _languages(sound, found, language, recogniser)
        spans = spans_of(voice, recogniser.longest)
        for span, samples in zip(spans, sound.pieces([(span.start, span.end) for span in spans]), strict=True):
            _recognise(found, span, samples, recogniser, hints)
    found.damaged = sound.damaged
    return found


def _languages(sound: SpeechSound, found: Found, given: str, recogniser: CachedRecogniser) -> list[tuple[Stretch, str]]:
    """The stretches of voice, each with its language."""
    groups = groups_of(found.voice)
    odds = [recogniser.odds(samples) for samples in sound.pieces([_time(group) for group in groups])]
    if not any(odds):  # it cannot tell
        return [(stretch, given) for stretch in found.voice]
    # A group in which no language is sure may have two: then each of its stretches is looked at.
    parts = [
        part for group, each in zip(groups, odds, strict=True) for part in ([group] if is_sure(each) else _each(group))
    ]
    odds = [recogniser.odds(samples) for samples in sound.pieces([_time(part) for part in parts])]
    voice = []
    for part, each in zip(parts, odds, strict=True):
        language = language_of(each, given)
        found.languages[language] = found.languages.get(language, 0.0) + sum(end - start for start, end in part)
        voice += [(stretch, language) for stretch in part]
    return voice


def _time(group: Sequence[Stretch]) -> Stretch:
    """The time of a group whose language is looked for."""
    return group[0][0], min(group[-1][1], group[0][0] + GROUP_SPAN)


def _each(group: Sequence[Stretch]) -> list[list[Stretch]]:
    return [[stretch] for stretch in group]


def _recognise(found: Found, span: Span, samples: np.ndarray, recogniser: CachedRecogniser, hints: str) -> None:
    """Add the words of a span; those while nobody speaks are left out."""
    answer = recogniser.recognise(samples, span.language, hints)
    found.counts.update(answer.counts)
    for word in written(answer.words, span.language):
        word = replace(word, start=word.start + span.start, end=word.end + span.start)
        spoken = within_voice(word, span.voice)
        (found.outside if spoken is None else found.words).append(spoken or word)


def within_voice(word: TimedWord, voice: Sequence[Stretch]) -> TimedWord | None:
    """A word with the part of its time in which somebody speaks: Whisper has words begin in the pause before them.

    Args:
        word: the word.
        voice: when somebody speaks.

    Returns:
        None if nobody does, up to `NEAR` seconds from it.
    """
    nearest = max(voice, key=lambda each: min(word.end, each[1]) - max(word.start, each[0]), default=None)
    if nearest is None or min(word.end, nearest[1]) - max(word.start, nearest[0]) < -NEAR:
        return None
    start, end = (min(max(time, nearest[0]), nearest[1]) for time in (word.start, word.end))
    return replace(word, start=start, end=end)
