"""Narrations: how long they are, whether they fit their clips' time, and their vocabulary (paper section 3.1)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from vn.stats.spread import Spread
from vn.story import Language, Story, WordRangeRule, count_words

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_RULE = (
    WordRangeRule()
)  # [5 t - 3, 5 t + 3] characters in Chinese (the paper's), [2.5 t - 5, 2.5 t + 5] words in English


def units(text: str, language: Language) -> list[str]:
    """Units of the vocabulary, without punctuation: characters in Chinese, lower-cased words in English.

    >>> units("It's hot, hot!", "en"), units("好用，5元", "zh")
    (["it's", 'hot', 'hot'], ['好', '用', '5', '元'])
    """
    if language == "zh":
        return [character for character in text.casefold() if character.isalnum()]
    return _WORD.findall(text.casefold())


class TextTally:
    """Counts the words of narrations, as `vn.story.count_words` does."""

    def __init__(self) -> None:
        self._clip_words = Spread()
        self._video_words = Spread()
        self._rates = Spread()
        self._units = 0
        self._narrated_seconds = 0.0
        self._seconds = 0.0
        self._fits: Counter[str] = Counter()
        self._vocabulary: Counter[str] = Counter()

    def add(self, story: Story) -> None:
        """Add a story with clips; one without any narration adds its time alone."""
        words = 0
        self._seconds += story.duration
        for number in story.narrated:
            clip, name = story.clips[number], f"{story.id} clip {number + 1}"
            text = clip.narration or ""
            count = count_words(text, story.language)
            words += count
            self._narrated_seconds += clip.duration
            self._clip_words.add(count, name)
            self._rates.add(count / clip.duration, name)
            allowed = _RULE.range_of(clip, story.language)
            self._fits["short" if count < allowed.low else "long" if count > allowed.high else "inside"] += 1
            own = units(text, story.language)
            self._units += len(own)
            self._vocabulary.update(own)
        if story.narrated:
            self._video_words.add(words, story.id)

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON; the rates of a whole split are its words divided by its seconds."""
        words = sum(self._clip_words.values)
        return {
            "narrations": len(self._clip_words.values),
            "narrated_videos": len(self._video_words.values),
            "words": int(words),
            "words_without_punctuation": self._units,
            "words_per_video": self._video_words.to_dict(),
            "words_per_clip": self._clip_words.to_dict(),
            "words_per_second": words / self._seconds if self._seconds else None,
            "words_per_narrated_second": words / self._narrated_seconds if self._narrated_seconds else None,
            "words_per_second_of_clips": self._rates.to_dict(),
            "word_range": {which: self._fits[which] for which in ("short", "inside", "long")},
            "vocabulary": {
                "units": self._units,
                "distinct": len(self._vocabulary),
                "once": sum(count == 1 for count in self._vocabulary.values()),
                "most_common": [list(each) for each in self._vocabulary.most_common(20)],
            },
        }
