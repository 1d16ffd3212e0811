"""Texts of a story in a prompt stay text: none of their characters becomes a token that controls the model."""

from __future__ import annotations

from typing import Any

from vn.endpoints.turn_marks import without_turn_marks
from vn.errors import InputError


class PlainText:
    """Breaks what a tokenizer reads as one of its control tokens (turns, beginnings and ends, places of frames).

    Args:
        tokenizer: a tokenizer of transformers.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        added = {token.content: n for n, token in tokenizer.added_tokens_decoder.items()}
        named = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        # A tokenizer may have added blanks and newlines as tokens of their own: those are text.
        controls = {name: n for name, n in (added | named).items() if name.strip()}
        self._names = tuple(controls)
        self._ids = set(controls.values()) - {tokenizer.unk_token_id}

    def __call__(self, text: str) -> str:
        """The text, with a space in each control token that was spelt out in it.

        Raises:
            InputError: the tokenizer makes a control token of it even so.
        """
        while (broken := without_turn_marks(text, self._names)) != text:
            text = broken
        found = self._ids & set(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        if found:
            name = self._tokenizer.convert_ids_to_tokens(min(found))
            raise InputError(f"a text becomes the control token {name!r}, however it is written: {text!r}")
        return text
