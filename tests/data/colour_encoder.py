"""A frame encoder for tests that needs no network: the mean colours of a picture's left and right halves."""

import time
from typing import ClassVar

import numpy as np
from PIL import Image

from vn.data import encoders
from vn.data.encoders.picture import PictureEncoder


class ColourEncoder(PictureEncoder):
    """Two tokens of three numbers. `pause` seconds a batch make room for a kill."""

    id = "colour"
    tokens = 2
    width = 3
    standardise = True
    similarity_threshold = 0.9
    weights_sha256 = "0" * 64
    batch_size = 4
    pause: ClassVar[float] = 0.0

    def __init__(self, fps: float = 1.0) -> None:
        super().__init__(fps, {"size": 8})

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((8, 8)))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        time.sleep(self.pause)
        halves = inputs.astype(np.float64).reshape(len(inputs), 8, 2, 4, 3).mean(axis=(1, 3))
        return (halves / 255).astype(np.float16)


def register(pause: float = 0.0) -> None:
    """Make it known as ``colour``."""
    ColourEncoder.pause = pause
    encoders.ENCODERS["colour"] = (__name__, "ColourEncoder")
