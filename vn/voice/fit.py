"""Narrations spoken in the time of their clips, at an even speed.

For each clip, in this order and only as far as it is needed: silence is trimmed, pauses are shortened, the voice is
asked to speak faster, and what is then left is sped up at the same pitch. *Speed* is that of the words, relative to the
voice's usual one: shorter pauses leave it as it is.

    needed    the speed at which a narration with its shortest pauses fits its time; 1 if it fits as it is
    speed     needed, or `most` if that is faster; at least a neighbour's minus `step`, so that no clip is hurried
              beside one at the usual speed. A clip is never slowed, and evening only speeds up: it costs no fit.

A narration that is too long even at `most` is spoken whole, and the next begins after it: two never speak at once. By
how much it is `over` is for the caller to report, or to have it written again (`vn.narrate.spoken`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from vn.errors import InputError
from vn.story import Language, count_words
from vn.voice.checked import is_speakable
from vn.voice.fit_settings import FitSettings
from vn.voice.names import for_clip
from vn.voice.sound import shorten_pauses, tempo, trim
from vn.voice.speech import Speech, Voice
from vn.voice.spoken import SpokenClip

if TYPE_CHECKING:
    from vn.voice.pace import Pace

SMALL = 0.02  # a change of speed below this is made by tempo alone: no voice is that exact
EXACT = 0.001  # seconds that nobody notices


@dataclass(frozen=True, slots=True)
class Line:
    """A narration to speak.

    Attributes:
        clip: number of its clip.
        start: start of the clip, in seconds on a player's clock.
        end: end of the clip, in seconds.
        text: the narration; one without a letter or digit is not spoken.
    """

    clip: int
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Usual:
    """A narration at the voice's usual speed.

    Attributes:
        whole: trimmed.
        short: also with its pauses as short as they may be.
    """

    whole: Speech
    short: Speech

    def needed(self, room: float) -> float:
        """The speed at which it fits into `room` seconds; see `needed`."""
        return needed(self.short.seconds, room)


def needed(seconds: float, room: float) -> float:
    """The speed at which speech fits into `room` seconds; 1 if it does as it is, infinite if there is no room.

    Args:
        seconds: how long it is at the usual speed, with its pauses as short as they may be.
        room: the time there is for it, in seconds.
    """
    return max(1.0, seconds / (room - EXACT)) if room > EXACT else math.inf


def usual(line: Line, voice: Voice, language: Language) -> Usual:
    """Speak a narration at the voice's usual speed.

    Raises:
        InputError: the voice failed, or returned silence.
    """
    whole = _spoken(line, voice, language, 1.0)
    return Usual(whole, shorten_pauses(whole))


def fit_lines(
    lines: Sequence[Line], voice: Voice, language: Language, pace: Pace | None, settings: FitSettings | None = None
) -> list[SpokenClip]:
    """Speak narrations in the time of their clips.

    Args:
        lines: the narrations, in the order of their times.
        voice: speaks them.
        language: their language.
        pace: what the voice makes of a speed it is asked for; None: it is not asked, only sped up.
        settings: how; None: the default settings.

    Returns:
        Those that are spoken.

    Raises:
        InputError: the voice failed, or returned silence.
    """
    return list(fit_each(lines, voice, language, pace, settings))


def fit_each(
    lines: Sequence[Line], voice: Voice, language: Language, pace: Pace | None, settings: FitSettings | None = None
) -> Iterator[SpokenClip]:
    """`fit_lines` with one narration in memory at a time.

    Each is spoken at the usual speed twice, which costs nothing if the voice keeps what it has spoken
    (`vn.voice.kept`).
    """
    settings = settings or FitSettings()
    lines = [line for line in lines if is_speakable(line.text)]
    limits = _limits(lines, settings)
    needed = [
        usual(line, voice, language).needed(limit - line.start) for line, limit in zip(lines, limits, strict=True)
    ]
    speeds = evened([min(one, settings.most) for one in needed], settings.step)
    asked, before = _Asked(voice, language, pace), -math.inf
    for line, limit, even in zip(lines, limits, speeds, strict=True):
        start = max(line.start, before)
        natural, room = usual(line, voice, language), limit - start
        speed = max(even, min(natural.needed(room), settings.most))
        speech = _at(line, natural, room, speed, asked)
        before = start + speech.seconds
        over = before - limit if before - limit > EXACT else 0.0
        words = count_words(line.text, language)
        yield SpokenClip(line.clip, start, speech, line.text, words, round(speed, 4), over)


def evened(speeds: Sequence[float], step: float) -> list[float]:
    """Speeds of which none is more than `step` below a neighbour's, each as low as that allows.

    Example:
        >>> evened([1.0, 1.12, 1.0, 1.0], 0.06)
        [1.06, 1.12, 1.06, 1.0]
    """
    out = list(speeds)
    for order in (range(1, len(out)), range(len(out) - 2, -1, -1)):
        for i in order:
            neighbour = i - 1 if order.step > 0 else i + 1
            out[i] = max(out[i], round(out[neighbour] - step, 9))
    return out


def _limits(lines: Sequence[Line], settings: FitSettings) -> list[float]:
    """When each narration must have ended."""
    limits = []
    for line, after in zip_longest(lines, lines[1:]):
        if after is None:
            may_run = settings.overflow == "next" and settings.end is not None
            limits.append(max(line.end, settings.end or 0.0) if may_run else line.end)
        elif after.start <= line.start:
            limits.append(line.end)
        else:
            limits.append(after.start if settings.overflow == "next" else min(line.end, after.start))
    return limits


@dataclass(frozen=True, slots=True)
class _Asked:
    """A voice that is asked for speeds."""

    voice: Voice
    language: Language
    pace: Pace | None

    def speak(self, line: Line, speed: float) -> Speech | None:
        """A narration at about this speed; None if the voice has one speed, or the difference is too small."""
        low, high = self.voice.speeds
        if self.pace is None or speed < 1 + SMALL or high <= 1:
            return None
        asked = min(max(self.pace.asked_for(speed), low), high)
        return _spoken(line, self.voice, self.language, asked) if asked > 1 else None


def _at(line: Line, natural: Usual, room: float, speed: float, asked: _Asked) -> Speech:
    """A narration at this speed, its pauses shortened as far as `room` asks for it."""
    own = asked.speak(line, speed)
    if own is not None:
        factor = speed * own.seconds / natural.whole.seconds  # what is missing: the voice is not that exact
        close = _in_room(own, room, 1.0 if 1 <= factor < 1 + SMALL else factor)
        # Some voices shorten pauses more than words, or less: as fast as this one is, it may still be too long.
        if abs(math.log(factor)) < math.log(speed) and close.seconds <= max(room, natural.short.seconds / speed):
            return close
    return _in_room(natural.whole, room, speed)


def _in_room(speech: Speech, room: float, factor: float) -> Speech:
    """Speech with shorter pauses, if needed, and then faster by `factor`."""
    return tempo(shorten_pauses(speech, speech.seconds - (room - EXACT) * factor), factor)


def _spoken(line: Line, voice: Voice, language: Language, speed: float) -> Speech:
    speech = trim(for_clip(voice, line.clip).speak(line.text, language, speed))
    if not len(speech.samples):
        raise InputError(f"the voice {voice.name} is silent for {line.text!r}", field=f"clips[{line.clip}].narration")
    return speech
