"""Clips in time: how many a video has, how long they are, gaps and overlaps (paper section 3.2, Figure 4)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from vn.stats.spread import Spread
from vn.story import Story

LONGEST_BIN = 30.0  # seconds: the paper's longest clip; longer ones are in the last bin of the histogram
SURE = 1e-6  # seconds: anything smaller is rounding


class TimeTally:
    """Counts clips and seconds."""

    def __init__(self) -> None:
        self._clips = Spread()
        self._clip_seconds = Spread()
        self._video_seconds = Spread()
        self._ends = Spread()
        self._gaps = Spread()
        self._overlaps = Spread()
        self._with_gaps = self._with_overlaps = self._out_of_order = 0

    def add(self, story: Story) -> None:
        """Add a story with clips."""
        self._clips.add(len(story.clips), story.id)
        self._video_seconds.add(story.duration, story.id)
        self._ends.add(story.end, story.id)
        for number, clip in enumerate(story.clips, 1):
            self._clip_seconds.add(clip.duration, f"{story.id} clip {number}")
        self._out_of_order += sum(other.start < one.start - SURE for one, other in pairwise(story.clips))
        gaps = overlaps = 0
        end = 0.0
        for number, clip in sorted(enumerate(story.clips, 1), key=lambda each: (each[1].start, each[1].end)):
            between = clip.start - end
            if between > SURE:
                self._gaps.add(between, f"{story.id} before clip {number}")
                gaps += 1
            elif between < -SURE:
                self._overlaps.add(min(-between, clip.duration), f"{story.id} at clip {number}")
                overlaps += 1
            end = max(end, clip.end)
        self._with_gaps += gaps > 0
        self._with_overlaps += overlaps > 0

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON."""
        most = int(max(self._clips.values, default=0))
        return {
            "clips": int(sum(self._clips.values)),
            "clips_per_video": self._clips.to_dict(),
            "clip_seconds": self._clip_seconds.to_dict(),
            "video_seconds": self._video_seconds.to_dict(),
            "video_ends": self._ends.to_dict(),
            "clips_per_video_histogram": self._clips.histogram(1.0, float(most)) if most else [],
            "clip_seconds_histogram": self._clip_seconds.histogram(1.0, LONGEST_BIN) if most else [],
            "gaps": {"videos": self._with_gaps, "seconds": self._gaps.to_dict()},
            "overlaps": {"videos": self._with_overlaps, "seconds": self._overlaps.to_dict()},
            "clips_out_of_order": self._out_of_order,
        }
