"""Shot detectors that compare frames: those of PySceneDetect, alone or together with slow changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode, SceneDetector

from vn.data.gradual import RATE, SlowChanges
from vn.data.shot_detector import ShotDetector

FPS = 25.0  # arbitrary: these detectors only count frames, so variable frame rates do not matter


class Scene:
    """One of PySceneDetect's detectors, see `vn.data.shot_detector.ShotDetector`.

    Args:
        detector: its shortest scene must be one frame: short shots are joined later, and its own way of joining
            them loses cuts.
    """

    def __init__(self, detector: SceneDetector) -> None:
        self._detector = detector
        self._times: list[float] = []
        self._cuts: list[float] = []

    def add(self, time: float, picture: np.ndarray) -> None:
        """See `vn.data.shot_detector.ShotDetector.add`."""
        number = FrameTimecode(len(self._times), FPS)
        self._times.append(time)
        self._cuts += [self._times[cut.frame_num] for cut in self._detector.process_frame(number, picture)]

    def cuts(self, end: float) -> list[float]:
        """See `vn.data.shot_detector.ShotDetector.cuts`."""
        if self._times:
            number = FrameTimecode(len(self._times) - 1, FPS)
            self._cuts += [self._times[cut.frame_num] for cut in self._detector.post_process(number)]
        return sorted(set(self._cuts))


def adaptive(threshold: float) -> Scene:
    """Cuts where a frame differs from the previous one by `threshold` times as much as its neighbours do.

    So fast camera motion is not a cut.
    """
    return Scene(AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=1))


def content(threshold: float) -> Scene:
    """Cuts where a frame differs from the previous one by `threshold`, out of 255."""
    return Scene(ContentDetector(threshold=threshold, min_scene_len=1))


class Combined:
    """Cuts as `adaptive` finds them, dissolves and fades; flashes are not cuts.

    Args:
        threshold: the threshold for `adaptive`.
    """

    def __init__(self, threshold: float) -> None:
        self._scene = adaptive(threshold)
        self._slow = SlowChanges()

    def add(self, time: float, picture: np.ndarray) -> None:
        """See `vn.data.shot_detector.ShotDetector.add`."""
        self._scene.add(time, picture)
        self._slow.add(time, picture)

    def cuts(self, end: float) -> list[float]:
        """See `vn.data.shot_detector.ShotDetector.cuts`."""
        sudden = self._scene.cuts(end)
        slow = self._slow.find(end, sudden)
        close = 1 / RATE
        alone = [cut for cut in sudden if not any(x.start - close <= cut <= x.end + close for x in slow)]
        return sorted({*alone, *(cut for change in slow for cut in change.cuts)})


DETECTORS: dict[str, Callable[[float], ShotDetector]] = {
    "combined": Combined,
    "adaptive": adaptive,
    "content": content,
}
