"""The video projector: one linear layer from frame features to the language model's width.

See docs/method.md#projection.
"""

from __future__ import annotations

from torch import Tensor, nn


class Projector(nn.Module):
    """Linear map ``[..., D] -> [..., H]``.

    Args:
        width: D of the frame features.
        hidden: H of the language model.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        """Project visual tokens."""
        projected: Tensor = self.linear(tokens)
        return projected
