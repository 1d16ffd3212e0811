"""Features that were computed elsewhere: one ``.npy`` per frame, as released with E-SyncVidStory.

See docs/method.md#e-syncvidstory.

``<id>_<%03d>.jpg.npy``, ``[T, D]`` (released: 32 x 768), frame j sampled at second j-1. The id is the story's, or else
its video's: several stories of one video share its frames.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.frames import FrameBatch
from vn.data.npy import read_npy
from vn.errors import Findings, InputError

NAME = re.compile(r"(?P<id>.+)_(?P<number>\d{3,})\.jpg\.npy")


class StoredFeatures:
    """The `vn.data.frames.FrameEncoder` that reads features instead of computing them.

    T and D are those of the first file by name. The features are used unchanged: BLIP-2's query tokens have one scale,
    and the released threshold of 0.9 is for unchanged features.

    Args:
        folder: folder with the files of all videos.
        fps: frames per second that the features were sampled at.
        groups: the id of each story's video, by the story's id, for stories without features of their own.

    Raises:
        InputError: the folder is missing or has no such file, or the first one is not a ``[T, D]`` array.
    """

    id = "features"
    standardise = False
    similarity_threshold = 0.9
    weights_sha256 = None
    needs_video = False

    def __init__(self, folder: Path, fps: float = 1.0, groups: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.fps = fps
        self.groups = groups or {}
        # A folder may hold 200,000 files, so it is listed once.
        self._files: dict[str, dict[int, tuple[str, int]]] = defaultdict(dict)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if match := NAME.fullmatch(entry.name):
                        file = (entry.name, entry.stat().st_size)
                        self._files[match["id"]][int(match["number"])] = file
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", file=folder) from None
        if not self._files:
            raise InputError("no features named <id>_<%03d>.jpg.npy", file=folder)
        first = folder / min(name for files in self._files.values() for name, _ in files.values())
        array = _load(first)
        if array.ndim != 2 or not all(array.shape):
            raise InputError(f"expected tokens x width, got the shape {list(array.shape)}", file=first)
        self.tokens, self.width = array.shape
        self.settings: dict[str, Any] = {"fps": fps}

    def batches(self, sample: str, video: Path | None, findings: Findings) -> Iterator[FrameBatch]:
        """See `vn.data.frames.FrameEncoder.batches`."""
        name = self._name(sample)
        files = self._files.get(name)
        if not files:
            names = " or ".join(f"{each}_001.jpg.npy" for each in dict.fromkeys((sample, name)))
            raise InputError(f"no features {names} and following", file=self.folder, sample=sample)
        missing = sorted(set(range(1, max(files) + 1)) - set(files))
        if missing or 0 in files:
            wrong = (
                f"frame {missing[0]:03d} of {max(files):03d} is missing" if missing else "frames are numbered from 001"
            )
            raise InputError(wrong, file=self.folder, sample=sample, field=f"{name}_{min(missing or [0]):03d}.jpg.npy")
        frames = [self._frame(sample, files[number][0]) for number in sorted(files)]
        yield FrameBatch(np.stack(frames), [number / self.fps for number in range(len(frames))])

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Return the inputs, which are the features."""
        return inputs

    def fingerprint(self, sample: str, video: Path | None) -> str:
        """The names and sizes of the video's files."""
        files = sorted(self._files.get(self._name(sample), {}).values())
        return f"{len(files)}-{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"

    def _name(self, sample: str) -> str:
        """The id of a story's files: its own, or its video's."""
        return sample if sample in self._files else self.groups.get(sample, sample)

    def _frame(self, sample: str, name: str) -> np.ndarray:
        array = _load(self.folder / name)
        if array.shape != (self.tokens, self.width):
            message = f"expected the shape [{self.tokens}, {self.width}], got {list(array.shape)}"
            raise InputError(message, file=self.folder / name, sample=sample)
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.isfinite(half).all():
            token = int(np.flatnonzero(~np.isfinite(half).all(axis=1))[0])
            value = array[token][~np.isfinite(half[token])][0]
            message = f"{value} is not a finite 16-bit number"
            raise InputError(message, file=self.folder / name, sample=sample, field=f"token {token}")
        return half


def _load(file: Path) -> np.ndarray:
    try:
        array = read_npy(file.read_bytes())
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file) from None
    except ValueError as error:
        raise InputError(f"not a NumPy array that can be read ({error})", file=file) from None
    if array.dtype.kind != "f":
        raise InputError(f"expected an array of floats, got {array.dtype}", file=file)
    return array
