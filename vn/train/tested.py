"""Loads the trained narrator that a test writes with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vn.adapter import Assembly, load_adapter, ngrams_of
from vn.card import lost_base, read_card
from vn.io.hashes import hash_folder
from vn.parts import by_module
from vn.train.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Tested:
    """The adapter folder that a narrator was loaded from.

    Attributes:
        sha256: hash of the folder.
        dtype: data type of the language model in its card; the narrator may be in another.
    """

    sha256: str
    dtype: str


def base_elsewhere(folder: Path, settings: ModelSettings) -> str | None:
    """Where the base model is now, if it has moved since an adapter folder was written and the settings know."""
    lost = lost_base(read_card(folder), folder) is not None
    return settings.base_model if lost and Path(settings.base_model).exists() else None


def load_tested(
    folder: Path, settings: ModelSettings, drafts: str = "none", dtype: str | None = None
) -> tuple[Assembly, Tested]:
    """Load a trained narrator.

    Args:
        folder: the adapter folder.
        settings: says where the base model is if it has moved, and which modules may be imported.
        drafts: what writing is drafted by (`vn.generation.decoding.Decoding`).
        dtype: data type of the language model (`vn.adapter.load_adapter`).

    Raises:
        InputError: a file is missing or damaged, or a package is not installed.
    """
    imports = by_module(settings).values()
    assembly = load_adapter(folder, base_elsewhere(folder, settings), imports=imports, dtype=dtype)
    if drafts != "none":
        assembly.ngrams = ngrams_of(folder, assembly)
    return assembly, Tested(hash_folder(folder), read_card(folder).dtype)
