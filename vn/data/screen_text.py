"""Text on frames, read by RapidOCR; each frame is read once."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vn.extras import require
from vn.io.disk_cache import DiskCache

SMALL = 200  # pixels: text on frames that are less high can hardly be read


class ScreenText:
    """Reads texts on frames; from several threads one frame at a time.

    Args:
        cache: keeps the texts of each frame.

    Attributes:
        id: RapidOCR and its version.

    Raises:
        InputError: RapidOCR is not installed.
    """

    def __init__(self, cache: DiskCache) -> None:
        require("rapidocr", "onnxruntime", field="--on-screen-text")
        self.id = f"rapidocr {importlib.metadata.version('rapidocr')}"
        self._cache = cache
        self._lock = threading.Lock()

    def of(self, frame: np.ndarray) -> list[str]:
        """The texts on a frame, each in one line.

        Args:
            frame: ``[height, width, 3]`` uint8 RGB.
        """
        digest = hashlib.sha256(f"{frame.shape} ".encode())
        digest.update(np.ascontiguousarray(frame).data)
        key = digest.hexdigest()
        stored: Mapping[str, bytes] = self._cache.get(self.id, [key])
        if key not in stored:
            with self._lock:  # one engine, which is not meant for several threads
                found = self._engine(np.ascontiguousarray(frame[..., ::-1])).txts  # takes BGR; None if there is no text
            stored = {key: json.dumps([" ".join(text.split()) for text in found or ()]).encode()}
            self._cache.put(self.id, stored)
        return list(json.loads(stored[key]))

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        return RapidOCR(params={"Global.log_level": "critical"})


def new_texts(frames: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The texts of neighbouring frames, without those that the frame before has too.

    Example:
        >>> new_texts([["SALE"], ["SALE", "now"], [], ["SALE"]])
        ('SALE', 'now', 'SALE')
    """
    found: list[str] = []
    before: set[str] = set()
    for texts in frames:
        found += [text for text in dict.fromkeys(texts) if text and text.casefold() not in before]
        before = {text.casefold() for text in texts}
    return tuple(found)
