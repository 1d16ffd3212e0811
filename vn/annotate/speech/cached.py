"""Sound is recognised once: answers are kept on disk, checked, and the recogniser's own time is counted."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from vn.annotate.speech.recogniser import Recognised, Recogniser, TimedWord
from vn.annotate.speech.sound import RATE, to_int16
from vn.io.disk_cache import DiskCache

BEYOND = 0.5  # seconds after the end of the sound in which a word may still end: windows are longer than sound


class CachedRecogniser:
    """A `Recogniser` that keeps the answers of another; one is on disk before it is returned.

    Args:
        recogniser: the recogniser.
        cache: keeps its answers.
    """

    def __init__(self, recogniser: Recogniser, cache: DiskCache) -> None:
        self.recogniser, self.name, self.key, self.longest = (
            recogniser,
            recogniser.name,
            recogniser.key,
            recogniser.longest,
        )
        self._cache = cache
        self._lock = threading.Lock()
        self._counts: dict[str, float] = {"seconds": 0.0, "sound": 0.0, "requests": 0, "cached": 0}

    def recognise(self, samples: np.ndarray, language: str, hints: str = "") -> Recognised:
        """See `Recogniser`; the words are in order and within the sound."""
        made = self._kept(
            samples,
            ["recognise", language, hints],
            lambda: asdict(self.recogniser.recognise(samples, language, hints)),
        )
        words = tuple(TimedWord(**word) for word in made["words"])
        return checked(Recognised(words, made["counts"]), len(samples) / RATE)

    def odds(self, samples: np.ndarray) -> dict[str, float] | None:
        """See `Recogniser`."""
        made: dict[str, float] | None = self._kept(samples, ["odds"], lambda: self.recogniser.odds(samples))
        return made

    def report(self) -> dict[str, float]:
        """Seconds of the recogniser in this process and of sound, what it was asked, and what had been kept before."""
        with self._lock:
            return {f"speech_{name}": value for name, value in self._counts.items()}

    def _kept(self, samples: np.ndarray, what: list[str], ask: Callable[[], Any]) -> Any:
        question = json.dumps([hashlib.sha256(to_int16(samples).tobytes()).hexdigest(), *what])
        stored = self._cache.get(self.key, [question]).get(question)
        if stored is not None:
            with self._lock:
                self._counts["cached"] += 1
            return json.loads(stored)
        began = time.monotonic()
        made = ask()
        if made is None:  # it cannot tell
            return None
        with self._lock:
            self._counts["seconds"] += time.monotonic() - began
            self._counts["requests"] += 1
            self._counts["sound"] += len(samples) / RATE * (what[0] == "recognise")
        stored = json.dumps(made).encode()
        self._cache.put(self.key, {question: stored})
        return json.loads(stored)  # as it will be read next time


def checked(recognised: Recognised, seconds: float) -> Recognised:
    """An answer whose words are in order and within the sound; what was not is counted.

    Args:
        recognised: the answer.
        seconds: how long the sound is.
    """
    words: list[TimedWord] = []
    counts: Counter[str] = Counter(recognised.counts)
    at = 0.0
    for word in recognised.words:
        if not (math.isfinite(word.start) and math.isfinite(word.end)) or word.start >= seconds + BEYOND:
            counts["words beyond the sound"] += 1
            continue
        if word.end > seconds + BEYOND:
            counts["times beyond the sound"] += 1
        elif word.start < at - BEYOND or word.end < word.start:
            counts["times out of order"] += 1
        start = min(max(word.start, at), seconds)
        words.append(TimedWord(word.text, start, min(max(word.end, start), seconds)))
        at = start
    return Recognised(tuple(words), dict(counts))
