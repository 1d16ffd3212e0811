"""The frames of a clip that captions describe: those that visual compression keeps."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from vn.baselines.context import Context
from vn.baselines.writer import BaselineVideo
from vn.errors import InputError
from vn.visual.compression import compress
from vn.visual.plan import clip_frames

SIDE = 16  # pixels of the small frames that are compared if there are no features
TAU = 0.8  # for them; on the demo's clips it keeps a third more frames than the features' own threshold
LONGEST_SIDE = 768  # pixels of what a model is shown
QUALITY = 90  # JPEG quality


class KeyFrames:
    """Chooses frames as the narrator's visual compression does (docs/method.md#visual-compression).

    Compared are the frame features of the data folder, as a narrator sees them and with its threshold. Without a data
    folder they are the frames themselves, 16 by 16 pixels with values from -1 to 1, and the threshold is 0.8: ours.

    Args:
        context: the data folder, if there is one.
        most: frames of a clip at most; of more, as many are taken at equal steps.

    Attributes:
        settings: the rule, for a writer's settings.
    """

    def __init__(self, context: Context, most: int) -> None:
        self._manifest = context.manifest
        self._most = most
        self._last = threading.local()  # the video that a thread has read
        source, tau = ("features", self._manifest.similarity_threshold) if self._manifest else ("pixels", TAU)
        self.settings: dict[str, Any] = {"key_frames": f"{source}, tau {tau:g}", "captions_frames": most}

    def of(self, video: BaselineVideo, clip: int) -> list[np.ndarray]:
        """The key frames of a clip ``[H, W, 3]`` uint8, in order of time.

        Raises:
            InputError: the video cannot be read.
        """
        frames, seconds, vectors, times = self._read(video)
        span = video.story.clips[clip]
        inside = clip_frames(times, span.start, span.end)
        if not len(inside) or not len(seconds):
            raise InputError("the video has no frames", sample=video.story.id, field=f"clips[{clip}]")
        kept = inside[compress(vectors[inside], self._threshold)]
        if len(kept) > self._most:
            kept = kept[np.linspace(0, len(kept) - 1, self._most).round().astype(int)]
        shown = [int(np.abs(seconds - times[each]).argmin()) for each in kept]
        return [frames[each] for each in dict.fromkeys(shown)]

    @property
    def _threshold(self) -> float:
        return self._manifest.similarity_threshold if self._manifest else TAU

    def _read(self, video: BaselineVideo) -> tuple[Sequence[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
        """Frames and their seconds, and vectors to compare with theirs; kept for the next clip of the video."""
        if getattr(self._last, "content", None) is not video.content:
            frames, seconds = video.content.rgb()
            if self._manifest is None:
                vectors, times = np.stack([small(frame) for frame in frames]), seconds
            else:
                features, times = video.content.features()
                vectors = features.astype(np.float32).mean(axis=1)
                if self._manifest.standardise:
                    vectors = (vectors - self._manifest.statistics["mean"]) / self._manifest.statistics["std"]
            self._last.content = video.content
            self._last.read = frames, seconds, vectors, times
        read: tuple[Sequence[np.ndarray], np.ndarray, np.ndarray, np.ndarray] = self._last.read
        return read


def small(frame: np.ndarray) -> np.ndarray:
    """A frame as a vector ``[768]`` to compare: 16 by 16 pixels, values from -1 to 1."""
    scaled = Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(scaled, dtype=np.float64).reshape(-1) / 127.5 - 1


def jpeg(frame: np.ndarray) -> bytes:
    """A frame as a JPEG of at most 768 pixels per side."""
    shown = Image.fromarray(frame)
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
