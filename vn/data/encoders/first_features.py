"""What `vn.data.encoders.efficientnet_first` computes, with PyTorch and the package that the weights come with.

Its features stay bit for bit what they are, so nothing here may change.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet

from vn.data.encoders.lite_features import one_thread, read_weights
from vn.data.encoders.lite_settings import EARLY_BLOCK, GRID, HUE_SCALE, HUES, MEAN, SIZE, STD


class FirstFeatures:
    """Frames to features.

    Args:
        weights: file of the network's weights.
    """

    def __init__(self, weights: Path) -> None:
        self._network = EfficientNet.from_name("efficientnet-lite0", image_size=SIZE)
        self._network.load_state_dict(read_weights(weights))
        self._network.eval().requires_grad_(False)
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._std = torch.tensor(STD).view(3, 1, 1) * 255

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """``[n, 160, 160, 3]`` uint8 -> float16 ``[n, 8, 1334]``."""
        with torch.inference_mode(), one_thread():
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
