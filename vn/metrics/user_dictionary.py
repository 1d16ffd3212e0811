"""User words for jieba: titles and knowledge points of the evaluated stories, or a file; and which have no effect.

A file has one word per line, in the format of jieba's own user dictionaries: ``word``, ``word tag``,
``word frequency`` or ``word frequency tag``. jieba takes any last word of lower-case letters for a tag, so it reads
``Mate 60 pro`` as the word ``Mate`` with a frequency and a tag. Here a tag must be one of jieba's dictionary, and that
line is the word ``Mate 60 pro``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import Findings
from vn.io.files import read_text
from vn.metrics.jieba_tokenizers import (
    LONGEST,
    TAG,
    UserWord,
    blocks,
    new_jieba,
    sorted_words,
    word_frequencies,
    word_tags,
)
from vn.story import Story

CHOICES = ("stories", "none")  # besides files
SHOWN = 5  # words named in a warning
_LINE = re.compile(r"(?P<word>.+?)(?: (?P<frequency>[0-9]{1,15}))?(?: (?P<tag>[a-z]+))?")


@dataclass(frozen=True, slots=True)
class UserDictionary:
    """User words, and where they come from.

    Attributes:
        name: ``stories``, ``none`` or the name of the file; in scores it follows ``jieba+``.
        words: the words in the order in which jieba gets them, which can change the frequencies that it gives them.
        file: the file that they were read from; None if there is none.
    """

    name: str
    words: tuple[UserWord, ...] = ()
    file: Path | None = None


def user_dictionary(choice: str | Path, stories: Iterable[Story]) -> UserDictionary:
    """The user words for scoring.

    Args:
        choice: ``stories``, ``none`` or a file.
        stories: the evaluated stories.

    Raises:
        InputError: the file is missing or not UTF-8, or jieba is not installed.
    """
    if choice == "none":
        return UserDictionary("none")
    if choice == "stories":
        stories = list(stories)
        points = (point for story in stories for aspect in story.knowledge for point in aspect.points)
        return UserDictionary("stories", sorted_words([*(story.title for story in stories), *points]))
    file = Path(choice)
    lines = enumerate(read_text(file).split("\n"), 1)
    return UserDictionary(file.name, tuple(parse_line(text.strip(), n) for n, text in lines if text.strip()), file)


def parse_line(text: str, number: int | None = None) -> UserWord:
    """A line of a user dictionary; its word has the tag ``l`` if the line has none.

    >>> parse_line("云杯 n").tag, parse_line("云杯 12 l").word, parse_line("Mate 60 pro").word
    ('n', '云杯', 'Mate 60 pro')
    """
    match = _LINE.fullmatch(text)
    if match is None or (match["tag"] and match["tag"] not in _tags()):
        return UserWord(text, line=number, text=text)
    frequency = int(match["frequency"]) if match["frequency"] else None
    return UserWord(match["word"], match["tag"] or TAG, frequency, number, text)


@functools.cache
def _tags() -> frozenset[str]:
    return frozenset(word_tags().values())


def note_unused(dictionary: UserDictionary, tokenizer: Any, tagger: Any, findings: Findings) -> None:
    """Report user words without effect, and lines that may be read otherwise than intended.

    Args:
        dictionary: the user words.
        tokenizer: jieba's, with these words.
        tagger: jieba's, over that tokenizer.
        findings: takes one line per kind.
    """
    of_tokenizer, of_tagger = blocks()

    def cut_by(words: Iterable[UserWord], block: re.Pattern[str], cut: Callable[[str], list[str]]) -> list[UserWord]:
        # jieba gives a word the frequency that keeps it whole, unless the file has one: only these need a check.
        doubtful = (word for word in words if word.frequency is not None or not block.fullmatch(word.word))
        return [word for word in doubtful if cut(word.word) != [word.word]]

    long = {word for word in dictionary.words if len(word.word) > LONGEST}
    short = [word for word in dictionary.words if word not in long]
    split = cut_by(short, of_tokenizer, lambda text: list(tokenizer.cut(text)))
    gone = set(split)
    whole = [word for word in short if word not in gone]
    tagger_splits = cut_by(whole, of_tagger, lambda text: [pair.word for pair in tagger.cut(text)])

    def note(words: Iterable[UserWord], what: str) -> None:
        words = list(words)
        if words:
            more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
            listed = ", ".join(word.name for word in words[:SHOWN])
            message = f"{len(words)} of {len(dictionary.words)} user words {what}: {listed}{more}"
            findings.add(message, file=dictionary.file)

    note(sorted(long, key=lambda word: word.word), f"have more than {LONGEST} characters and are left out")
    signs = [word for word in split if not of_tokenizer.fullmatch(word.word)]
    note(signs, "are never kept whole, since jieba cuts at blanks and at signs such as / · ' and 【")
    rare = (word for word in split if of_tokenizer.fullmatch(word.word))
    note(rare, "are not kept whole, since their frequency is too small")
    by = "by jieba's tagger (InfoSim, InfoDiverse, intra_repetition_released), which also cuts at - and %"
    note(tagger_splits, f"are not kept whole {by}")
    if dictionary.file is not None:
        note(_known(whole), "add nothing, since jieba or an earlier line has them")
        bare = (word for word in dictionary.words if word.text == f"{word.word} {word.frequency}")
        note(bare, "are read as a word and its frequency, as jieba reads such lines")


def _known(words: Iterable[UserWord]) -> list[UserWord]:
    """The words that change neither a tag nor a frequency: jieba's own, and repeated lines."""
    plain, _ = new_jieba()
    frequencies, _ = word_frequencies()
    seen: set[tuple[str, str, int | None]] = set()
    known = []
    for word in words:
        entry = (word.word, word.tag, word.frequency)
        own = frequencies.get(word.word) if word_tags().get(word.word) == word.tag else None
        if entry in seen or (own and own == (word.frequency or plain.suggest_freq(word.word))):
            known.append(word)
        seen.add(entry)
    return known
