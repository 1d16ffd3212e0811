"""How a frame encoder is loaded: the options of `vn.data.encoders.load_encoder` besides its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """The options of all frame encoders; each encoder reads its own.

    Attributes:
        fps: frames per second to sample.
        features: folder of stored features, for the encoders ``features`` and ``pickles``.
        weights: files or folders of weights, for encoders that have none built in; they never run with random ones.
        block: block of the CLIP trunk, for ``blip2-clip-l14`` and ``lavis`` (default: 23 and 21).
        dtype: dtype that the vision tower computes in, for encoders with weights (default: ``float32``).
        clips: start and end of each video's clips in seconds, for ``pickles``.
        groups: id of each story's video, for ``features`` named by videos.
        python: Python of an environment with LAVIS, for ``lavis`` (default: one that is created once).
    """

    fps: float = 1.0
    features: str | Path | None = None
    weights: Sequence[str | Path] = ()
    block: int | None = None
    dtype: str | None = None
    clips: Mapping[str, Sequence[tuple[float, float]]] | None = None
    groups: Mapping[str, str] | None = None
    python: str | Path | None = None
