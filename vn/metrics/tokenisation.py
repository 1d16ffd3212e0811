"""Named tokenisations: every n-gram score states the name of the one it was computed with.

See docs/method.md#tokenisation.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean
from vn.metrics.jieba_tokenizers import UserWord, new_jieba
from vn.story import Language


@dataclass(frozen=True)
class Tokenisation:
    """A way to cut a text into tokens.

    Attributes:
        name: stored with each score; numbers of different names are never compared.
        tokens: the tokens of a text; none for an empty one.
    """

    name: str
    tokens: Callable[[str], list[str]]


NAMES = ("char", "jieba", "ptb", "words")
DEFAULT: dict[Language, str] = {"en": "ptb", "zh": "char"}


def tokenisation_named(name: str) -> Tokenisation:
    """The tokenisation of a name.

    Args:
        name: ``char``, ``jieba``, ``ptb``, ``words``, or ``llm-ids:FOLDER`` with a tokenizer saved by transformers.

    Raises:
        InputError: no such name, or its package or folder is missing.
    """
    if name.startswith("llm-ids:"):
        return llm_ids(_load_tokenizer(Path(name.removeprefix("llm-ids:"))))
    if name == "jieba":
        return jieba_words()
    known = {"char": characters, "ptb": ptb, "words": words}
    if name not in known:
        raise InputError(
            f"no tokenisation {name!r}{did_you_mean(name, NAMES)}; there are {', '.join(NAMES)}, llm-ids:FOLDER"
        )
    return Tokenisation(name, known[name])


def characters(text: str) -> list[str]:
    """``char``: each character except whitespace; the default in Chinese.

    >>> characters("快充 20W")
    ['快', '充', '2', '0', 'W']
    """
    return [character for character in text if not character.isspace()]


def words(text: str) -> list[str]:
    """``words``: the strings between spaces, as they are."""
    return text.split()


# -- ptb --------------------------------------------------------------------------------------------------------------

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‛": "'", "`": "'"})
_TOKEN = re.compile(
    r"""
      (?: [^\W\d_]\. ){2,}                                                       # u.s., e.g.
    | (?: mr|mrs|ms|dr|st|vs|prof|jr|sr|etc|inc|ltd|co|corp|no(?=\.[ ]\d) )\. (?=[ ])  # keep their full stop
    | \d+ (?: [.,:/] \d+ )+                                                      # 19.99, 1,000, 5:30
    | [^\W_]+ (?: [-'/.&@_]+ [^\W_]+ )*                                          # well-known, don't, 3-in-1
    | [$%&\#+=*<>@^~|°€£¥]                                                       # signs that are read as words
    """,
    re.VERBOSE,
)
_CLITIC = re.compile(r"(.+)(n't|'(?:s|re|ve|ll|d|m))")
_TWO_WORDS = {
    "cannot": ["can", "not"],
    "gonna": ["gon", "na"],
    "gotta": ["got", "ta"],
    "wanna": ["wan", "na"],
    "gimme": ["gim", "me"],
    "lemme": ["lem", "me"],
}


def ptb(text: str) -> list[str]:
    """``ptb``: English words as the Penn Treebank cuts them, lower-cased, without punctuation; the default in English.

    An approximation of what pycocoevalcap does with Stanford's Java tokenizer: clitics are split off, hyphenated
    words, numbers and common abbreviations stay whole. It agrees with it on ordinary sentences; it differs in
    rarer abbreviations, emoticons and currency signs, and it drops brackets and repeated punctuation such as ``!!``,
    which pycocoevalcap means to drop but keeps.

    >>> ptb("It's a well-known cup; don't you think so?")
    ['it', "'s", 'a', 'well-known', 'cup', 'do', "n't", 'you', 'think', 'so']
    """
    text = unicodedata.normalize("NFC", text).translate(_QUOTES).lower()
    return [part for token in _TOKEN.findall(text) for part in _TWO_WORDS.get(token) or _clitics(token)]


def _clitics(token: str) -> list[str]:
    """``we'd've`` -> we 'd 've."""
    endings: list[str] = []
    while match := _CLITIC.fullmatch(token):
        token, ending = match.groups()
        endings.insert(0, ending)
    return [token, *endings]


# -- jieba ------------------------------------------------------------------------------------------------------------


def jieba_words(user_words: Iterable[str | UserWord] = (), dictionary: str = "stories") -> Tokenisation:
    """``jieba``: Chinese words, including punctuation.

    Args:
        user_words: names and expressions to keep whole, as in `vn.metrics.jieba_tokenizers.new_jieba`.
        dictionary: where they come from; becomes part of the name (``jieba+stories``).

    Raises:
        InputError: jieba is not installed.
    """
    tokenizer, words = new_jieba(user_words)
    name = f"jieba+{dictionary}" if words else "jieba"
    return Tokenisation(name, lambda text: [word for word in tokenizer.cut(text) if not word.isspace()])


# -- ids of a language model ------------------------------------------------------------------------------------------


def llm_ids(tokenizer: Any) -> Tokenisation:
    """``llm-ids:<hash>``: a language model's token ids written as words, as in the released evaluation.

    Args:
        tokenizer: a tokenizer of transformers or of `vn.tokenizer.pieces`. The name has a hash of its vocabulary and
            rules, so that scores of two tokenizers are never confused. Special tokens are left out.
    """
    digest = hashlib.sha256(_rules(tokenizer)).hexdigest()[:12]

    def tokens(text: str) -> list[str]:
        return [str(i) for i in tokenizer(text, add_special_tokens=False)["input_ids"]]

    return Tokenisation(f"llm-ids:{digest}", tokens)


def _rules(tokenizer: Any) -> bytes:
    """Everything that determines the ids of a text."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return str(backend.to_str()).encode()
    pieces = getattr(tokenizer, "sp_model", None)
    if pieces is not None:
        return bytes(pieces.serialized_model_proto())
    return json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()


@functools.lru_cache(maxsize=1)
def _load_tokenizer(folder: Path) -> Any:
    if not folder.is_dir():
        raise InputError("no such tokenizer folder", file=folder)
    from vn.tokenizer.folder import read_tokenizer

    return read_tokenizer(folder)
