"""Which story is in which split: by a hash of its product, so that no product is in two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from vn.annotate.entry import Entry
from vn.annotate.products import title_id
from vn.data.readers.source import Split


def products_by_video(entries: Sequence[Entry]) -> dict[str, str]:
    """One name per product for each video; videos that are the same, or share a product with one, have the same.

    So have videos whose stories have the same title: two pages may be about one product, and a page and a product file.

    Args:
        entries: all videos, with those that are left out.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    def join(one: str, other: str) -> None:
        known, more = sorted((root(one), root(other)), key=_rank)
        if known != more:
            parent[more] = known

    nodes = {entry.video.id: _node(entry) for entry in entries}
    for entry in entries:
        known = entry.files.get("knowledge")
        title = known.made.result["title"] if known is not None else entry.video.id
        if title != entry.video.id:  # that of a video of which nothing is known
            join(nodes[entry.video.id], title_id(title))
    for entry in entries:
        if entry.same_as is not None:
            join(nodes[entry.video.id], nodes[entry.same_as])
    return {video: root(node) for video, node in nodes.items()}


def split_of(product: str, val_share: float, test_share: float) -> Split:
    """The split of a product, whatever other products there are.

    Args:
        product: from `products_by_video`.
        val_share: share of the products in val, 0 to 1.
        test_share: share of the products in test.
    """
    digest = hashlib.sha256(f"split of a product: {product}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


def _node(entry: Entry) -> str:
    return entry.video.product_id or f"video {entry.video.id}"


def _rank(name: str) -> tuple[int, str]:
    """Which name counts of products that turn out to be one: a title before a page, so that a copy moves nothing."""
    return ("title", "page", "video").index(name.partition(" ")[0]), name
