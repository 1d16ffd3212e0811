"""A base model before it is loaded: where it is, its fingerprint, and what loading gives. Nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vn.errors import InputError
from vn.io import gguf
from vn.io.hashes import hash_folder
from vn.llm.loaders import check_there, find_loader

UNKNOWN = "unknown"  # instead of a hash, as in adapters whose base model came from the hub without its commit


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A language model as it is before our training.

    Attributes:
        name: the name that the user gave.
        folder: its folder, or its name on the hub.
        sha256: hash of its configuration, tokenizer and weights (`hash_folder`), or the hub's commit, or `UNKNOWN`.
        llm: a causal model of transformers; for writing alone a `vn.llm.llama.Llama` may take its place.
        tokenizer: a tokenizer of transformers, or beside such a model a `vn.tokenizer.fast.FastTokenizer`.
        added: tokens after the tokenizer's own that templates may use, with their ids (`vn.tokenizer.added`).
    """

    name: str
    folder: str
    sha256: str
    llm: Any
    tokenizer: Any
    added: dict[str, int] = field(default_factory=dict)


class BaseModelLoader(Protocol):
    """A function that loads base models in a way of its own; called for names that begin with its own and a colon.

    Registered by a package as an entry point of the group ``vn.base_models``.
    """

    def __call__(self, name: str, dtype: str, quantization: str) -> BaseModel:
        """Load a base model.

        Args:
            name: what comes after the loader's name and the colon.
            dtype: dtype of the weights, e.g. ``float32`` or ``bfloat16``.
            quantization: ``none``, ``int8`` or ``nf4``; a loader that cannot raises.

        Returns:
            A causal model of transformers whose attention is by its attention interface, as those of the LLaMA family
            are, and a tokenizer; a ``sha256`` that is another one whenever the weights are.

        Raises:
            InputError: there is no such model.
        """
        ...


def find_base(name: str) -> str:
    """The folder of a base model, or its name on the hub.

    Args:
        name: as for `vn.llm.load.load_base`, but without a loader; a GGUF file is converted once.

    Raises:
        InputError: there is nothing at this name.
    """
    if name == "smollm2":
        return gguf.smollm2()
    check_there(name)
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        return gguf.from_gguf(path)
    return str(path) if path.is_dir() else name


def is_on_this_machine(name: str) -> bool:
    """Whether a base model is local; False for one that the hub may have. Nothing is read, converted or downloaded.

    Args:
        name: as for `vn.llm.load.load_base`.

    Raises:
        InputError: it can only be local, and is missing.
    """
    if name == "smollm2":
        gguf.smollm2_file()
        return True
    if find_loader(name, allow_import=True) is not None:
        return True  # what it is asked for is its own affair
    path = Path(name).expanduser()
    if path.suffix == ".gguf" or path.is_dir() or name.startswith((".", "/", "~")) or name.count("/") != 1:
        if not path.exists():
            raise InputError("no such model file or folder", file=name, field="base_model")
        return True
    return _downloaded(name) is not None


def _downloaded(name: str) -> Path | None:
    """The ``config.json`` of a hub model in the hub's cache; None if it was never downloaded."""
    from huggingface_hub import try_to_load_from_cache

    try:
        file = try_to_load_from_cache(name, "config.json")
    except ValueError:  # not a name that the hub allows
        return None
    return Path(file) if isinstance(file, str) else None


def fingerprint(folder: str) -> str:
    """The hash of a model folder, or the commit of a hub model, which is its folder's name in the cache."""
    if Path(folder).is_dir():
        return hash_folder(Path(folder))
    file = _downloaded(folder)
    return UNKNOWN if file is None else file.parent.name


def fingerprints(name: str) -> set[str]:
    """What loading may give as ``sha256`` of a base model on this machine; nothing is loaded or downloaded.

    Args:
        name: as for `vn.llm.load.load_base`; a GGUF file is converted once, as there.

    Raises:
        InputError: it does not exist here, or is a hub model that was never downloaded.
    """
    place = Path(find_base(name))
    if place.is_dir():
        return {hash_folder(place)}
    file = _downloaded(name)
    if file is None:
        raise InputError("no such folder here, and no model of this name was downloaded from the hub", file=name)
    return {file.parent.name, hash_folder(file.parent)}


def check_window(config: Any, longest: int) -> None:
    """Refuse a model whose attention window is shorter than a row may be.

    Args:
        config: the model's configuration.
        longest: maximum tokens of a row.

    Raises:
        InputError: the window is too short; names the setting that makes rows so long.
    """
    text = config.get_text_config()
    window = min(
        (w for n in ("sliding_window", "attention_chunk_size") if (w := getattr(text, n, None))), default=longest
    )
    if window < longest:
        raise InputError(
            f"the base model attends to {window} tokens back, fewer than the {longest} that a prompt may have",
            field="model.max_length",
        )
