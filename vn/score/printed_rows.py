"""Which printed row of the paper's tables a run is measured for (``ablations`` and ``baselines`` of ``paper.yaml``)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vn.errors import show


@dataclass(frozen=True)
class Counterpart:
    """A baseline of ours and the paper's row for it.

    Attributes:
        row: the paper's name.
        baseline: name of the baseline, as ``vn baseline`` takes it.
        when: settings that it must have: a text is contained in the value, anything else equals it.
        uses: what the value of a setting contains in the paper's system.
        instead: whether it is another system, in the place of one whose code is not public.
    """

    row: str
    baseline: str
    when: Mapping[str, Any] = field(default_factory=dict)
    uses: Mapping[str, str] = field(default_factory=dict)
    instead: bool = False

    def fits(self, config: Mapping[str, Any]) -> bool:
        """Whether a run's configuration is this baseline's."""
        return config.get("baseline") == self.baseline and all(
            any(_has(value, wanted) for value in values_of(config, name)) for name, wanted in self.when.items()
        )

    def differences(self, config: Mapping[str, Any]) -> list[str]:
        """How the system differs from the paper's; empty if it does not."""
        found = [f"another system than {self.row}, whose code is not public"] if self.instead else []
        for name, wanted in self.uses.items():
            values = [value for value in values_of(config, name) if isinstance(value, str | list)]
            if not any(_has(value, wanted) for value in values):
                ours = ", ".join(map(show, values)) or "not stated"
                found.append(f"{name.replace('_', ' ')} {ours}, the paper's is {wanted}")
        return found


@dataclass(frozen=True)
class Printed:
    """The row that a run is measured for.

    Attributes:
        system: the paper's name.
        reasons: how the run's system differs from the paper's.
    """

    system: str
    reasons: tuple[str, ...] = ()


def printed_row(
    config: Mapping[str, Any], rows: Container[str], ablations: Mapping[str, str], baselines: Iterable[Counterpart]
) -> Printed | None:
    """The row of a table that a run is measured for; None if the table has none.

    Args:
        config: the run's configuration, dotted key -> value.
        rows: the systems of the table.
        ablations: the name of an ablation -> its row.
        baselines: baselines with their rows; the first that fits is taken.
    """
    if config.get("baseline") is None:
        system = ablations.get(str(config.get("ablation") or "full"))
        return Printed(system) if system is not None and system in rows else None
    for each in baselines:
        if each.row in rows and each.fits(config):
            return Printed(each.row, tuple(each.differences(config)))
    return None


def values_of(config: Mapping[str, Any], name: str) -> list[Any]:
    """The values of settings that have a name, or that name with ``_model``, in their dotted name.

    >>> values_of({"settings.captions": "file mine.jsonl", "settings.captions_model": ["llava"], "a": 1}, "captions")
    ['file mine.jsonl', ['llava']]
    """
    names = (f".{name}.", f".{name}_model.")
    return [value for key, value in config.items() if any(each in f".{key}." for each in names)]


def _has(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(_has(each, wanted) for each in value)
    if isinstance(wanted, str):
        return isinstance(value, str) and _plain(wanted) in _plain(value)
    return type(value) is type(wanted) and bool(value == wanted)


def _plain(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "").replace(" ", "")
