"""What the demo sells: a product is a kind, a colour and a pattern, and some combinations are kept for testing.

The names here are identifiers; what a language calls them stands in its `vn.demo.language.Language` table.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as combinations
from typing import Literal

Split = Literal["train", "val", "test"]

KINDS = ("mug", "backpack", "lamp", "bottle", "umbrella")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
PATTERNS = ("plain", "striped", "dotted", "checked", "zigzag")


@dataclass(frozen=True, slots=True)
class Product:
    """One of the 200 products. Its three attributes can be seen, and stand in no title and no knowledge list."""

    kind: str
    colour: str
    pattern: str

    @property
    def split(self) -> Split:
        """Where this combination may occur: 25 are for testing, 13 for validation and 162 for training.

        A Latin-square rule, so that each attribute value, and each pair of a kind and a pattern, is trained on and
        tested: what is new in a test product is the combination alone.
        """
        kind, pattern = KINDS.index(self.kind), PATTERNS.index(self.pattern)
        cell = (COLOURS.index(self.colour) + 3 * pattern + 5 * kind) % len(COLOURS)
        if cell == 0:
            return "test"
        return "val" if cell == 4 and (pattern + kind) % 2 == 0 else "train"


PRODUCTS = tuple(Product(*values) for values in combinations(KINDS, COLOURS, PATTERNS))


def products_of(split: Split) -> tuple[Product, ...]:
    """The products whose combination belongs to a split."""
    return tuple(p for p in PRODUCTS if p.split == split)
