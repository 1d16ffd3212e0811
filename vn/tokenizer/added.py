"""Added tokens: tokens behind a tokenizer's own vocabulary, which a template may write.

Checkpoints of other programs may mark pictures, say, with tokens that their base model does not have. A model folder of
ours that keeps such tokens names them in its ``config.json``, and its embeddings have a row for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import AddedToken, PreTrainedTokenizerBase

from vn.errors import InputError, show

FIELD = "vn_added_tokens"  # of a config.json: a token's text -> its id


def add_tokens(tokenizer: PreTrainedTokenizerBase, names: Sequence[str]) -> dict[str, int]:
    """Make tokens known to a tokenizer, behind those it has; they are special, so that they are no text.

    Returns:
        Each token's id.
    """
    new = [name for name in names if name not in tokenizer.get_added_vocab()]
    if new:
        tokens = [AddedToken(name, normalized=False, special=True) for name in new]
        tokenizer.add_special_tokens({"extra_special_tokens": tokens}, replace_extra_special_tokens=False)
    return {name: tokenizer.get_added_vocab()[name] for name in names}


def read_added(config: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> dict[str, int]:
    """The added tokens that a model folder names, known to its tokenizer from now on.

    Raises:
        InputError: they are not a text and an id each, or the tokenizer gives them other ids.
    """
    given = config.get(FIELD) or {}
    file = Path(folder) / "config.json"
    if not isinstance(given, Mapping) or not all(name and type(i) is int for name, i in given.items()):
        raise InputError(f"expected tokens and their ids, got {show(given)}", file=file, field=FIELD)
    names = sorted(given, key=lambda name: given[name])
    found = add_tokens(tokenizer, names)
    for name in names:
        if found[name] != given[name]:
            message = f"{show(name)} is to have the id {given[name]}, but the tokenizer gives it {found[name]}"
            raise InputError(message, file=file, field=FIELD)
    return found
