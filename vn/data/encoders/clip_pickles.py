"""Features that were computed elsewhere, one ``.pkl`` per clip: ``<id>_<number>.pkl``, ``[frames, T, D]``.

The pickles are read as data (`vn.data.pickles`). Clips are numbered from 0 or 1, whichever is a video's lowest number;
a clip's first frame is the one at the whole second in which it starts, and the others follow at the given rate.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.frames import FrameBatch
from vn.data.pickles import read_pickle
from vn.errors import Findings, InputError

NAME = re.compile(r"(?P<id>.+)_(?P<number>\d{1,6})\.pkl")


class ClipPickles:
    """The `vn.data.frames.FrameEncoder` that reads a clip's features from its pickle.

    T and D are those of the first file by name.

    Args:
        folder: folder with the files of all videos.
        clips: start and end of the clips of each video, in seconds.
        fps: frames per second that the features were sampled at.

    Raises:
        InputError: the folder is missing or has no such file, or the first one is not a ``[frames, T, D]`` array.
    """

    id = "pickles"
    standardise = False
    similarity_threshold = 0.9
    weights_sha256 = None
    needs_video = False

    def __init__(self, folder: Path, clips: Mapping[str, Sequence[tuple[float, float]]], fps: float = 1.0) -> None:
        self.folder = folder
        self.clips = clips
        self.fps = fps
        self._files: dict[str, dict[int, tuple[str, int]]] = defaultdict(dict)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if match := NAME.fullmatch(entry.name):
                        self._files[match["id"]][int(match["number"])] = (entry.name, entry.stat().st_size)
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", file=folder) from None
        if not self._files:
            raise InputError("no features named <id>_<number>.pkl", file=folder)
        first = min(name for files in self._files.values() for name, _ in files.values())
        self.tokens, self.width = self._load(first).shape[1:]
        self.settings: dict[str, Any] = {"fps": fps}

    def batches(self, sample: str, video: Path | None, findings: Findings) -> Iterator[FrameBatch]:
        """See `vn.data.frames.FrameEncoder.batches`."""
        files, clips = self._files.get(sample, {}), self.clips[sample]
        first = min(files, default=0)
        if sorted(files) != list(range(first, first + len(clips))) or first > 1:
            raise InputError(
                f"expected one pickle per clip, {len(clips)} numbered from 0 or 1, found {len(files)}",
                file=self.folder,
                sample=sample,
            )
        frames: dict[float, np.ndarray] = {}  # by time
        for number, (start, _) in enumerate(clips):
            name = files[first + number][0]
            array = self._load(name)
            if array.shape[1:] != (self.tokens, self.width):
                message = f"expected frames of {self.tokens} x {self.width}, got {list(array.shape)}"
                raise InputError(message, file=self.folder / name, sample=sample)
            for n, frame in enumerate(array):
                at = math.floor(start) + n / self.fps
                frames.setdefault(at, frame)  # if clips overlap, the earlier one's frame is kept
        seconds = sorted(frames)
        yield FrameBatch(np.stack([frames[at] for at in seconds]), seconds)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Return the inputs, which are the features."""
        return inputs

    def fingerprint(self, sample: str, video: Path | None) -> str:
        """The names and sizes of the video's files."""
        files = sorted(self._files.get(sample, {}).values())
        return f"{len(files)}-{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"

    def _load(self, name: str) -> np.ndarray:
        """``[frames, T, D]`` float16; a clip of one frame may be ``[T, D]``."""
        file = self.folder / name
        try:
            array = read_pickle(file.read_bytes())
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", file=file) from None
        except ValueError as error:
            raise InputError(f"not the features of a clip: {error}", file=file) from None
        if array.ndim == 2:
            array = array[None]
        if array.ndim != 3 or not all(array.shape) or array.dtype.kind != "f":
            raise InputError(f"expected frames x tokens x width, got {array.dtype} {list(array.shape)}", file=file)
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.isfinite(half).all():
            frame = int(np.flatnonzero(~np.isfinite(half).all(axis=(1, 2)))[0])
            raise InputError("a number is not a finite 16-bit one", file=file, field=f"frame {frame}")
        return half
