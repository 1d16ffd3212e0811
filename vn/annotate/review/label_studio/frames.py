"""Times as Label Studio's frames of a video.

Its player counts frames from 1: frame n is on screen from (n - 1) / fps on (``goToFrame`` in `VideoCanvas.tsx`), and a
region has its last frame too (``fullFrameRange`` in `Video.js` has the frames 1 to the number of frames; both files are
in github.com/HumanSignal/label-studio, state of 2025). So a clip from s to e seconds has the frames round(s * fps) + 1
to round(e * fps), and clips without a gap between them share no frame.
"""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[float, float]


def frames_of(start: float, end: float, fps: float) -> tuple[int, int]:
    """The first and last frame of a clip; at least one.

    >>> frames_of(0, 2, 25), frames_of(2, 6.02, 25)
    ((1, 50), (51, 150))
    """
    first = round(start * fps) + 1
    return first, max(first, round(end * fps))


class Times:
    """The times of frames: those of the draft as they are, so that a clip that nobody touched comes back the same.

    Args:
        spans: start and end of the draft's clips, which are seldom on a whole frame.
        fps: frames per second.
    """

    def __init__(self, spans: Iterable[Span], fps: float) -> None:
        self._fps = fps
        self._known: dict[int, float] = {}
        for start, end in spans:
            first, last = frames_of(start, end, fps)
            self._known.setdefault(first - 1, start)
            self._known.setdefault(last, end)

    def span(self, first: int, last: int) -> Span:
        """Start and end, in seconds, of a region with these frames."""
        return self._at(first - 1), self._at(last)

    def _at(self, frames: int) -> float:
        return self._known.get(frames, round(frames / self._fps, 6))
