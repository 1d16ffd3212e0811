"""jieba's tokenizer and tagger with user words: objects of our own, so that no other user of jieba sees the words."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vn.extras import require

TAG = "l"  # the tag that the release gives to all its user words
LONGEST = 1000  # characters of a user word: jieba keeps all its beginnings, which grow with the square


@dataclass(frozen=True, slots=True)
class UserWord:
    """A word that jieba is to keep whole.

    Attributes:
        word: the word.
        tag: its part of speech.
        frequency: how often it occurs; None for the lowest one that keeps it whole.
        line: the number of its line in a file, and `text` the line; None if it is not from a file.
    """

    word: str
    tag: str = TAG
    frequency: int | None = None
    line: int | None = None
    text: str | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return repr(self.word) if self.line is None else f"line {self.line} {self.text!r}"


def sorted_words(texts: Iterable[str]) -> tuple[UserWord, ...]:
    """Texts as user words: each once, sorted, without blank ones."""
    return tuple(map(UserWord, sorted({text.strip() for text in texts if text.strip()})))


def new_jieba(user_words: Iterable[str | UserWord] = ()) -> tuple[Any, tuple[UserWord, ...]]:
    """A jieba tokenizer with user words, and the words.

    Args:
        user_words: user words, added in their order, or plain texts, which are sorted and get the tag ``l``. Those of
            more than `LONGEST` characters are left out.

    Raises:
        InputError: jieba is not installed.
    """
    jieba = import_jieba()
    given = list(user_words)
    words = tuple(word for word in given if isinstance(word, UserWord))
    words += sorted_words(word for word in given if isinstance(word, str))
    tokenizer = jieba.Tokenizer()
    # Read from the package's dictionary: jieba's own way leaves a marshalled cache in the shared temporary folder, and
    # reads whatever is stored there.
    frequencies, total = word_frequencies()
    tokenizer.FREQ, tokenizer.total, tokenizer.initialized = dict(frequencies), total, True
    for word in words:
        if len(word.word) > LONGEST:
            continue
        if word.frequency == 0:  # jieba would split the word in all tokenizers of the process
            tokenizer.FREQ[word.word] = 0
        else:
            tokenizer.add_word(word.word, word.frequency, word.tag)
    return tokenizer, words


def new_tagger(tokenizer: Any) -> Any:
    """jieba's tagger (``jieba.posseg``) over a tokenizer of `new_jieba`; it cuts a little differently from it."""
    import jieba.posseg

    class Tagger(jieba.posseg.POSTokenizer):  # type: ignore[misc]  # jieba has no types
        def load_word_tag(self, f: Any) -> None:
            f.close()
            self.word_tag_tab = dict(word_tags())

    return Tagger(tokenizer)


def import_jieba() -> Any:
    """The package jieba, with its logging off.

    Raises:
        InputError: it is not installed.
    """
    require("jieba", what="cutting Chinese words", command="score")
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba


def blocks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The blocks in which jieba, and its tagger, look for words: a text is first cut at all other characters."""
    import jieba.posseg

    return jieba.re_han_default, jieba.posseg.re_han_internal


@functools.cache
def word_frequencies() -> tuple[dict[str, int], int]:
    """The words of jieba's own dictionary with their frequencies, and the sum of these."""
    jieba = import_jieba()
    frequencies, total = jieba.Tokenizer.gen_pfdict(jieba.Tokenizer().get_dict_file())
    return frequencies, total


@functools.cache
def word_tags() -> dict[str, str]:
    """The words of jieba's own dictionary with their tags."""
    with import_jieba().Tokenizer().get_dict_file() as file:
        lines = file.read().decode().splitlines()
    return {word: tag for word, _, tag in (line.split(" ") for line in lines if line)}
