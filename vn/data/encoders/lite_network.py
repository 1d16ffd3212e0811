"""EfficientNet-Lite0 up to its last stage, from its weights file alone, for inference.

Norms are folded into the convolutions before them, and each convolution is one call of oneDNN together with its ReLU6
or its residual, in channels-last memory: no pass over memory is made only for a norm, an activation or a sum. Without
oneDNN the same convolutions are PyTorch's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

HALVING = (1, 3, 5, 11)  # blocks with stride 2; all other sizes are those of the weights
EPSILON = 1e-3  # added to the variances in the norms
MOST = 6.0  # where ReLU6 clips


class Convolution:
    """A convolution with its norm folded in, and its ReLU6 if it has one.

    With stride 2 its input of an even size is padded as TensorFlow does, with one row and column more at the end than
    at the start. That is the same as equal padding with a kernel that begins with a row and a column of zeros, which
    saves a padded copy of the input.

    Args:
        weights: those of the network.
        name: the convolution's name among them.
        norm: the name of its norm.
        stride: 1 or 2.
        clipped: whether ReLU6 follows.
    """

    def __init__(self, weights: Mapping[str, Tensor], name: str, norm: str, stride: int, clipped: bool) -> None:
        weight = weights[f"{name}.weight"].double()
        scale = weights[f"{norm}.weight"].double() / (weights[f"{norm}.running_var"].double() + EPSILON).sqrt()
        self.weight = (weight * scale.view(-1, 1, 1, 1)).float()
        self.bias = (weights[f"{norm}.bias"].double() - weights[f"{norm}.running_mean"].double() * scale).float()
        self.groups = len(weight) if weight.shape[1] == 1 else 1  # depthwise, or over all channels
        self.stride = stride
        self.padding = weight.shape[-1] // 2
        self.clipped = clipped
        if stride == 2:
            self.weight = F.pad(self.weight, (1, 0, 1, 0))

    def to(self, dtype: torch.dtype) -> None:
        """Compute in a dtype from now on."""
        self.weight = self.weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.bias = self.bias.to(dtype)

    def __call__(self, x: Tensor, fused: bool) -> Tensor:
        """``[n, C, H, W]`` -> its convolution, with ReLU6 if it has one."""
        if fused:
            sizes = [self.padding] * 2, [self.stride] * 2, [1, 1], self.groups
            name, limits = ("hardtanh", [0.0, MOST]) if self.clipped else ("none", [])
            found: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *sizes, name, limits, "")
            return found
        found = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
        return found.clamp_(0.0, MOST) if self.clipped else found

    def add(self, x: Tensor, to: Tensor, fused: bool) -> Tensor:
        """Add the convolution of `x` to another tensor, in place."""
        if fused:
            sizes = [self.padding] * 2, [self.stride] * 2, [1, 1], self.groups
            then: tuple[Any, ...] = ("add", 1.0, None, [], "")
            added: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
                to, x, self.weight, self.bias, *sizes, *then
            )
            return added
        return to.add_(self(x, fused))


class LiteNetwork:
    """The convolutions of EfficientNet-Lite0.

    Args:
        weights: the state of the package ``efficientnet_lite_pytorch``'s model.
        std: standard deviation of each colour, which is folded into the first convolution.
        early: number of the block whose output is returned too.
        dtype: dtype to compute in.
    """

    def __init__(self, weights: Mapping[str, Tensor], std: Tensor, early: int, dtype: torch.dtype) -> None:
        self.early = early
        self.fused = has_fused()
        self.stem = Convolution(weights, "_conv_stem", "_bn0", 2, clipped=True)
        self.stem.weight /= std
        self.blocks = [_block(weights, f"_blocks.{number}.", number) for number in range(_count(weights))]
        self.head = Convolution(weights, "_conv_head", "_bn1", 1, clipped=True)
        for each in (self.stem, *(each for block in self.blocks for each in block), self.head):
            each.to(dtype)

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Frames, less the mean colour, to stages.

        Args:
            pictures: ``[n, 3, H, W]`` in the network's dtype, channels last; H and W can be halved five times.

        Returns:
            The last stage ``[n, 1280, H / 32, W / 32]`` and the early block ``[n, 40, H / 8, W / 8]``.
        """
        fused = self.fused
        x = early = self.stem(pictures, fused)
        for number, (*first, last) in enumerate(self.blocks):
            y = x
            for convolution in first:
                y = convolution(y, fused)
            residual = number not in HALVING and last.weight.shape[0] == x.shape[1]
            x = last.add(y, x, fused) if residual else last(y, fused)
            if number == self.early:
                early = x.clone()  # a later block may add to it in place
        return self.head(x, fused), early


def _count(weights: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith("_blocks.")})


def _block(weights: Mapping[str, Tensor], name: str, number: int) -> list[Convolution]:
    """The convolutions of a block: wider (except the first block), in each channel, and narrower."""
    wider = f"{name}_expand_conv"
    first = [Convolution(weights, wider, f"{name}_bn0", 1, clipped=True)] if f"{wider}.weight" in weights else []
    stride = 2 if number in HALVING else 1
    return [
        *first,
        Convolution(weights, f"{name}_depthwise_conv", f"{name}_bn1", stride, clipped=True),
        Convolution(weights, f"{name}_project_conv", f"{name}_bn2", 1, clipped=False),
    ]


def has_fused() -> bool:
    """Whether this PyTorch has oneDNN's convolutions with what follows them."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def has_bfloat16() -> bool:
    """Whether oneDNN computes in bfloat16 on this processor."""
    return has_fused() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
