"""``--length spoken``: a voice bounds the words of each clip, and what it cannot say in time is written again.

What no narration can fit is excluded by the voice's pace, as measured on some sentences. How long one takes depends on
its words, too. So each is spoken as soon as it is written, and one that would not fit even with short pauses at the
highest speed is written again with fewer words, before later clips are, which read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from vn.errors import InputError
from vn.story import Clip, Language, Story, WordRange, WordRangeRule, count_words
from vn.voice.checked import is_speakable
from vn.voice.fit import Line, needed, usual
from vn.voice.fit_settings import FASTEST
from vn.voice.names import recorded_name
from vn.voice.pace import Pace
from vn.voice.speech import Voice
from vn.voice.word_range import SpokenRange, bounded
from vn.written import WrittenClip

TIMES = 3  # that a narration is written again, at most
PAUSES = 1.1  # how much more a voice speaks in the same time if its pauses are short
AIM = 0.75  # share of the way from the usual to the highest speed: what a narration is written again for


class SpokenLength:
    """Keeps narrations within what a voice can say.

    Args:
        voice: speaks them, and should keep what it has spoken (`vn.voice.kept`).
        language: their language.
        pace: how fast the voice is.
        most: the fastest it may be, relative to its usual speed.
        times: how often a narration is written again at most.
        units_per_second: words, or Chinese characters, that a range's high end is for; None: the most that the voice
            may say, its 90th percentile at the fastest speed with short pauses. Fewer make narrations shorter that
            would have fitted.
    """

    def __init__(
        self,
        voice: Voice,
        language: Language,
        pace: Pace,
        most: float = FASTEST,
        times: int = TIMES,
        units_per_second: float | None = None,
    ) -> None:
        self.voice = voice
        self.language = language
        self.pace = pace
        self.most = most
        self.times = times
        self.units_per_second = units_per_second or pace.high * most * PAUSES
        self._seconds: dict[str, float] = {}  # by text, with its pauses as short as they may be

    def ranges(self, rule: WordRangeRule) -> SpokenRange:
        """A rule's word ranges, bounded by the voice."""
        return SpokenRange(rule.source, rule.rate, rule.margin, self.units_per_second)

    def again(self, story: Story) -> Callable[[Sequence[WrittenClip]], WordRange | int]:
        """What to do after attempts at a clip of a story; see `vn.generation.story_writer.Again`."""
        return partial(self._again, story)

    def missed(self, story: Story, written: WrittenClip) -> str | None:
        """A warning if a narration is too long for the voice; None if it fits.

        Raises:
            InputError: the voice failed.
        """
        speed = self.speed(_time_of(story, written.clip), written.written.narration)
        if speed <= self.most:
            return None
        name = recorded_name(self.voice.name)
        return f"is too long for the voice {name}: it would have to be {speed:.2f} times as fast as usual"

    def speed(self, clip: Clip, narration: str) -> float:
        """The speed, relative to the voice's usual one, at which a narration fits its clip; 1 if it fits as it is.

        Raises:
            InputError: the voice failed.
        """
        if not is_speakable(narration):
            return 1.0
        if narration not in self._seconds:
            line = Line(0, clip.start, clip.end, narration)
            self._seconds[narration] = usual(line, self.voice, self.language).short.seconds
        return needed(self._seconds[narration], clip.duration)

    def _again(self, story: Story, attempts: Sequence[WrittenClip]) -> WordRange | int:
        last, clip = attempts[-1], _time_of(story, attempts[-1].clip)
        try:
            speeds = [math.inf if each.problem else self.speed(clip, each.written.narration) for each in attempts]
        except InputError as error:
            raise InputError(str(error), sample=story.id, field=f"clips[{last.clip}].narration") from None
        if speeds[-1] <= self.most:
            return len(attempts) - 1
        count = count_words(last.written.narration, self.language)
        # As many as fit a little below the highest speed, as long words and pauses differ.
        aim = 1 + AIM * (self.most - 1)
        high = min(count - 1, math.floor(count * aim / speeds[-1]))
        if last.problem or high < 1 or len(attempts) > self.times:
            return min(range(len(attempts)), key=speeds.__getitem__)
        return bounded(last.written.words, high)


def _time_of(story: Story, number: int) -> Clip:
    """A clip up to the start of the next, as `vn.voice.fit` speaks it: clips may overlap by some tenths of a second."""
    clip, after = story.clips[number], story.clips[number + 1 : number + 2]
    return replace(clip, end=min([clip.end, *(each.start for each in after if each.start > clip.start)]))
