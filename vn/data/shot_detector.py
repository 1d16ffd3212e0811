"""What finds shots in the pictures of a video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np


class ShotDetector(Protocol):
    """Finds where one shot ends and the next begins, in pictures that all have one size."""

    def add(self, time: float, picture: np.ndarray) -> None:
        """Take the next picture, ``[height, width, 3]`` uint8 BGR, shown from `time` on (seconds)."""
        ...

    def cuts(self, end: float) -> Iterable[float]:
        """After the last picture, which leaves the screen at `end`: where shots begin, in seconds."""
        ...
