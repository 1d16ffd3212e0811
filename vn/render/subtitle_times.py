"""The subtitles of a rendered story: each appears with the voice and stays until its clip ends."""

from __future__ import annotations

from collections.abc import Sequence

from vn.render.speaking import ClipReport
from vn.story import Language
from vn.subtitles.cues import Cue, cues


def shown(reports: Sequence[ClipReport], language: Language, upright: bool) -> list[Cue]:
    """The subtitles at the time of the voice, or of the clips if there is no voice.

    A narration of several subtitles shares out the time of its voice; the last one is shown until the clip ends, or
    until the next subtitle, so that there is time to read.

    Args:
        reports: the clips.
        language: decides how long lines are.
        upright: whether the video is in portrait format.
    """
    times = [
        (each.start, each.end, each.text)
        if each.voice_start is None or each.voice_end is None
        else (each.voice_start, each.voice_end, each.text)
        for each in reports
    ]
    found = cues(times, language, upright)
    out = []
    for n, (start, end, lines) in enumerate(found):
        limit = found[n + 1][0] if n + 1 < len(found) else float("inf")
        clip_end = max((each.end for each in reports if each.start <= start < each.end), default=end)
        out.append((start, max(end, min(clip_end, limit)), lines))
    return out
