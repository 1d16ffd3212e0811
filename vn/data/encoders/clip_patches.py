"""All patches of CLIP ViT-L/14's penultimate layer, 256 x 1024 per frame: ``clip-l14-patches``, for Video-ChatGPT.

A frame is squashed to 224 x 224; the trunk is open_clip's up to block 23 of 24; there is no last norm, and the class
token is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vn.data.encoders.blip2 import DTYPES, MEAN, STD, build_trunk
from vn.data.encoders.blip2_weights import gather_trunk
from vn.data.encoders.picture import PictureEncoder


class ClipPatches(PictureEncoder):
    """Frames as the patches of CLIP's penultimate layer.

    Args:
        weights: checkpoint files, or model folders, with CLIP's vision tower (open_clip, transformers, or LAVIS).
        fps: frames per second to sample.
        dtype: dtype that the tower computes in.

    Raises:
        InputError: a file is missing or damaged, or a weight is in none of them.
    """

    id = "clip-l14-patches"
    standardise = False
    similarity_threshold = 0.9  # not tuned: only baselines use these features
    batch_size = 8

    def __init__(self, weights: Sequence[str | Path], fps: float = 1.0, dtype: str = "float32") -> None:
        trunk, self.weights_sha256 = gather_trunk(weights)
        blocks = len({name.split(".")[2] for name in trunk if name.startswith("transformer.")})
        self._block = blocks - 1
        self._dtype = DTYPES[dtype]
        self._trunk = build_trunk(trunk, self._block, Path(weights[0])).to(self._dtype)
        self.size: int = self._trunk.image_size[0]
        super().__init__(fps, {"size": self.size, "fit": "squash", "block": self._block, "dtype": dtype})
        self.tokens = self._trunk.grid_size[0] * self._trunk.grid_size[1]
        self.width: int = self._trunk.conv1.out_channels
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._std = torch.tensor(STD).view(3, 1, 1) * 255

    def to(self, device: torch.device) -> ClipPatches:
        """Compute on a device."""
        self._trunk.to(device)
        return self

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`."""
        return np.asarray(Image.fromarray(picture).resize((self.size, self.size), Image.Resampling.BICUBIC))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: float16 ``[n, 256, 1024]``."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2).float()
        where = self._trunk.conv1.weight.device
        with torch.inference_mode():
            seen = self._trunk.forward_intermediates(
                ((pictures - self._mean) / self._std).to(where, self._dtype),
                indices=[self._block - 1],
                stop_early=True,
                intermediates_only=True,
                output_fmt="NLC",
            )
            patches: np.ndarray = seen["image_intermediates"][0].to("cpu", torch.float16).numpy()
        return patches
