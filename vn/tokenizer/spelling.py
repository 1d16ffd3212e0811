"""What each token of a vocabulary adds to a text, for tokenizers that decode in one of three known ways.

A token may be part of a character, so that what it adds depends on the tokens before it. Bytes that decide nothing yet
are *pending*. Three ways to decode are known:

  byte-level BPE             all tokens are bytes of UTF-8; what cannot be completed is U+FFFD
  SentencePiece's models     ``<0xE4>`` and its like are bytes, other tokens are text. By transformers, a run of bytes
                             is UTF-8 as a whole, or one U+FFFD per byte; by SentencePiece itself, it is decoded
                             character by character, with one U+FFFD for each byte that belongs to none

Text is exact except for white space at its beginning, which SentencePiece's dummy prefix takes.
"""

from __future__ import annotations

import codecs
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from vn.tokenizer.fast import FastTokenizer

UNKNOWN = "\ufffd"
SPACE = "\u2581"  # SentencePiece's
SAMPLES = 100  # sequences of tokens on which tokenizer and spelling are compared
_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")
_RUNS = [{"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What the tokens of a vocabulary add to a text.

    Attributes:
        texts: the text of each token if nothing is pending before it.
        join: from pending bytes, and those of a token that continues them, to text that is decided and what is pending.
        close: the text of pending bytes if nothing continues them.
        tails: the bytes that are pending after a token, of those that leave some.
        continuing: the bytes of the tokens that may continue pending bytes, which any other token ends; no bytes for a
            token that decoding skips.
    """

    texts: list[str]
    join: Callable[[bytes, bytes], tuple[str, bytes]]
    close: Callable[[bytes], str]
    tails: dict[int, bytes] = field(default_factory=dict)
    continuing: dict[int, bytes] = field(default_factory=dict)

    def add(self, pending: bytes, token: int) -> tuple[str, bytes]:
        """The text that a token decides after pending bytes, and what is pending then."""
        if pending and token in self.continuing:
            return self.join(pending, self.continuing[token])
        return self.close(pending) + self.texts[token], self.tails.get(token, b"")

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        text, pending = "", b""
        for token in ids:
            new, pending = self.add(pending, token)
            text += new
        return text + self.close(pending)


def spelling_of(tokenizer: PreTrainedTokenizerBase | FastTokenizer, size: int) -> Spelling | None:
    """The spelling of a vocabulary.

    Args:
        tokenizer: the tokenizer.
        size: number of ids; may be more than the tokenizer has, since models pad their embeddings.

    Returns:
        None if the tokenizer decodes in another way.
    """
    try:
        found = _read(tokenizer, size)
        return found if found is not None and _agrees(tokenizer, found) else None
    except (IndexError, OverflowError):  # an id that the tokenizer does not have, and cannot decode
        return None


def _read(tokenizer: PreTrainedTokenizerBase | FastTokenizer, size: int) -> Spelling | None:
    names = tokenizer.convert_ids_to_tokens(list(range(size)))
    pieces = getattr(tokenizer, "sp_model", None)
    if pieces is not None:
        count = pieces.get_piece_size()
        control = {i for i in range(min(count, size)) if pieces.is_control(i)}
        texts = ["" if i in control else name for i, name in enumerate(names)]
        return _in_runs(texts, set(tokenizer.all_special_ids), by_character)
    if not getattr(tokenizer, "is_fast", False):
        return None
    decoder = tokenizer.backend_tokenizer.decoder
    settings = json.loads(decoder.__getstate__()) if decoder is not None else {}
    skipped = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    skipped.update(i for i, name in enumerate(names) if name is None)
    if settings.get("type") == "ByteLevel":
        return _byte_level(names, skipped)
    parts = settings.get("decoders", [])
    strips = [(each["type"], each.get("content")) for each in parts[3:]]
    return _in_runs(names, skipped, whole) if parts[:3] == _RUNS and strips in ([], [("Strip", " ")]) else None


def _byte_level(names: Sequence[str | None], skipped: set[int]) -> Spelling:
    """Each character of a token is a byte; a token with a character that is none, as an added one may have, is text."""
    alphabet = byte_alphabet()
    found = Spelling([""] * len(names), utf8, lambda pending: pending.decode(errors="replace"))
    for i, name in enumerate(names):
        if not name or i in skipped:
            found.continuing[i] = b""
            continue
        try:
            data = bytes([alphabet[character] for character in name])
        except KeyError:
            data = name.encode()
        found.texts[i], tail = utf8(b"", data)
        if tail:
            found.tails[i] = tail
        if 0x80 <= data[0] < 0xC0:  # continues a character
            found.continuing[i] = data
    return found


def _in_runs(names: Sequence[str | None], skipped: set[int], close: Callable[[bytes], str]) -> Spelling:
    """Bytes are tokens of their own, and stay pending until another token ends their run."""
    found = Spelling([""] * len(names), lambda pending, data: ("", pending + data), close)
    for i, name in enumerate(names):
        if name is None or i in skipped:
            found.continuing[i] = b""
        elif len(name) == 6 and (byte := _BYTE.fullmatch(name)):
            found.continuing[i] = found.tails[i] = bytes([int(byte[1], 16)])
        else:
            found.texts[i] = name.replace(SPACE, " ")
    return found


def byte_alphabet() -> dict[str, int]:
    """The bytes by their characters in byte-level vocabularies: visible ones of Latin-1 themselves, others from 256."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(visible))
    return {chr(byte): byte for byte in visible} | {chr(256 + n): byte for n, byte in enumerate(others)}


def utf8(pending: bytes, data: bytes) -> tuple[str, bytes]:
    """UTF-8 as text, and the bytes at its end that may still become a character."""
    data = pending + data
    text, read = codecs.utf_8_decode(data, "replace", False)
    return text, data[read:]


def whole(run: bytes) -> str:
    """A run of bytes as transformers reads it."""
    try:
        return run.decode()
    except UnicodeDecodeError:
        return UNKNOWN * len(run)


def by_character(run: bytes) -> str:
    """A run of bytes as SentencePiece reads it."""
    text, at = "", 0
    while at < len(run):
        first = run[at]
        size = 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
        try:
            text += run[at : at + size].decode()
            at += size
        except UnicodeDecodeError:
            text += UNKNOWN
            at += 1
    return text


def _agrees(tokenizer: PreTrainedTokenizerBase | FastTokenizer, spelling: Spelling) -> bool:
    """Whether the tokenizer decodes some tokens as they are spelled: of every kind, alone and in sequences."""
    count = len(spelling.texts)
    draw = random.Random(0)
    kinds = [range(count), [*spelling.continuing], [*spelling.tails], [*tokenizer.added_tokens_decoder]]
    kinds = [[i for i in kind if i < count] for kind in kinds]
    some = [[draw.choice(draw.choice([kind for kind in kinds if kind])) for _ in range(6)] for _ in range(SAMPLES)]
    some += [[i] for i in (*range(max(0, count - 20), count), *kinds[3])]
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    return all(
        text.lstrip() == spelling.text(ids).lstrip()
        for ids, text in zip(some, tokenizer.batch_decode(some, **options), strict=True)
    )
