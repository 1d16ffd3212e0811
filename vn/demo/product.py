"""The demo's products: a kind, a colour, a pattern and a part; some combinations are held out for testing.

The names here are identifiers; their words in a language are in its `vn.demo.vocabulary.Vocabulary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as combinations
from typing import Literal

Split = Literal["train", "val", "test"]

KINDS = ("mug", "backpack", "lamp", "bottle", "umbrella")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
PATTERNS = ("plain", "striped", "dotted", "checked", "zigzag")
PARTS = ("strap", "stand", "tag", "bow")  # an accessory

ATTRIBUTES = ("kind", "colour", "pattern", "part")


@dataclass(frozen=True, slots=True)
class Product:
    """One of the 800 products. Its four attributes can only be seen: titles and knowledge lists omit them."""

    kind: str
    colour: str
    pattern: str
    part: str

    @property
    def split(self) -> Split:
        """The split of this combination: 100 are for testing, 50 for validation and 650 for training.

        A Latin-square rule, so that each attribute value, and each pair of values, is trained on: in a test product
        only the combination is new.
        """
        kind, pattern, part = KINDS.index(self.kind), PATTERNS.index(self.pattern), PARTS.index(self.part)
        cell = (COLOURS.index(self.colour) + 3 * pattern + 5 * kind + 2 * part) % len(COLOURS)
        if cell == 0:
            return "test"
        return "val" if cell == 4 and (pattern + kind + part) % 2 == 0 else "train"

    def attribute(self, name: str) -> str:
        """The identifier of one of the `ATTRIBUTES`."""
        return str(getattr(self, name))


PRODUCTS = tuple(Product(*values) for values in combinations(KINDS, COLOURS, PATTERNS, PARTS))


def products_of(split: Split) -> tuple[Product, ...]:
    """The products whose combination belongs to a split."""
    return tuple(p for p in PRODUCTS if p.split == split)
