"""The text on a video's frames, read by RapidOCR; each frame is read once."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vn.baselines.prompts import one_line
from vn.baselines.writer import BaselineVideo
from vn.errors import Findings
from vn.extras import require
from vn.io.disk_cache import DiskCache
from vn.visual.plan import clip_frames

SMALL = 200  # pixels: text on frames that are less high can hardly be read


class OnScreen:
    """Reads texts on frames.

    Args:
        cache: keeps the texts of each frame.
        findings: takes a warning if frames are small.

    Raises:
        InputError: RapidOCR is not installed.
    """

    def __init__(self, cache: DiskCache, findings: Findings) -> None:
        require("rapidocr", "onnxruntime", field="--on-screen-text")
        self.id = f"rapidocr {importlib.metadata.version('rapidocr')}"
        self._cache = cache
        self._findings = findings
        self._lock = threading.Lock()

    def of(self, video: BaselineVideo, clips: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """The texts of clips, in the order in which they appear; one that stays on is listed once.

        Raises:
            InputError: there are no frames.
        """
        frames, seconds = video.content.rgb()
        if any(frame.shape[0] < SMALL for frame in frames[:1]):
            message = f"text is read on frames {frames[0].shape[0]} pixels high, which is small: give --videos"
            self._findings.add(message, field="--on-screen-text")
        spans = {
            clip: clip_frames(seconds, video.story.clips[clip].start, video.story.clips[clip].end) for clip in clips
        }
        texts = {int(i): self._texts(frames[i]) for span in spans.values() for i in span}
        return {clip: new_texts([texts[int(i)] for i in span]) for clip, span in spans.items()}

    def _texts(self, frame: np.ndarray) -> list[str]:
        digest = hashlib.sha256(f"{frame.shape} ".encode())
        digest.update(np.ascontiguousarray(frame).data)
        key = digest.hexdigest()
        stored: Mapping[str, bytes] = self._cache.get(self.id, [key])
        if key not in stored:
            with self._lock:  # one engine, which is not meant for several threads
                found = self._engine(np.ascontiguousarray(frame[..., ::-1])).txts  # takes BGR; None if there is no text
            stored = {key: json.dumps([one_line(text) for text in found or ()]).encode()}
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
