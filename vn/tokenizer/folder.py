"""The tokenizer in a model's folder, whatever files it is stored in; the folder's own code is never run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.extras import explain_missing
from vn.io.files import read_json

PIECES = "tokenizer.model"  # a SentencePiece model
MARK = "vn_sentencepiece"  # in a config.json: the tokenizer is tokenizer.model, and whose if it is not a plain one
OWN = ("baichuan", "chatglm")  # model types whose tokenizers transformers does not read


def read_tokenizer(folder: Path) -> Any:
    """A tokenizer of transformers, or of `vn.tokenizer.pieces` if only SentencePiece reads its files correctly.

    Raises:
        InputError: there is no tokenizer, or it needs the folder's own code, or a package is missing.
    """
    try:
        if needs_sentencepiece(folder):
            return load_pieces(folder)
        from transformers import AutoTokenizer
    except ImportError as error:
        raise InputError(str(explain_missing(error, "score") or error), file=folder) from None
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a tokenizer: {str(error).splitlines()[0]}", file=folder) from None


def load_pieces(folder: Path) -> Any:
    """The tokenizer of a folder by SentencePiece: ChatGLM's or a plain one.

    Raises:
        InputError: its ``tokenizer.model`` is missing or damaged.
    """
    from vn.tokenizer.chatglm import CHATGLM, ChatGlmTokenizer
    from vn.tokenizer.pieces import SentencePieceTokenizer, load_tokenizer

    config = _json(folder / "config.json")
    chatglm = CHATGLM in (config.get("model_type"), config.get(MARK))
    return load_tokenizer(folder, ChatGlmTokenizer if chatglm else SentencePieceTokenizer)


def needs_sentencepiece(folder: Path) -> bool:
    """Whether SentencePiece itself must read the tokenizer: one of `OWN`, one of `vn export`, or a bare model."""
    config = _json(folder / "config.json")
    if config.get("model_type") in OWN or MARK in config:
        return True
    if not (folder / PIECES).is_file():
        return False
    settings = _json(folder / "tokenizer_config.json")
    own_program = "auto_map" in settings or "baichuan" in str(settings.get("tokenizer_class")).lower()
    return own_program or not (settings or (folder / "tokenizer.json").is_file())


def _json(file: Path) -> Mapping[str, Any]:
    """A JSON mapping; empty if the file is missing or holds something else."""
    content = read_json(file) if file.is_file() else {}
    return content if isinstance(content, dict) else {}
