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

    @property
    def is_other_system(self) -> bool:
        """Whether another system than a narrator of ours wrote its runs."""
        return self.runs[0].is_other_system

    @property
    def seedless(self) -> bool:
        """Whether nothing in it is trained or drawn, so that its one run is that of every seed."""
        drawn = any(key.startswith("trainer.") or key.endswith("examples_seed") for key in self.runs[0].config)
        return self.baseline is not None and len(self.runs) == 1 and not drawn

    @property
    def baseline(self) -> str | None:
        """The baseline that its runs are of, as ``vn baseline`` names it; None: a narrator of ours, or unknown."""
        name = self.runs[0].config.get("baseline")
        return name if isinstance(name, str) else None
