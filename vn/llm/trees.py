"""The trees of a line in which rows of a video share their beginning (`vn.llm.packing`).

    trunk of video 1: its longest row | branch | branch | trunk of video 2 | branch | ...

A trunk attends causally; a branch attends to the beginning of its trunk and causally to itself; no video attends to
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Branch:
    """A clip's own part of a line, indices `start` to `end`: it attends to its trunk up to `seen`, and to itself."""

    start: int
    end: int
    seen: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows of a video in a line: the longest, from `start` to `end`, directly followed by the branches."""

    start: int
    end: int
    branches: tuple[Branch, ...] = ()

    @property
    def parts(self) -> tuple[Branch, ...]:
        """All parts of the tree in the line's order; the trunk is a branch that attends only to itself."""
        return (Branch(self.start, self.end, self.start), *self.branches)


class Kernel(Protocol):
    """Attention over the trees of one line, by one of three kernels (`vn.llm.kernels`)."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: float, scale: float | None) -> Tensor:
        """Attention of the whole line.

        Args:
            query: queries after RoPE, ``[1, heads, L, d]``.
            key: keys after RoPE, with fewer heads if they are grouped.
            value: values, of the keys' shape.
            dropout: dropout probability of attention weights in training.
            scale: factor on the scores; None is ``d ** -0.5``.

        Returns:
            ``[1, L, heads, d]``.
        """
