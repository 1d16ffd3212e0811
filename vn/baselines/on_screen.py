"""The text on the frames of a video's clips."""

from __future__ import annotations

from collections.abc import Iterable

from vn.baselines.writer import BaselineVideo
from vn.data.screen_text import SMALL, ScreenText, new_texts
from vn.errors import Findings
from vn.io.disk_cache import DiskCache
from vn.visual.plan import clip_frames


class OnScreen:
    """Reads texts on the frames of clips.

    Args:
        cache: keeps the texts of each frame.
        findings: takes a warning if frames are small.

    Raises:
        InputError: RapidOCR is not installed.
    """

    def __init__(self, cache: DiskCache, findings: Findings) -> None:
        self._reader = ScreenText(cache)
        self.id = self._reader.id
        self._findings = findings

    def of(self, video: BaselineVideo, clips: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """The texts of clips, in the order in which they appear; one that stays on is listed once.

        Raises:
            InputError: there are no frames.
        """
        frames, seconds = video.content.rgb()
        if any(frame.shape[0] < SMALL for frame in frames[:1]):
            message = f"text is read on frames {frames[0].shape[0]} pixels high, which is small: give --videos"
            self._findings.add(message, field="--on-screen-text")
        spans = {
            clip: clip_frames(seconds, video.story.clips[clip].start, video.story.clips[clip].end) for clip in clips
        }
        texts = {int(i): self._reader.of(frames[i]) for span in spans.values() for i in span}
        return {clip: new_texts([texts[int(i)] for i in span]) for clip, span in spans.items()}
