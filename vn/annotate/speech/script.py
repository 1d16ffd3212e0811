"""The languages of words by their characters, if no recogniser says: Chinese, or what is given."""

from __future__ import annotations

from collections.abc import Sequence

from vn.annotate.speech.join import HAN
from vn.annotate.speech.recogniser import TimedWord

LEAST = 6  # words of another script in a row; less are names


def languages_of(words: Sequence[TimedWord], given: str) -> dict[str, float]:
    """Seconds of words in each language.

    Args:
        words: the words.
        given: the language that is expected: Latin words in a row are English, Chinese characters Chinese.
    """
    seconds: dict[str, float] = {}
    run: list[TimedWord] = []
    for word in [*words, None]:
        if run and (word is None or _is_han(word) != _is_han(run[0])):
            own = "zh" if _is_han(run[0]) else "en"
            language = own if own == given or len(run) >= LEAST else given
            seconds[language] = seconds.get(language, 0.0) + sum(each.end - each.start for each in run)
            run = []
        if word is not None and any(c.isalpha() for c in word.text):
            run.append(word)
    return seconds


def _is_han(word: TimedWord) -> bool:
    return HAN.search(word.text) is not None
