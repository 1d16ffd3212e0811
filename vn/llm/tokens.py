"""Text segments to token ids, each segment on its own (docs/design.md#text-to-tokens)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vn.errors import InputError
from vn.tokenizer.spelling import Spelling, spelling_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from vn.tokenizer.fast import FastTokenizer

CACHE_SIZE = 65536  # segments
ONLY_IDS: Any = {"return_attention_mask": False, "return_token_type_ids": False}


class SegmentTokenizer:
    """Tokenises segments so that equal text gives equal ids wherever it appears.

    No special tokens, and no SentencePiece dummy prefix (a space that such tokenizers put before any text, so that
    a text's ids would depend on where it was cut).

    Args:
        tokenizer: the language model's tokenizer.
        added: tokens that are kept whole in a text, with their ids (`vn.tokenizer.added`); what is before, between and
            after them is tokenised separately.
        turns: the ids that open each turn of a dialogue, by name, if the model was trained on such turns. They are
            never parsed from text, so that no text of a story can open a turn. None is the tokenizer's own
            (ChatGLM3's).

    Attributes:
        start: ids in front of everything: the beginning-of-sequence token, if the model has one, or ChatGLM3's two.
        newline: the id of the newline that ends labels and narrations.
        stops: ids that end a label or a narration: all tokens with a newline in them, end of sequence, and turns.
        unspoken: special ids, which are not text.
        pad: an id for positions that are masked anyway.
        added, turns: as given.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase | FastTokenizer,
        added: Mapping[str, int] | None = None,
        turns: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.added = dict(added or {})
        given = getattr(tokenizer, "turn_ids", {}) if turns is None else turns
        self.turns = {name: tuple(ids) for name, ids in given.items()}
        longest_first = sorted(self.added, key=len, reverse=True)
        self._borders = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if self.added else None
        self._spellings: dict[int, Spelling | None] = {}
        self._known: dict[str, tuple[int, ...]] = {}  # instructions and earlier texts are repeated
        first = tokenizer.convert_ids_to_tokens(self._raw("a"))[0]
        self._lead = self._raw("\n") if first.startswith("\u2581") else []
        ids = self._encode("\n")
        if len(ids) != 1:
            raise InputError(f"the tokenizer splits a newline into {len(ids)} tokens, so a narration could not end")
        self.newline = ids[0]
        bos = (tokenizer.bos_token_id,) if tokenizer.bos_token_id is not None else ()
        self.start: tuple[int, ...] = getattr(tokenizer, "start_ids", bos)
        self.stops = self._stops()
        self.unspoken = frozenset(tokenizer.all_special_ids)
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.newline

    def _raw(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def turn(self, name: str) -> tuple[int, ...]:
        """The ids that open a turn of a dialogue, such as ``user``; none if the model was not trained on such turns."""
        return self.turns.get(name, ())

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of one segment."""
        ids = self._known.get(text)
        if ids is None:
            if len(self._known) >= CACHE_SIZE:
                self._known.clear()
            ids = self._known[text] = self._with_added(text) if self._borders else self._encode(text)
        return ids

    def know(self, texts: Sequence[str]) -> None:
        """Tokenise texts that `encode` will be called with, all at once if the tokenizer does so in less time."""
        new = list({text: None for text in texts if text not in self._known and text not in ("", "\n")})
        if len(new) < 2 or self._borders or not getattr(self.tokenizer, "is_fast", False):
            return
        if len(self._known) + len(new) >= CACHE_SIZE:
            self._known.clear()
        lead = "\n" if self._lead else ""  # as in `_encode`
        encoded = self.tokenizer([lead + text for text in new], add_special_tokens=False, verbose=False, **ONLY_IDS)
        for text, ids in zip(new, encoded["input_ids"], strict=True):
            self._known[text] = tuple(ids[len(self._lead) :])

    def _with_added(self, text: str) -> tuple[int, ...]:
        assert self._borders is not None
        ids: list[int] = []
        for part in filter(None, self._borders.split(text)):
            ids += [self.added[part]] if part in self.added else self._encode(part)
        return tuple(ids)

    def _encode(self, text: str) -> tuple[int, ...]:
        if not self._lead:
            return tuple(self._raw(text))
        # A newline in front takes the dummy prefix. It is never merged with what follows.
        if text == "\n":
            return tuple(self._lead[1:])
        return tuple(self._raw("\n" + text)[len(self._lead) :])

    def spelling(self, size: int | None = None) -> Spelling | None:
        """What each token adds to a text, read once; None if the tokenizer decodes in a way that is not known.

        Args:
            size: number of ids, if it is not the tokenizer's own: models pad their embeddings.
        """
        size = len(self.tokenizer) if size is None else size
        if size not in self._spellings:
            self._spellings[size] = spelling_of(self.tokenizer, size)
        return self._spellings[size]

    def _stops(self) -> frozenset[int]:
        ids = range(len(self.tokenizer))
        ends = {i for i, text in zip(ids, self.tokenizer.batch_decode([[i] for i in ids]), strict=True) if "\n" in text}
        if self.tokenizer.eos_token_id is not None:
            ends.add(self.tokenizer.eos_token_id)
        ends.update(ids[0] for ids in self.turns.values())
        return frozenset(ends | {self.newline})

    def decode(self, ids: list[int]) -> str:
        """Ids of one segment back to text, whitespace at both ends removed."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()

    def narration(self, ids: Sequence[int]) -> str:
        """The text of a narration's ids, on one line and with single spaces."""
        return " ".join(self.decode(list(ids)).split())
