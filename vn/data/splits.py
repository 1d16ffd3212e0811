"""Which story is in which split: a pure function of its id (docs/design.md#splits)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from vn.data.readers.source import SourceStory, Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def in_val(group: str, share: float) -> bool:
    """Whether a hash of the video's id falls into the val split's share of train.

    So a video stays in its split when others are added or removed. The hash is salted: the source itself may have been
    selected by a plain hash of the id.
    """
    number = int.from_bytes(hashlib.sha256(f"val split: {group}".encode()).digest()[:8], "big")
    return number < share * 2**64


def assign(stories: Iterable[SourceStory], val_share: float) -> dict[Split, list[SourceStory]]:
    """Stories by split, each split in the source's order.

    Args:
        stories: those without a given split are divided between train and val.
        val_share: share of train, 0 to 1.
    """
    splits: dict[Split, list[SourceStory]] = {split: [] for split in SPLITS}
    for source in stories:
        split = source.split or ("val" if in_val(source.group, val_share) else "train")
        splits[split].append(source)
    return splits
