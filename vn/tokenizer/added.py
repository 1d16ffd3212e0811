"""Added tokens: tokens beyond a tokenizer's own vocabulary, which a template may contain.

Checkpoints of other programs may mark frames, for example, with tokens that their base model does not have. If a model
folder of ours has such tokens, it lists them in its ``config.json``, and its embeddings have a row for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import InputError, show

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FIELD = "vn_added_tokens"  # field of config.json: a token's text -> its id


def add_tokens(tokenizer: PreTrainedTokenizerBase, names: Sequence[str]) -> dict[str, int]:
    """Add tokens to a tokenizer after those it has; they are special, so that they do not count as text.

    Returns:
        Each token's id.
    """
    from transformers import AddedToken

    new = [name for name in names if name not in tokenizer.get_added_vocab()]
    if new:
        tokens = [AddedToken(name, normalized=False, special=True) for name in new]
        tokenizer.add_special_tokens({"extra_special_tokens": tokens}, replace_extra_special_tokens=False)
    return {name: tokenizer.get_added_vocab()[name] for name in names}


def read_added(config: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> dict[str, int]:
    """The added tokens that a model folder lists; they are added to its tokenizer.

    Raises:
        InputError: they are not pairs of text and id, or the tokenizer gives them other ids.
    """
    given = config.get(FIELD) or {}
    file = Path(folder) / "config.json"
    if not isinstance(given, Mapping) or not all(name and type(i) is int for name, i in given.items()):
        raise InputError(f"expected tokens and their ids, got {show(given)}", file=file, field=FIELD)
    names = sorted(given, key=lambda name: given[name])
    found = add_tokens(tokenizer, names)
    for name in names:
        if found[name] != given[name]:
            message = f"{show(name)} should have the id {given[name]}, but the tokenizer gives it {found[name]}"
            raise InputError(message, file=file, field=FIELD)
    return found
