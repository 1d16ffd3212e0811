"""Videos that are the same: in every byte, or frame by frame after re-encoding or scaling."""

from __future__ import annotations

import numpy as np

from vn.annotate.fingerprint import FRAMES
from vn.annotate.results import Shots

CLOSE = 6  # bits out of 64 by which two frames may differ and still be the same
SHARE = 0.8  # share of the frames that must be the same
LEAST = 4  # frames with structure that two videos must have, to be compared
ROUGHLY = (0.5, 0.01)  # seconds, and share of the duration, by which durations may differ


class Duplicates:
    """Finds for each video an earlier one that is the same; videos come in the order of the annotation."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._of_bytes: dict[str, str] = {}
        self._durations = np.empty(64)
        self._hashes = np.empty((64, FRAMES), dtype=np.uint64)

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
        if sha256 in self._of_bytes:
            return self._of_bytes[sha256]
        hashes, count = bits(shots.fingerprint), len(self._ids)
        for number in np.flatnonzero(self._same(hashes, shots.duration)):
            return self._ids[int(number)]
        if count == len(self._durations):
            self._durations = np.concatenate([self._durations, np.empty(count)])
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
        self._ids.append(id)
        self._of_bytes[sha256] = id
        self._durations[count], self._hashes[count] = shots.duration, hashes
        return None

    def _same(self, hashes: np.ndarray, duration: float) -> np.ndarray:
        """Whether each earlier video shows the same, ``[videos]``; at once, since there may be thousands."""
        durations, earlier = self._durations[: len(self._ids)], self._hashes[: len(self._ids)]
        allowed = np.maximum(ROUGHLY[0], ROUGHLY[1] * np.maximum(durations, duration))
        either, both = (earlier != 0) | (hashes != 0), (earlier != 0) & (hashes != 0)
        close = both & (np.bitwise_count(earlier ^ hashes) <= CLOSE)
        alike = (both.sum(axis=1) >= LEAST) & (close.sum(axis=1) >= SHARE * either.sum(axis=1))
        return np.asarray(alike & (np.abs(durations - duration) <= allowed))


def bits(fingerprint: tuple[str, ...]) -> np.ndarray:
    """Hashes as integers ``[frames]`` uint64; any other text counts as a frame without structure."""
    numbers = [_number(text) for text in fingerprint[:FRAMES]]
    return np.array([*numbers, *[0] * (FRAMES - len(numbers))], dtype=np.uint64)


def _number(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        return 0
    return value if 0 <= value < 1 << 64 else 0
