"""The words that EMScore, InfoSim and InfoDiverse look at: jieba's, by their tags; in English what comes nearest.

English has no tagger here. Its words are those of the ``ptb`` tokenisation without punctuation; content words are those
that METEOR does not count as function words: nouns, verbs, adjectives and adverbs remain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vn.metrics.meteor import FUNCTION_WORDS
from vn.metrics.tokenisation import new_jieba, ptb
from vn.story import Language

EMSCORE_TAGS = frozenset(["n", "s", "nr", "ns", "nt", "nw", "nz", "v", "vn", "a"])
INFORMATION_TAGS = frozenset(["l", "n", "s", "nr", "ns", "nt", "nw", "nz", "a"])


@dataclass
class ContentWords:
    """Cuts texts into words with tags.

    Attributes:
        language: of the texts.
        user_words: words to keep whole, with the tag ``l``, in Chinese.
        dictionary: where they come from; part of the name.

    Raises:
        InputError: jieba is not installed.
    """

    language: Language
    user_words: Iterable[str] = ()
    dictionary: str = "stories"
    _tagger: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.name = "ptb"
        if self.language == "zh":
            tokenizer, words = new_jieba(self.user_words)
            import jieba.posseg

            self._tagger = jieba.posseg.POSTokenizer(tokenizer)
            self.name = f"jieba+{self.dictionary}" if words else "jieba"

    def all(self, text: str) -> list[str]:
        """All words, punctuation left out."""
        return [word for word, _ in self._tagged(text)]

    def tagged(self, text: str, tags: frozenset[str]) -> list[str]:
        """The words of these tags; in English the content words, whatever the tags."""
        return [word for word, tag in self._tagged(text) if (tag in tags if tag else word not in FUNCTION_WORDS)]

    def _tagged(self, text: str) -> list[tuple[str, str]]:
        if self._tagger is None:
            pairs = [(word, "") for word in ptb(text)]
        else:
            pairs = [(pair.word, pair.flag) for pair in self._tagger.cut(text)]
        return [(word, tag) for word, tag in pairs if any(map(str.isalnum, word))]
