"""The frames that the model sees for a clip, as one matrix: rows of memory, then rows of the clip's kept frames.

Compression selects and consolidation averages, so the visual tokens before position and projector are
``weights @ frames``. The weights come from the token means alone: loader workers compute them on the CPU, and the
device applies them as one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vn.errors import InputError
from vn.story import Story
from vn.visual.compression import compress_frames
from vn.visual.memory import consolidate_frames
from vn.visual.similarity import Frames

Memory = Literal["consolidated", "all", "none"]
Scope = Literal["clip", "video"]


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class VisualSettings:
    """How frames become visual tokens; every ablation of the visual path is one of these.

    Attributes:
        compression: drop near-duplicate frames of the clip being narrated (False: ablation d).
        threshold: tau; None uses the frame encoder's own from the manifest.
        memory: ``consolidated``; ``all`` keeps every earlier frame (ablation e); ``none`` drops them.
        memory_length: frames of consolidated memory (released: 1).
        position: add the relative clip position (False: ablation c).
        scene: show the frames of the clip being narrated (False, without memory: a text-only control).
        scope: ``clip`` shows the clip being narrated; ``video`` shows the whole video, once, at the beginning, which
            needs neither compression nor memory nor position (as VTimeLLM does, paper A.1).
        frames: with the scope ``video``, how many frames, evenly over it (VTimeLLM: 100).
        pool: average the T tokens of a frame to one (VTimeLLM has one token per frame).
    """

    compression: bool = True
    threshold: float | None = None
    memory: Memory = "consolidated"
    memory_length: int = 1
    position: bool = True
    scene: bool = True
    scope: Scope = "clip"
    frames: int = 100
    pool: bool = False

    def __post_init__(self) -> None:
        if self.scope == "video":
            for name, off in (("compression", False), ("memory", "none"), ("position", False)):
                if getattr(self, name) != off:
                    message = f"expected {str(off).lower()}, since all clips share the whole video's frames"
                    raise InputError(message, field=f"visual.{name}")


def clip_frames(seconds: np.ndarray, start: float, end: float) -> np.ndarray:
    """The frames of a clip: those sampled at start <= second < end, else the one nearest to its middle.

    On times in whole seconds, which is all the released data has, this is the release's rule
    (docs/method.md#frame-sampling). On fractional times that rule would take the frame before the cut; ours does not.

    Args:
        seconds: ``[F]``, when each frame was taken.
        start: when the clip starts, in seconds.
        end: when it ends.

    Returns:
        Indices into `seconds`, at least one.
    """
    inside = np.flatnonzero((seconds >= start - 1e-6) & (seconds < end - 1e-6))
    if len(inside) or not len(seconds):
        return inside
    return np.array([int(np.abs(seconds - (start + end) / 2).argmin())])


def video_frames(seconds: np.ndarray, end: float, count: int) -> np.ndarray:
    """Frames evenly over a whole video: those nearest to the middles of `count` equal parts of it.

    Args:
        seconds: ``[F]``, when each frame was taken, ascending.
        end: when the video ends, in seconds.
        count: how many frames.

    Returns:
        `count` indices into `seconds`, ascending; a video with fewer frames has some of them more than once.
    """
    middles = (np.arange(count) + 0.5) * end / count
    between = (seconds[1:].astype(np.float64) + seconds[:-1]) / 2  # where the next frame becomes the nearer one
    return np.searchsorted(between, middles)


@dataclass(frozen=True, slots=True)
class VisualPlan:
    """The visual tokens of one clip.

    Attributes:
        weights: ``[V, F]`` float32: memory frames, then the clip's kept frames, in time order; or the whole video's.
        memory: how many of the V rows are memory.
    """

    weights: np.ndarray
    memory: int

    def without_oldest(self, frames: int) -> VisualPlan:
        """The plan without its oldest memory frames, which over-long prompts drop first if memory is ``all``."""
        return VisualPlan(self.weights[frames:], self.memory - frames)


class VisualPlans:
    """The visual plans of a video's clips; what they have in common is computed once.

    Args:
        means: token means ``[F, D]`` of the video's frames, as the model sees them (standardised if it does).
        seconds: ``[F]``, the time of each frame.
        story: gives the clips' times; un-narrated clips do not enter memory (docs/method.md#memory-consolidation).
        settings: which parts are on.
        threshold: tau, used if the settings do not set one.
    """

    def __init__(
        self, means: np.ndarray, seconds: np.ndarray, story: Story, settings: VisualSettings, threshold: float
    ) -> None:
        self.settings = settings
        self.threshold = settings.threshold if settings.threshold is not None else threshold
        self.count = len(seconds)
        self._narrated = story.narrated or range(len(story.clips))  # a raw video: every clip will be narrated
        self._whole: VisualPlan | None = None
        self._frames: Frames | None = None
        if settings.scope == "video":
            shown = video_frames(seconds, story.end, settings.frames if settings.scene and len(seconds) else 0)
            self._whole = VisualPlan(self._rows(shown), 0)
            return
        self._spans = [clip_frames(seconds, clip.start, clip.end) for clip in story.clips]
        if settings.compression or settings.memory == "consolidated":
            self._frames = Frames(means)

    def plan(self, clip: int) -> VisualPlan:
        """The visual tokens of a clip."""
        if self._whole is not None:
            return self._whole
        memory, shown = self._memory(clip), self._shown(clip)
        return VisualPlan(np.concatenate([memory, shown]) if len(memory) else shown, len(memory))

    def _rows(self, frames: np.ndarray) -> np.ndarray:
        """One row for each of these frames, which shows it as it is."""
        rows = np.zeros((len(frames), self.count), dtype=np.float32)
        rows[np.arange(len(frames)), frames] = 1
        return rows

    def _shown(self, clip: int) -> np.ndarray:
        """The rows of the clip's own frames."""
        here = self._spans[clip][: None if self.settings.scene else 0]
        if self.settings.compression and self._frames is not None:
            frames = self._frames.all
            here = here[compress_frames(self._frames, [frames[i] for i in here.tolist()], self.threshold)]
        return self._rows(here)

    def _memory(self, clip: int) -> np.ndarray:
        """The rows of the narrated clips before."""
        spans = [self._spans[i] for i in self._narrated if i < clip]
        before = np.concatenate(spans) if spans else np.empty(0, dtype=np.int64)
        if self.settings.memory == "none" or not len(before):
            return np.empty((0, self.count), dtype=np.float32)
        if self._frames is None or self.settings.memory == "all":
            return self._rows(before)
        frames = self._frames.all
        numbers = before.tolist()
        weights = consolidate_frames(self._frames, [frames[i] for i in numbers], self.settings.memory_length)
        merged = np.zeros((len(weights), self.count), dtype=np.float32)
        if len(set(numbers)) == len(numbers):
            merged[:, before] = weights
        else:  # a frame may belong to two clips that overlap
            np.add.at(merged.T, before, weights.T)
        return merged


def visual_plan(
    means: np.ndarray, seconds: np.ndarray, story: Story, clip: int, settings: VisualSettings, threshold: float
) -> VisualPlan:
    """Plan the visual tokens of one clip; the arguments are those of `VisualPlans`."""
    return VisualPlans(means, seconds, story, settings, threshold).plan(clip)
