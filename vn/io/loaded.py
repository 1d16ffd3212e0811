"""Models that transformers has loaded: whether their weights are whole, and which they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.errors import InputError


def check_whole(missing: Sequence[str], name: str | Path) -> None:
    """Raise if weights are missing.

    Raises:
        InputError: naming one of them.
    """
    if missing:
        raise InputError(
            f"{len(missing)} of its weights are missing, {sorted(missing)[0]} for one: random ones give no valid score",
            file=name,
        )


def fingerprint(model: Any) -> str:
    """Twelve hex digits of all weights of a torch module."""
    return fingerprint_of(model.state_dict())


def fingerprint_of(tensors: Mapping[str, Any]) -> str:
    """`fingerprint` of tensors by their names."""
    digest = hashlib.sha256()
    for key, value in sorted(tensors.items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).float().numpy())
    return digest.hexdigest()[:12]
