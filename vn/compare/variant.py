"""A variant of a study."""

from __future__ import annotations

from dataclasses import dataclass

from vn.compare.runs import Run


@dataclass(frozen=True)
class Variant:
    """Runs that differ only in their seed, by seed."""

    name: str
    ablation: str
    runs: tuple[Run, ...]
