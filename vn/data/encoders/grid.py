"""Any vision tower's last feature map as 4 x 4 tokens per frame: ``open-clip:<model>`` and ``chinese-clip``."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from vn.data.encoders.picture import PictureEncoder
from vn.errors import InputError, did_you_mean
from vn.io.hashes import hash_file, hash_folder

GRID = 4
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


class GridEncoder(PictureEncoder):
    """Frames as 16 tokens: the tower's last feature map, pooled to 4 x 4 cells.

    A frame is squashed to the tower's size, so that the cells cover it whatever its aspect ratio. The features are
    standardised by the model, and tau is that of `efficientnet-lite0` on such features: neither was tuned on real
    weights.
    """

    tokens = GRID * GRID
    standardise = True
    similarity_threshold = 0.65
    batch_size = 8

    def __init__(self, fps: float, size: int, mean: Any, std: Any, interpolation: str, dtype: str) -> None:
        super().__init__(fps, {"size": size, "fit": "squash", "grid": GRID, "dtype": dtype})
        self.size = size
        self._resampling = RESAMPLING.get(interpolation, Image.Resampling.BICUBIC)
        self._mean = torch.tensor(mean).view(3, 1, 1) * 255
        self._std = torch.tensor(std).view(3, 1, 1) * 255
        self._dtype = getattr(torch, dtype)
        with torch.inference_mode():
            self.width = self._map(torch.zeros(1, 3, size, size, dtype=self._dtype)).shape[1]

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`."""
        return np.asarray(Image.fromarray(picture).resize((self.size, self.size), self._resampling))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: float16 ``[n, 16, D]``."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            seen = self._map(((pictures - self._mean) / self._std).to(self._dtype)).float()
            return F.adaptive_avg_pool2d(seen, GRID).flatten(2).transpose(1, 2).to(torch.float16).contiguous().numpy()

    @abstractmethod
    def _map(self, pictures: Tensor) -> Tensor:
        """Normalised frames to the last feature map ``[n, D, rows, columns]``."""


class OpenClip(GridEncoder):
    """``open-clip:<model>``: the vision tower of any model of open_clip.

    Args:
        model: its name there, e.g. ``ViT-B-16-quickgelu``.
        weights: one checkpoint file in a format that open_clip reads.
        fps: frames per second to sample.
        dtype: dtype that the tower computes in.

    Raises:
        InputError: there is no such model, or the file is not its weights.
    """

    def __init__(self, model: str, weights: list[str], fps: float = 1.0, dtype: str = "float32") -> None:
        import open_clip

        if model not in open_clip.list_models():
            hint = did_you_mean(model, open_clip.list_models())
            raise InputError(f"open_clip has no model {model!r}{hint}", field="--encoder")
        if len(weights) != 1 or not Path(weights[0]).is_file():
            raise InputError("expected one checkpoint file", file=weights[0], field="--encoder-weights")
        try:
            clip = open_clip.create_model(model, pretrained=weights[0], weights_only=True)
        except Exception as error:  # a file that is not a checkpoint of this model may raise any
            raise InputError(f"not weights of {model}: {error}", file=weights[0]) from None
        self.id = f"open-clip:{model}"
        self.weights_sha256 = hash_file(Path(weights[0]))
        self._tower = clip.visual.eval().requires_grad_(False).to(getattr(torch, dtype))
        seen = clip.visual.preprocess_cfg
        size = seen["size"][0] if isinstance(seen["size"], list | tuple) else seen["size"]
        super().__init__(fps, size, seen["mean"], seen["std"], seen["interpolation"], dtype)

    def _map(self, pictures: Tensor) -> Tensor:
        seen = self._tower.forward_intermediates(pictures, indices=1, intermediates_only=True, output_fmt="NCHW")
        last: Tensor = seen["image_intermediates"][-1]
        return last


class ChineseClip(GridEncoder):
    """``chinese-clip``: the vision tower of a Chinese-CLIP model of transformers.

    Args:
        weights: the model's folder.
        fps: frames per second to sample.
        dtype: dtype that the tower computes in.

    Raises:
        InputError: there is no such model in the folder.
    """

    id = "chinese-clip"

    def __init__(self, weights: list[str], fps: float = 1.0, dtype: str = "float32") -> None:
        from transformers import ChineseCLIPModel

        if len(weights) != 1 or not Path(weights[0]).is_dir():
            raise InputError("expected the folder of a Chinese-CLIP model", file=weights[0], field="--encoder-weights")
        try:
            loaded: Any = ChineseCLIPModel.from_pretrained(weights[0], output_loading_info=True)
            clip, info = loaded
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"not a Chinese-CLIP model: {error}", file=weights[0]) from None
        lost = [name for name in info["missing_keys"] if name.startswith("vision_model.")]
        if lost:
            raise InputError(f"{len(lost)} weights are missing, the first is {lost[0]}", file=weights[0])
        self.weights_sha256 = hash_folder(Path(weights[0]))
        self._tower = clip.vision_model.eval().requires_grad_(False).to(getattr(torch, dtype))
        from vn.data.encoders.blip2 import MEAN, STD  # CLIP's statistics

        super().__init__(fps, clip.config.vision_config.image_size, MEAN, STD, "bicubic", dtype)

    def _map(self, pictures: Tensor) -> Tensor:
        places = self._tower(pixel_values=pictures).last_hidden_state[:, 1:]
        side = round(places.shape[1] ** 0.5)
        last: Tensor = places.transpose(1, 2).unflatten(2, (side, side))
        return last
