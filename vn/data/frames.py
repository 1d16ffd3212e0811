"""Frames of a video as features: the interface between code that reads videos and code that uses frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vn.data.read_ahead import ReadAhead, check_wanted
from vn.errors import Findings, InputError


@dataclass(slots=True)
class FrameBatch:
    """Some consecutive frames of one video, before they are encoded.

    Attributes:
        inputs: ``[n, ...]``, the encoder's input.
        seconds: the time of each frame.
        thumbs: ``[96, w, 3]`` uint8 each, or None if the source has features only.
    """

    inputs: np.ndarray
    seconds: Sequence[float]
    thumbs: list[np.ndarray] | None = None


@dataclass(slots=True)
class FrameFeatures:
    """All sampled frames of one video.

    Attributes:
        features: ``[F, T, D]`` float16.
        seconds: ``[F]`` float32.
        thumbs: F thumbnails ``[96, w, 3]`` uint8, or their `vn.data.thumbs.strip`; or None.
    """

    features: np.ndarray
    seconds: np.ndarray
    thumbs: list[np.ndarray] | bytes | None


class FrameEncoder(Protocol):
    """The source of frame features: a network over decoded frames, or files with features.

    `batches` reads and `encode` computes; both run in several threads at once, one video per thread. Encoders are
    registered in `vn.data.encoders`, or by another package as an entry point of the group ``vn.encoders``.

    Attributes:
        id: the encoder's name; for another package's, set to the name it is asked for by.
        tokens: T, tokens per frame.
        width: D, width of a token.
        standardise: whether the model should standardise the features with the train split's statistics.
        similarity_threshold: tau for near-duplicate frames, on the features as the model sees them.
        settings: everything that the features depend on besides the weights, including frames per second (``fps``).
        weights_sha256: hash of the weights; None if there are none.
        needs_video: whether `batches` reads the video.
    """

    id: str
    tokens: int
    width: int
    standardise: bool
    similarity_threshold: float
    settings: dict[str, Any]
    weights_sha256: str | None
    needs_video: bool

    def batches(self, sample: str, video: Path | None, findings: Findings) -> Iterator[FrameBatch]:
        """The sampled frames of a story in order, at least one; `InputError` names file and story."""
        ...

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """A batch's inputs ``[n, ...]`` -> float16 ``[n, T, D]``; the same bits for the same batch on one machine."""
        ...

    def fingerprint(self, sample: str, video: Path | None) -> str:
        """A string that changes if a story's source does; quick to compute."""
        ...


def join(sample: str, encoder: FrameEncoder, batches: Iterable[FrameBatch]) -> FrameFeatures:
    """Encode a video's batches and concatenate them.

    Raises:
        InputError: a feature is not finite.
    """
    features: list[np.ndarray] = []
    seconds: list[float] = []
    thumbs: list[np.ndarray] = []
    pictures = True
    for batch in batches:
        check_wanted()
        encoded = encoder.encode(batch.inputs)
        if not np.isfinite(encoded).all():
            frame = len(seconds) + int(np.flatnonzero(~np.isfinite(encoded).all(axis=(1, 2)))[0])
            raise InputError(f"{encoder.id} gave a feature that is not finite", sample=sample, field=f"frame {frame}")
        features.append(encoded)
        seconds += batch.seconds
        pictures = pictures and batch.thumbs is not None
        thumbs += batch.thumbs or []
    return FrameFeatures(np.concatenate(features), np.array(seconds, dtype=np.float32), thumbs if pictures else None)


def encode_video(
    path: str | Path, encoder: FrameEncoder, findings: Findings | None = None, sample: str | None = None
) -> FrameFeatures:
    """The frames of one video, exactly as ``vn prepare`` would store them.

    Args:
        path: the video.
        encoder: encodes its frames; its settings give the frames per second.
        findings: receives a warning if the file is damaged.
        sample: the story's id, for messages.

    Raises:
        InputError: the video is missing or cannot be read, or the encoder does not take videos.
    """
    if not encoder.needs_video:
        raise InputError(f"the frame encoder {encoder.id!r} cannot encode videos: it reads stored features", file=path)
    name = sample if sample is not None else Path(path).stem
    notes = findings if findings is not None else Findings()
    with ReadAhead([lambda: encoder.batches(name, Path(path), notes)], threads=1) as ahead:
        return join(name, encoder, next(iter(ahead)))
