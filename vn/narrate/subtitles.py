"""Narrations as subtitles: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from vn.story import Language

LINE = {"en": 42, "zh": 20}  # characters a line: what players show on one line
LINES = 2  # lines of one subtitle; longer narrations are cut into several, one after another


def cues(clips: Iterable[tuple[float, float, str]], language: Language) -> list[tuple[float, float, list[str]]]:
    """Subtitles within the time of their clips.

    A narration of more than two lines becomes several subtitles that share the clip's time by their length.

    Args:
        clips: (start, end, narration); empty narrations are left out.
        language: decides where lines may break.

    Returns:
        (start, end, lines), in order, never overlapping.
    """
    out: list[tuple[float, float, list[str]]] = []
    for start, end, narration in clips:
        if out:
            start = max(start, out[-1][1])  # real annotations may overlap by up to a second
        lines = _wrap(narration, language)
        if not lines or end <= start:
            continue
        groups = [lines[i : i + LINES] for i in range(0, len(lines), LINES)]
        sizes = [sum(map(len, g)) for g in groups]
        at = start
        for n, group in enumerate(groups):
            until = end if n == len(groups) - 1 else at + (end - start) * sizes[n] / sum(sizes)
            out.append((at, until, group))
            at = until
    return out


def _wrap(text: str, language: Language) -> list[str]:
    text = " ".join(text.split())
    if language == "zh":
        return [text[i : i + LINE["zh"]] for i in range(0, len(text), LINE["zh"])]
    return textwrap.wrap(text, LINE["en"])


def _time(seconds: float, comma: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


def srt(cues: Sequence[tuple[float, float, list[str]]]) -> str:
    """The text of an .srt file."""
    return "".join(
        f"{n}\n{_time(start, ',')} --> {_time(end, ',')}\n" + "\n".join(lines) + "\n\n"
        for n, (start, end, lines) in enumerate(cues, 1)
    )


def vtt(cues: Sequence[tuple[float, float, list[str]]]) -> str:
    """The text of a .vtt file; ``&``, ``<`` and ``>`` are escaped, as WebVTT asks."""
    body = "".join(
        f"{_time(start, '.')} --> {_time(end, '.')}\n" + "\n".join(map(_escape, lines)) + "\n\n"
        for start, end, lines in cues
    )
    return "WEBVTT\n\n" + body


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
