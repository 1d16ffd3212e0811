"""A video to narrate for tests of baselines: a story of three clips, and frames that differ from side to side."""

from __future__ import annotations

import numpy as np

from vn.baselines.writer import BaselineVideo
from vn.errors import InputError
from vn.story import Clip, Fixed, Knowledge, ScriptLabel, Story, WordRangeRule


class Content:
    """Frames of random colours, one per second, and features if there are any."""

    def __init__(self, seconds: int, size: tuple[int, int] = (20, 28), features: np.ndarray | None = None) -> None:
        random = np.random.default_rng(7)
        self.frames = [random.integers(0, 255, (*size, 3)).astype(np.uint8) for _ in range(seconds)]
        self.seconds = np.arange(seconds, dtype=np.float32)
        self.stored = features
        self.read = 0

    def rgb(self):
        self.read += 1
        return self.frames, self.seconds

    def features(self):
        if self.stored is None:
            raise InputError("this run has no frame features")
        return self.stored, self.seconds


def story(language: str = "en", title: str = "Aurora kettle", points: tuple[str, ...] = ("steel", "glass")) -> Story:
    labels = (ScriptLabel.SORE_POINT, ScriptLabel.EFFECT, ScriptLabel.CALL_TO_ACTION)
    narrations = ("Cold tea again?", "It boils in a minute.", "Get yours now.")
    times = ((0, 12), (12, 15), (15, 20))
    clips = tuple(
        Clip(float(a), float(b), (label,), text) for (a, b), label, text in zip(times, labels, narrations, strict=True)
    )
    return Story("kettle", title, language, "ad", (Knowledge("Material", points),), clips)


def video(given: bool = False, narrations: dict[int, str] | None = None, **options) -> BaselineVideo:
    content = options.pop("content", None) or Content(20)
    told = story(**options)
    rule = WordRangeRule()
    fixed = {
        n: Fixed(clip.labels if given else None, (narrations or {}).get(n))
        for n, clip in enumerate(told.clips)
        if given or n in (narrations or {})
    }
    words = {n: rule.range_of(clip, told.language) for n, clip in enumerate(told.clips)}
    return BaselineVideo(told, range(len(told.clips)), words, content, fixed)
