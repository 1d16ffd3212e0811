"""Knowledge points: how many a video has, and how many of them its narrations use word for word (paper section 3.2)."""

from __future__ import annotations

import re
from typing import Any

from vn.stats.spread import Spread
from vn.story import Language, Story

_WORD = re.compile(r"[^\W_]+")


class KnowledgeTally:
    """Counts knowledge points. The story's title is none: in Video Storytelling it is all that is known."""

    def __init__(self) -> None:
        self._points = Spread()
        self._aspects = Spread()
        self._used = Spread()

    def add(self, story: Story) -> None:
        """Add a story with clips; of one that is not narrated no point is counted as used or unused."""
        points = [point for each in story.knowledge for point in each.points if point != story.title]
        if not points:
            return
        self._points.add(len(points), story.id)
        self._aspects.add(len(story.knowledge), story.id)
        if story.narrated:
            texts = [plain(story.clips[n].narration or "", story.language) for n in story.narrated]
            wanted = [plain(point, story.language) for point in points]
            used = sum(any(point in text for text in texts) for point in wanted if point.strip())
            self._used.add(used / len(points), story.id)

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON; ``used_per_video`` is a share of a video's points."""
        return {
            "videos": len(self._points.values),
            "points_per_video": self._points.to_dict(),
            "aspects_per_video": self._aspects.to_dict(),
            "used_per_video": self._used.to_dict(),
        }


def plain(text: str, language: Language) -> str:
    """A text without punctuation and case, so that one in another means: word for word.

    >>> plain("free shipping", "en") in plain("Free shipping, today!", "en")
    True
    >>> plain("free ship", "en") in plain("Free shipping, today!", "en")
    False
    """
    words = _WORD.findall(text.casefold())
    return "".join(words) if language == "zh" else f" {' '.join(words)} "
