"""The texts that BLEU, METEOR and CIDEr compare in the released evaluation (docs/method.md#released-evaluation)."""

from __future__ import annotations

from typing import NamedTuple

from vn.score.predictions import ScoredClip

SHORTEST = 4  # characters of a text as it was written


class Pair(NamedTuple):
    """A clip's narration beside its reference, as they are compared."""

    clip: ScoredClip
    narration: str
    reference: str


def released_pair(clip: ScoredClip) -> Pair | None:
    """A clip as the released evaluation prepares it; None if it skips the clip because a text is too short."""
    texts = clip.narration, clip.reference or ""
    if min(map(len, texts)) < SHORTEST:
        return None
    return Pair(clip, *map(prepared, texts))


def prepared(text: str) -> str:
    """A text with its final stop, and no stop twice.

    >>> prepared("好用"), prepared("好用。。")
    ('好用。', '好用。')
    """
    return (text if text.endswith("。") else f"{text}。").replace("。。", "。")
