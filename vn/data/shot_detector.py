"""The interface of shot detectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np


class ShotDetector(Protocol):
    """Finds where one shot ends and the next begins, in frames of the same size."""

    def add(self, time: float, picture: np.ndarray) -> None:
        """Add the next frame, ``[height, width, 3]`` uint8 BGR, shown from `time` on (seconds)."""
        ...

    def cuts(self, end: float) -> Iterable[float]:
        """After the last frame, which ends at `end`: where shots begin, in seconds."""
        ...
