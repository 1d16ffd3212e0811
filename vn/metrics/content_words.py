"""The words that EMScore, InfoSim and InfoDiverse use: jieba's, by their tags; in English the nearest equivalent.

English has no tagger here. Its words are those of the ``ptb`` tokenisation without punctuation; content words are those
that METEOR does not count as function words: nouns, verbs, adjectives and adverbs remain.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from vn.metrics.jieba_tokenizers import UserWord, new_jieba, new_tagger
from vn.metrics.meteor import FUNCTION_WORDS
from vn.metrics.tokenisation import ptb
from vn.metrics.user_dictionary import UserDictionary
from vn.story import Language

MOST = 20_000  # texts whose words are kept
EMSCORE_TAGS = frozenset(["n", "s", "nr", "ns", "nt", "nw", "nz", "v", "vn", "a"])
INFORMATION_TAGS = frozenset(["l", "n", "s", "nr", "ns", "nt", "nw", "nz", "a"])


class ContentWords:
    """Segments texts into words with tags.

    Args:
        language: language of the texts.
        user_words: words that jieba keeps whole, in Chinese; see `vn.metrics.jieba_tokenizers.new_jieba`.
        dictionary: where they come from; part of the name.

    Attributes:
        name: name of the tokenisation.
        tokenizer: jieba's; None in English.
        tagger: jieba's, over that tokenizer; None in English.

    Raises:
        InputError: jieba is not installed.
    """

    def __init__(
        self, language: Language, user_words: Iterable[str | UserWord] = (), dictionary: str = "stories"
    ) -> None:
        self.language = language
        self.name = "ptb"
        self.tokenizer = self.tagger = None
        self._known: dict[str, list[tuple[str, str]]] = {}
        if language == "zh":
            self.tokenizer, words = new_jieba(user_words)
            self.tagger = new_tagger(self.tokenizer)
            self.name = f"jieba+{dictionary}" if words else "jieba"

    def all(self, text: str) -> list[str]:
        """All words, without punctuation."""
        return [word for word, _ in self._tagged(text)]

    def tagged(self, text: str, tags: frozenset[str]) -> list[str]:
        """The words with these tags; in English the content words, whatever the tags."""
        return [word for word, tag in self._tagged(text) if (tag in tags if tag else word not in FUNCTION_WORDS)]

    def cut(self, text: str) -> list[tuple[str, str]]:
        """Everything that the text is cut into, punctuation and spaces too, with tags; in English without tags."""
        if self.tagger is None:
            return [(word, "") for word in ptb(text)]
        if text not in self._known:  # several metrics segment the same narrations, and the tagger is slow
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[text] = [(pair.word, pair.flag) for pair in self.tagger.cut(text)]
        return self._known[text]

    def units(self, text: str) -> list[str]:
        """The words of the definition of intra-repetition: by jieba without its tagger, without punctuation."""
        words = ptb(text) if self.tokenizer is None else self.tokenizer.cut(text)
        return [word for word in words if any(map(str.isalnum, word))]

    def _tagged(self, text: str) -> list[tuple[str, str]]:
        return [(word, tag) for word, tag in self.cut(text) if any(map(str.isalnum, word))]


@functools.lru_cache(maxsize=1)
def content_words(language: Language, dictionary: UserDictionary) -> ContentWords:
    """`ContentWords` with a user dictionary; the last one is kept, since it takes seconds to make."""
    return ContentWords(language, dictionary.words, dictionary.name)
