"""CLIP ViT-L/14's own vector of a frame, one token of 768: ``clip-l14-cls``, what VTimeLLM sees.

    frame -> its short side resized to 224, the centre cut out -> open_clip's trunk, all 24 blocks
        -> class token -> last norm -> projection into the space that CLIP shares with text

All sizes follow from the weights. The activation is that of OpenAI's weights (QuickGELU).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from open_clip.transformer import VisionTransformer
from PIL import Image
from torch import Tensor, nn

from vn.data.encoders.blip2 import DTYPES, MEAN, STD, build_trunk
from vn.data.encoders.blip2_weights import sort_weights
from vn.data.encoders.picture import PictureEncoder
from vn.errors import InputError
from vn.io.weights import read_tensors, read_weights

# What follows the trunk, by open_clip's names (with `visual.` or alone) and by those of transformers.
HEAD = {
    "ln_post.weight": "ln_post.weight",
    "ln_post.bias": "ln_post.bias",
    "proj": "proj",
    "vision_model.post_layernorm.weight": "ln_post.weight",
    "vision_model.post_layernorm.bias": "ln_post.bias",
    "visual_projection.weight": "proj",
}
TRANSPOSED = "visual_projection.weight"  # a linear layer's weight, while open_clip multiplies from the right


class ClipCls(PictureEncoder):
    """Frames as CLIP's projected class tokens, not normalised.

    Args:
        weights: checkpoint files, or model folders, with CLIP's vision tower and projection (open_clip, transformers).
        fps: frames per second to sample.
        dtype: dtype that the tower computes in.

    Raises:
        InputError: a file is missing or damaged, or a weight is in none of them.
    """

    id = "clip-l14-cls"
    standardise = False
    similarity_threshold = 0.9  # not tuned: VTimeLLM sees all frames
    batch_size = 8
    tokens = 1

    def __init__(self, weights: Sequence[str | Path], fps: float = 1.0, dtype: str = "float32") -> None:
        trunk, head, self.weights_sha256 = gather_tower(weights)
        self._tower = build_tower(trunk, head, Path(weights[0])).to(DTYPES[dtype])
        self.size: int = self._tower.image_size[0]
        super().__init__(fps, {"size": self.size, "fit": "crop", "dtype": dtype})
        self.width: int = head["proj"].shape[1]
        self._dtype = DTYPES[dtype]
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._std = torch.tensor(STD).view(3, 1, 1) * 255

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`; as CLIP's own preprocessing."""
        image = Image.fromarray(picture)
        short = min(image.size)
        wide, high = (self.size * side // short for side in image.size)
        image = image.resize((wide, high), Image.Resampling.BICUBIC)
        left, top = (round((side - self.size) / 2) for side in (wide, high))
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: float16 ``[n, 1, D]``."""
        return self.forward(inputs).to(torch.float16)[:, None].numpy()

    def forward(self, inputs: np.ndarray) -> Tensor:
        """Frames from `shrink` to class tokens ``[n, D]`` float32."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            found: Tensor = self._tower(((pictures - self._mean) / self._std).contiguous().to(self._dtype))
            return found.float()


def gather_tower(files: Sequence[str | Path]) -> tuple[dict[str, Tensor], dict[str, Tensor], str]:
    """The weights of CLIP's vision tower: its trunk, its last norm and projection, and their hash.

    Raises:
        InputError: a file is missing or damaged, or one of the weights after the trunk is in none of them.
    """
    trunk: dict[str, Tensor] = {}
    head: dict[str, Tensor] = {}
    for file in map(Path, files):
        tensors = read_weights(file) if file.is_dir() else read_tensors(file)
        trunk |= sort_weights(tensors)["trunk"]
        for name, tensor in tensors.items():
            if new := HEAD.get(name.removeprefix("visual.")):
                head[new] = tensor.T if name == TRANSPOSED else tensor
    lost = [name for name in ("ln_post.weight", "ln_post.bias", "proj") if name not in head]
    if not trunk or lost:
        message = f"no weights of {'the trunk' if not trunk else lost[0]} in {', '.join(map(str, files))}"
        raise InputError(message, field="--encoder-weights")
    digest = hashlib.sha256()
    for name, tensor in sorted([*trunk.items(), *head.items()]):
        digest.update(f"{name}:{list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().float().contiguous().numpy().data)
    return trunk, head, digest.hexdigest()


def build_tower(trunk: Mapping[str, Tensor], head: Mapping[str, Tensor], file: Path) -> VisionTransformer:
    """open_clip's vision transformer with the last norm and the projection.

    Raises:
        InputError: a weight is missing or of another shape.
    """
    blocks = len({name.split(".")[2] for name in trunk if name.startswith("transformer.")})
    tower = build_trunk(trunk, blocks, file)
    width = tower.conv1.out_channels
    if head["proj"].ndim != 2 or {len(each) for each in head.values()} != {width}:
        shapes = ", ".join(f"{name} {list(each.shape)}" for name, each in head.items())
        raise InputError(f"expected a norm and a projection of {width}, found {shapes}", file=file)
    tower.ln_post = nn.LayerNorm(width)
    tower.ln_post.load_state_dict({name: head[f"ln_post.{name}"].float() for name in ("weight", "bias")})
    tower.proj = nn.Parameter(head["proj"].float().contiguous())
    return tower.eval().requires_grad_(False)
