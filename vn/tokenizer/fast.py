"""A tokenizer of the library ``tokenizers`` alone, where transformers' class around it would add nothing.

transformers reads ``tokenizer.json`` with that library too, and then adds the special tokens of
``tokenizer_config.json``. If the file has all of them already, ids and texts are those of the library. What else the
configuration may ask for is not known here, and such a folder is left to transformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from vn.errors import InputError
from vn.io.files import read_json

FILE = "tokenizer.json"
CONFIG = "tokenizer_config.json"
CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")  # two names of transformers' class without rules of its own
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MORE = ("extra_special_tokens", "additional_special_tokens")
# Of no effect on the ids of a text without special tokens, or on a text of ids.
HARMLESS = (
    *("backend", "is_local", "local_files_only", "name_or_path", "processor_class", "model_max_length"),
    *("model_input_names", "padding_side", "truncation_side", "chat_template", "add_bos_token", "add_eos_token"),
)


class NotCovered(Exception):
    """A model folder asks for more than a short way of reading it knows; says for what."""


class FastTokenizer:
    """What vn calls of a tokenizer of transformers, by the same names and with the same results.

    Args:
        tokenizer: the library's tokenizer.
        named: special tokens by their role, such as ``bos_token``.
        more: further special tokens.

    Attributes:
        is_fast: that it has one.
        backend_tokenizer: the library's tokenizer.
        bos_token_id: the id of the token that begins a text; None if there is none.
        eos_token_id: that of the token that ends one.
        pad_token_id: that of padding.
        all_special_ids: the ids of all special tokens.
    """

    is_fast = True

    def __init__(self, tokenizer: Tokenizer, named: Mapping[str, str], more: Sequence[str] = ()) -> None:
        self.backend_tokenizer = tokenizer
        ids: dict[str, Any] = {role: tokenizer.token_to_id(token) for role, token in named.items()}
        self.bos_token_id: int | None = ids.get("bos_token")
        self.eos_token_id: int | None = ids.get("eos_token")
        self.pad_token_id: int | None = ids.get("pad_token")
        every = [*(ids[role] for role in NAMED if role in ids), *map(tokenizer.token_to_id, more)]
        self.all_special_ids: list[int] = list(dict.fromkeys(every))

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size())

    def __call__(
        self, text: str | Sequence[str], add_special_tokens: bool = True, verbose: bool = True, **only_ids: bool
    ) -> dict[str, Any]:
        """The ids of a text, or of each of several, as ``input_ids``; `only_ids` are false, since nothing else is."""
        assert not any(only_ids.values())
        if isinstance(text, str):
            return {"input_ids": self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}
        many = self.backend_tokenizer.encode_batch(list(text), add_special_tokens=add_special_tokens)
        return {"input_ids": [each.ids for each in many]}

    def get_vocab(self) -> dict[str, int]:
        """All tokens and their ids, added ones too."""
        vocabulary: dict[str, int] = self.backend_tokenizer.get_vocab()
        return vocabulary

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """The tokens of ids, as the vocabulary has them."""
        tokens: list[Any] = [self.backend_tokenizer.id_to_token(each) for each in ids]
        return tokens

    def decode(
        self, ids: Sequence[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """The text of ids; spaces before punctuation stay, as byte-pair encodings have them."""
        assert not clean_up_tokenization_spaces
        return str(self.backend_tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that were added to the vocabulary, by their ids."""
        added: dict[int, AddedToken] = self.backend_tokenizer.get_added_tokens_decoder()
        return added

    def batch_decode(
        self,
        batch: Sequence[Sequence[int]],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[str]:
        """The texts of several."""
        assert not clean_up_tokenization_spaces
        texts: list[str] = self.backend_tokenizer.decode_batch(batch, skip_special_tokens=skip_special_tokens)
        return texts


def read_fast(folder: Path) -> FastTokenizer:
    """The tokenizer of a model folder.

    Raises:
        NotCovered: transformers would do more than the library alone; says what.
    """
    try:
        config = read_json(folder / CONFIG)
        tokenizer = Tokenizer.from_file(str(folder / FILE))
    except InputError as error:
        raise NotCovered(str(error)) from None
    except Exception as error:  # the library raises plain exceptions
        raise NotCovered(f"{FILE}: {error}") from None
    if not isinstance(config, dict) or config.get("tokenizer_class") not in CLASSES:
        raise NotCovered("a class of tokenizers with rules of its own")
    listed = config.get("added_tokens_decoder")
    if listed is None and any((folder / name).exists() for name in ("special_tokens_map.json", "added_tokens.json")):
        raise NotCovered("special tokens in files of their own")
    known = {"tokenizer_class", "added_tokens_decoder", "clean_up_tokenization_spaces", *NAMED, *MORE, *HARMLESS}
    if unknown := [name for name, value in config.items() if name not in known and value not in (None, False)]:
        raise NotCovered(f"{CONFIG}: {unknown[0]}")
    if config.get("clean_up_tokenization_spaces") and type(tokenizer.model).__name__ != "BPE":
        raise NotCovered("spaces that are cleaned up")
    if tokenizer.truncation is not None or tokenizer.padding is not None:
        raise NotCovered("truncation or padding")
    if all(config.get(name) for name in MORE):
        raise NotCovered(f"both of {' and '.join(MORE)}")
    there = tokenizer.get_added_tokens_decoder()
    if listed is not None and not isinstance(listed, dict):
        raise NotCovered("added tokens that are not a mapping")
    by_number = {str(number): token for number, token in there.items()}
    for number, token in (listed or {}).items():
        if not _is(by_number.get(number), token):
            raise NotCovered(f"another added token {number}")
    special = {each.content for each in there.values() if _is(each, {"content": each.content, "special": True})}
    named = {role: _content(config[role]) for role in NAMED if config.get(role) is not None}
    more = [_content(token) for name in MORE for token in _list(config.get(name))]
    if missing := [token for token in [*named.values(), *more] if token not in special]:
        raise NotCovered(f"{FILE} lacks the special token {missing[0]!r}")
    return FastTokenizer(tokenizer, named, more)


def _list(value: Any) -> list[Any]:
    if value and not isinstance(value, list):
        raise NotCovered("special tokens with names of their own")
    return list(value or [])


def _content(token: Any) -> str:
    """The text of a special token; one that is not plain is not covered."""
    if isinstance(token, dict):
        flags = {name: value for name, value in token.items() if name not in ("__type", "content")}
        if flags.pop("special", True) and not any(flags.values()) and isinstance(token.get("content"), str):
            return str(token["content"])
    if not isinstance(token, str):
        raise NotCovered(f"the special token {token!r}")
    return token


def _is(token: AddedToken | None, stored: Mapping[str, Any]) -> bool:
    """Whether an added token is the one that a configuration describes; what it leaves out is False."""
    if token is None or not isinstance(stored, dict):
        return False
    flags = ("lstrip", "normalized", "rstrip", "single_word", "special")
    return token.content == stored.get("content") and all(getattr(token, f) == stored.get(f, False) for f in flags)
