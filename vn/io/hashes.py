"""Fingerprints of weights files and model folders."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

WHOLE_HASH_LIMIT = 1 << 30  # bytes; larger files are hashed in samples
PIECE = 1 << 16


def hash_folder(folder: Path) -> str:
    """A fingerprint of a model folder: names, sizes and contents of configuration, tokenizer and weights.

    Weights files over 1 GiB are read in 1,024 evenly spread pieces, so that a 7B model costs a second, not a minute.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".model", ".gguf", ".bin"):
            digest.update(f"{path.name}:{path.stat().st_size}\n".encode())
            _add(digest, path)
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """A fingerprint of one weights file, read as by `hash_folder`."""
    digest = hashlib.sha256()
    _add(digest, path)
    return digest.hexdigest()


def _add(digest: Any, path: Path) -> None:
    size = path.stat().st_size
    with open(path, "rb") as file:
        if size <= WHOLE_HASH_LIMIT:
            while piece := file.read(1 << 22):
                digest.update(piece)
        else:
            for i in range(1024):
                file.seek(i * (size - PIECE) // 1023)
                digest.update(file.read(PIECE))
