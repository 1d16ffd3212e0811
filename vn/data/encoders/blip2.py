"""BLIP-2's frame features as in the paper: CLIP ViT-L/14 -> ln_vision -> Q-Former -> 32 query tokens x 768.

    frame, squashed to 224 x 224 -> open_clip's trunk, up to block 23 of 24 -> 257 x 1024 (class token first)
        -> LayerNorm of BLIP-2 -> transformers' Q-Former, whose 32 learned queries attend to them -> 32 x 768

All sizes follow from the weights, which come from LAVIS' or transformers' checkpoint files. Without such files the
encoder does not run: weights are never random.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU, VisionTransformer
from PIL import Image
from torch import Tensor
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from vn.data.encoders.blip2_weights import gather
from vn.data.encoders.picture import PictureEncoder
from vn.errors import InputError

# CLIP's statistics, in 0 to 1.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
HEAD = 64  # width of an attention head, in both networks
PENULTIMATE = 23
LN_VISION_EPS = 1e-5
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class Blip2ClipL14(PictureEncoder):
    """Frames as query tokens of BLIP-2's Q-Former over CLIP ViT-L/14.

    Args:
        weights: checkpoint files, or model folders, that together have trunk, ``ln_vision``, queries and Q-Former.
        fps: frames per second to sample.
        block: block whose output the Q-Former attends to, counted from 1: 23 is the penultimate of 24 (BLIP-2, and
            LAVIS after release 1.0.2), 21 that of LAVIS 1.0.2.
        dtype: dtype that the trunk computes in; the Q-Former always uses float32.

    Raises:
        InputError: a file is missing or damaged, or a weight is in none of them.
    """

    id = "blip2-clip-l14"
    standardise = False
    similarity_threshold = 0.9  # the released one
    batch_size = 8

    def __init__(
        self, weights: Sequence[str | Path], fps: float = 1.0, block: int = PENULTIMATE, dtype: str = "float32"
    ) -> None:
        parts, self.weights_sha256 = gather(weights)
        self._dtype = DTYPES[dtype]
        self._trunk = build_trunk(parts["trunk"], block, Path(weights[0])).to(self._dtype)
        self.size: int = self._trunk.image_size[0]
        super().__init__(fps, {"size": self.size, "fit": "squash", "block": block, "dtype": dtype})
        self._block = block
        self._ln = {name: value.float() for name, value in parts["ln_vision"].items()}
        self._queries = parts["queries"]["query_tokens"].float().view(1, -1, parts["queries"]["query_tokens"].shape[-1])
        self._qformer = build_qformer(parts["qformer"], self._trunk.conv1.out_channels, Path(weights[0]))
        if not self._ln or len(self._ln["weight"]) != self._trunk.conv1.out_channels:
            raise InputError("ln_vision is missing, or not as wide as the trunk", file=weights[0])
        self.tokens, self.width = self._queries.shape[1:]
        self._mean = torch.tensor(MEAN).view(3, 1, 1) * 255
        self._std = torch.tensor(STD).view(3, 1, 1) * 255

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`: ``[224, 224, 3]`` uint8, squashed, as LAVIS does."""
        return np.asarray(Image.fromarray(picture).resize((self.size, self.size), Image.Resampling.BICUBIC))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`: ``[n, 224, 224, 3]`` uint8 -> float16 ``[n, 32, 768]``."""
        return self.forward(self.prepare(inputs)).to(torch.float16).numpy()

    def prepare(self, inputs: np.ndarray) -> Tensor:
        """Frames as network input: ``[n, 3, 224, 224]``, normalised."""
        pictures = torch.from_numpy(inputs).permute(0, 3, 1, 2).float()
        return ((pictures - self._mean) / self._std).contiguous()

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised frames to query tokens ``[n, 32, 768]`` float32."""
        with torch.inference_mode():
            seen = self._trunk.forward_intermediates(
                pictures.to(self._dtype),
                indices=[self._block - 1],
                stop_early=True,
                intermediates_only=True,
                output_fmt="NLC",
                output_extra_tokens=True,
            )
            places, first = seen["image_intermediates"][0], seen["image_intermediates_prefix"][0]
            tokens = torch.cat([first, places], dim=1).float()
            tokens = F.layer_norm(tokens, tokens.shape[-1:], self._ln["weight"], self._ln["bias"], LN_VISION_EPS)
            queries = self._queries.expand(len(tokens), -1, -1)
            found = self._qformer(query_embeds=queries, encoder_hidden_states=tokens)
            described: Tensor = found.last_hidden_state
            return described


def build_trunk(weights: Mapping[str, Tensor], block: int, file: Path) -> VisionTransformer:
    """open_clip's vision transformer in the weights' sizes, without the blocks after `block`.

    Raises:
        InputError: there are fewer blocks, or a weight is missing or of another shape.
    """
    blocks = len({name.split(".")[2] for name in weights if name.startswith("transformer.")})
    if not 1 <= block <= blocks:
        raise InputError(f"expected a block from 1 to {blocks}, got {block}", field="--encoder-block")
    try:
        width, _, patch, _ = weights["conv1.weight"].shape
        grid = round((len(weights["positional_embedding"]) - 1) ** 0.5)
        ratio = len(weights["transformer.resblocks.0.mlp.c_fc.weight"]) / width
        with torch.device("meta"):
            trunk = VisionTransformer(
                grid * patch, patch, width, block, max(1, width // HEAD), ratio, output_dim=width, act_layer=QuickGELU
            )
        kept = {k: v.float() for k, v in weights.items() if not k.startswith("transformer.") or _number(k) < block}
        missing, unexpected = trunk.load_state_dict(kept, strict=False, assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"not the weights of a CLIP trunk: {error}", file=file) from None
    missing = [name for name in missing if not name.startswith(("ln_post", "proj"))]
    if missing or unexpected:
        raise InputError(f"missing or unexpected weights of the trunk: {(missing + unexpected)[0]}", file=file)
    trunk.ln_post, trunk.proj = torch.nn.Identity(), None  # BLIP-2 has neither
    return trunk.eval().requires_grad_(False)


def _number(name: str) -> int:
    return int(name.split(".")[2])


def build_qformer(weights: Mapping[str, Tensor], seen: int, file: Path) -> Blip2QFormerModel:
    """transformers' Q-Former in the weights' sizes.

    Args:
        weights: weights under its names.
        seen: width of the tokens that it attends to.
        file: named in errors.

    Raises:
        InputError: a weight is missing or of another shape.
    """
    layers = {int(m[1]) for name in weights if (m := re.match(r"encoder\.layer\.(\d+)\.", name))}
    cross = sorted(int(m[1]) for name in weights if (m := re.match(r"encoder\.layer\.(\d+)\.crossattention\.a", name)))
    try:
        hidden = len(weights["layernorm.weight"])
        steps = sorted(set(cross))
        config = Blip2QFormerConfig(
            hidden_size=hidden,
            num_hidden_layers=len(layers),
            num_attention_heads=max(1, hidden // HEAD),
            intermediate_size=len(weights["encoder.layer.0.intermediate_query.dense.weight"]),
            cross_attention_frequency=steps[1] - steps[0] if len(steps) > 1 else max(1, len(layers)),
            encoder_hidden_size=seen,
        )
        with torch.device("meta"):
            qformer = Blip2QFormerModel(config)
        qformer.load_state_dict({k: v.float() for k, v in weights.items() if k in qformer.state_dict()}, assign=True)
    except (KeyError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"not the weights of a Q-Former: {error}", file=file) from None
    return qformer.eval().requires_grad_(False)  # type: ignore[no-any-return]
