"""SentencePiece models as tokenizers, read by SentencePiece itself, so that ids agree token for token.

transformers' own conversion to merges gives other ids in rare cases: if a piece can be joined in two ways, as in a
repeated character, SentencePiece takes the leftmost pair, and the merges take the pair listed first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sentencepiece
from transformers import LlamaTokenizer, PreTrainedTokenizerBase
from transformers.tokenization_utils_sentencepiece import SentencePieceBackend, SentencePieceExtractor

from vn.errors import InputError
from vn.io.files import read_json
from vn.tokenizer.added import add_tokens

TOKENIZER = "tokenizer.model"
SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class SentencePieceTokenizer(SentencePieceBackend):
    """A SentencePiece model behind the interface of transformers' tokenizers, with SentencePiece's own ids.

    Text that looks like a special token stays text.

    Args:
        vocab_file: the SentencePiece model.
        special: special tokens by name, and further options.

    Attributes:
        beyond: names of special tokens whose ids follow the model's own; a stock tokenizer has to have them as text.
    """

    beyond: tuple[str, ...] = ()

    def __init__(self, vocab_file: str, **special: Any) -> None:
        special.setdefault("split_special_tokens", True)
        super().__init__(vocab_file=vocab_file, legacy=True, **special)  # type: ignore[no-untyped-call]

    def _update_trie(self, unique_no_split_tokens: list[str] | None = None) -> None:
        """Cut nothing out of the text before SentencePiece reads it."""

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Pieces to text, bytes joined to characters."""
        return str(self.sp_model.decode_pieces(tokens))


def load_tokenizer(folder: Path, kind: type[SentencePieceTokenizer] = SentencePieceTokenizer) -> SentencePieceTokenizer:
    """The tokenizer of a folder with a SentencePiece model.

    Args:
        folder: the folder.
        kind: the tokenizer's class.

    Raises:
        InputError: ``tokenizer.model`` is missing or is not a SentencePiece model.
    """
    file = folder / TOKENIZER
    if not file.is_file():
        raise InputError("the SentencePiece model is missing", file=file)
    try:
        model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    except (RuntimeError, OSError) as error:
        raise InputError(f"not a SentencePiece model: {error}", file=file) from None
    ids = {"bos": model.bos_id(), "eos": model.eos_id(), "unk": model.unk_id(), "pad": model.pad_id()}
    special = {f"{name}_token": model.id_to_piece(i) for name, i in ids.items() if i >= 0}
    settings = folder / "tokenizer_config.json"
    if settings.exists():  # e.g. Baichuan pads with <unk>, which the model does not record
        given = read_json(settings)
        for name in SPECIAL:
            value = given.get(name) if isinstance(given, dict) else None
            value = value.get("content") if isinstance(value, dict) else value
            if isinstance(value, str) and model.id_to_piece(model.piece_to_id(value)) == value:
                special[name] = value
    return kind(str(file), **special)


def stock_tokenizer(tokenizer: SentencePieceTokenizer) -> PreTrainedTokenizerBase:
    """The closest tokenizer that stock transformers can read without SentencePiece."""
    vocab, _, merges = SentencePieceExtractor(str(tokenizer.vocab_file)).extract()
    special = {name: getattr(tokenizer, name) for name in SPECIAL if getattr(tokenizer, name) is not None}
    leads = tokenizer.sp_model.id_to_piece(tokenizer.sp_model.encode("a")[0]).startswith("\u2581")
    stock = LlamaTokenizer(vocab=vocab, merges=merges, add_prefix_space=leads, add_bos_token=False, **special)
    own = tokenizer.sp_model.get_piece_size() + len(tokenizer.beyond)
    added = {i: name for name, i in tokenizer.get_added_vocab().items() if i >= own}
    add_tokens(stock, [*tokenizer.beyond, *(added[i] for i in sorted(added))])
    return stock
