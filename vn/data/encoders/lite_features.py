"""What `vn.data.encoders.efficientnet` computes, with PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vn.data.encoders.lite_network import LiteNetwork
from vn.data.encoders.lite_settings import EARLY_BLOCK, GRID, HUE_SCALE, HUES, MEAN, SIZE, STD


class LiteFeatures:
    """Frames to features.

    Args:
        weights: file of the network's weights.
        dtype: dtype that the network computes in.

    Attributes:
        network: the network.
    """

    def __init__(self, weights: Path, dtype: str) -> None:
        self._dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        std = torch.tensor(STD).view(3, 1, 1) * 255
        self.network = LiteNetwork(read_weights(weights), std, EARLY_BLOCK, self._dtype)
        self._cells = [cells(SIZE // 32), cells(SIZE // 8)]

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""
        with torch.inference_mode(), one_thread():
            return self.forward(inputs).to(torch.float16).numpy()

    def forward(self, inputs: np.ndarray) -> torch.Tensor:
        """Features before they are rounded, ``[n, 8, 1334]`` float32."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2)  # channels last
        stages = self.network((pictures - self._mean).to(self._dtype))
        # Channels are last in memory, so the mean of each cell is a product with the cells' shares.
        parts = [
            share @ stage.permute(0, 2, 3, 1).flatten(1, 2).float()
            for share, stage in zip(self._cells, stages, strict=True)
        ]
        hues = hue_histogram(pictures[..., ::2, ::2].contiguous() / 255, GRID)  # every fourth pixel is enough
        return torch.cat([*parts, hues.flatten(2).transpose(1, 2) * HUE_SCALE], dim=2)


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """The network's weights."""
    weights: dict[str, torch.Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights


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
