"""Videos that are the same: in every byte, or frame by frame after re-encoding or scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vn.annotate.fingerprint import NOTHING
from vn.annotate.results import Shots

CLOSE = 6  # bits out of 64 by which two frames may differ and still be the same
SHARE = 0.8  # share of the frames that must be the same
LEAST = 4  # frames with structure that two videos must have, to be compared
ROUGHLY = (0.5, 0.01)  # seconds, and share of the duration, by which durations may differ


@dataclass(slots=True)
class Seen:
    """A video that later ones are compared with."""

    id: str
    sha256: str
    duration: float
    hashes: np.ndarray


class Duplicates:
    """Finds for each video an earlier one that is the same; videos come in the order of the annotation."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []

    def add(self, id: str, sha256: str, shots: Shots) -> str | None:
        """Add a video.

        Args:
            id: the story's id.
            sha256: hash of the file.
            shots: duration and fingerprint.

        Returns:
            Id of the earlier video that is the same; None if there is none, or if frames have too little structure to
            judge by.
        """
        here = Seen(id, sha256, shots.duration, bits(shots.fingerprint))
        for each in self._seen:
            if each.sha256 == sha256 or is_same(each, here):
                return each.id
        self._seen.append(here)
        return None


def bits(fingerprint: tuple[str, ...]) -> np.ndarray:
    """Hashes as integers ``[frames]`` uint64; any other text counts as a frame without structure."""
    return np.array([_number(text) for text in fingerprint], dtype=np.uint64)


def is_same(one: Seen, other: Seen) -> bool:
    """Whether two videos show the same, frame by frame."""
    allowed = max(ROUGHLY[0], ROUGHLY[1] * max(one.duration, other.duration))
    if len(one.hashes) != len(other.hashes) or abs(one.duration - other.duration) > allowed:
        return False
    structured = (one.hashes != 0) | (other.hashes != 0)
    both = (one.hashes != 0) & (other.hashes != 0)
    if both.sum() < LEAST:
        return False
    close = both & (np.bitwise_count(one.hashes ^ other.hashes) <= CLOSE)
    return bool(close.sum() >= SHARE * structured.sum())


def _number(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = int(NOTHING, 16)
    return value if 0 <= value < 1 << 64 else 0
