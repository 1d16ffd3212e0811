"""Relative clip position: a learned embedding for each per cent of the video (docs/method.md#clip-position)."""

from __future__ import annotations

from torch import Tensor, nn

POSITIONS = 100


class ClipPosition(nn.Module):
    """A ``[100, D]`` table whose row p is added to every visual token of a clip at p per cent.

    Args:
        width: D of the frame features.
        std: standard deviation of the initial values; small compared to features of unit variance, so that an
            untrained table does not drown out the frames (the released code starts from a standard normal).
    """

    def __init__(self, width: int, std: float = 0.02) -> None:
        super().__init__()
        self.table = nn.Embedding(POSITIONS, width)
        nn.init.normal_(self.table.weight, std=std)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Add positions ``[N]`` (0 to 99) to tokens ``[N, T, D]``."""
        added: Tensor = self.table(positions)[:, None]
        return tokens + added
