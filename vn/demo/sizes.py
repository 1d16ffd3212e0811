"""Sizes of the demo: everything that trades time for quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vn.demo.product import Split


@dataclass(frozen=True, slots=True)
class DemoSize:
    """A size of the demo.

    Attributes:
        videos: videos to render, by split; one more is rendered to be narrated.
        base_lm_steps: optimizer steps of the base language model's training.
        epochs: epochs of the narrator's training; None: the experiment's.
    """

    videos: Mapping[Split, int]
    base_lm_steps: int
    epochs: int | None = None


SIZES: dict[str, DemoSize] = {
    # Within 2 minutes in total: shows that every stage runs, not that it learns.
    "smoke": DemoSize({"train": 24, "val": 4, "test": 6}, base_lm_steps=200, epochs=1),
    # Within a quarter of an hour from scratch, on two cores with nothing else to do.
    "thin": DemoSize({"train": 600, "val": 30, "test": 150}, base_lm_steps=8000),
}
