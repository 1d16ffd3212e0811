"""A frame encoder for tests that needs no network: the mean colours of a frame's left and right halves."""

import time
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from vn.data import encoders
from vn.data.encoders.picture import PictureEncoder
from vn.data.read_ahead import Dropped, check_wanted

LONGEST = 300  # seconds that a test is waited for


class ColourEncoder(PictureEncoder):
    """Two tokens of three numbers.

    Attributes:
        hold: a file that gets a line per batch; None writes nothing.
        hold_at: the batch, counted over all videos from 1, that waits for a kill, or until nobody wants its video.
    """

    id = "colour"
    tokens = 2
    width = 3
    standardise = True
    similarity_threshold = 0.9
    weights_sha256 = "0" * 64
    batch_size = 4
    hold: ClassVar[Path | None] = None
    hold_at: ClassVar[int] = 0

    def __init__(self, fps: float = 1.0) -> None:
        super().__init__(fps, {"size": 8})

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((8, 8)))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        if self.hold is not None:
            with open(self.hold, "a") as file:
                file.write("a batch\n")
            if batches(self.hold) == self.hold_at:
                _wait()
        halves = inputs.astype(np.float64).reshape(len(inputs), 8, 2, 4, 3).mean(axis=(1, 3))
        return (halves / 255).astype(np.float16)


def batches(hold: Path) -> int:
    """How many batches have been begun."""
    return hold.read_text().count("\n") if hold.exists() else 0


def _wait() -> None:
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            check_wanted()
        except Dropped:
            return
        time.sleep(0.002)


def register(hold: Path | None = None, hold_at: int = 0) -> None:
    """Make it known as ``colour``."""
    ColourEncoder.hold, ColourEncoder.hold_at = hold, hold_at
    encoders.ENCODERS["colour"] = f"{__name__}:ColourEncoder"
