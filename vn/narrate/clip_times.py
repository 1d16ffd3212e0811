"""Clips from a file of times: subtitles (SRT, WebVTT), or lines of ``MM:SS`` times as people write them.

00:00 00:04                  start and end of a clip; text after them is not read
0:04 - 0:09.5
0:00 The kettle              with one time per line (chapters), a clip lasts until the next one, or the video's end
0:12 How it is made
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from vn.errors import Findings, InputError, show
from vn.io.files import read_text
from vn.overlap import Overlap, settle
from vn.story import Clip
from vn.timecode import TIME, seconds_of

SUFFIXES = (".srt", ".vtt", ".txt")
_CUE = re.compile(rf"\s*({TIME})\s*-->\s*({TIME})(?:\s.*)?")
_LINE = re.compile(rf"\s*({TIME})(?:\s*(?:-->|[-–—~,;]|\s)\s*({TIME}))?(?:\s.*)?")


def read_clips(
    file: Path, end: float | None = None, overlap: Overlap = "refuse", findings: Findings | None = None
) -> list[Clip]:
    """Read the clips of a video from a file of times.

    Args:
        file: subtitles, recognised by their suffix, or lines that begin with times.
        end: end of the video in seconds, at which the last clip ends if lines have single times.
        overlap: how to treat clips that overlap (`vn.overlap.settle`).
        findings: collects the warnings about them.

    Raises:
        InputError: a line cannot be read, a clip does not end after its start, clips overlap in a way that `overlap`
            does not allow, or there is no clip at all.
    """
    lines = [(n, line) for n, line in enumerate(read_text(file).splitlines(), start=1) if line.strip()]
    subtitles = file.suffix.lower() in (".srt", ".vtt")
    spans = _cues(file, lines) if subtitles else _times(file, lines, end)
    if not spans:
        raise InputError("contains no clip times", file=file)
    for number, start, stop in spans:
        if stop <= start:
            raise InputError(f"ends at {stop:g} s, but starts at {start:g} s", file=file, field=f"line {number}")
    spans.sort(key=lambda span: span[1:])  # subtitles of two speakers may be in any order
    settled, _ = settle(
        [(start, stop) for _, start, stop in spans],
        overlap,
        findings if findings is not None else Findings(),
        file=file,
        field=lambda clip, _: f"line {spans[clip][0]}",
    )
    return [Clip(start, stop) for start, stop in settled]


def _cues(file: Path, lines: list[tuple[int, str]]) -> list[tuple[int, float, float]]:
    spans = []
    for number, line in lines:
        if "-->" not in line:
            continue  # a number, a text, a note
        match = _CUE.fullmatch(line)
        if match is None:
            raise InputError(f"expected START --> END, got {show(line.strip())}", file=file, field=f"line {number}")
        spans.append((number, _seconds(match[1], file, number), _seconds(match[2], file, number)))
    return spans


def _times(file: Path, lines: list[tuple[int, str]], end: float | None) -> list[tuple[int, float, float]]:
    found: list[tuple[int, float, float | None]] = []
    for number, line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            message = f"expected MM:SS MM:SS, or one MM:SS per line, got {show(line.strip())}"
            raise InputError(message, file=file, field=f"line {number}")
        stop = _seconds(match[2], file, number) if match[2] else None
        found.append((number, _seconds(match[1], file, number), stop))
    both = [stop is not None for _, _, stop in found]
    if any(both) and not all(both):
        first = found[both.index(not both[0])][0]
        raise InputError("some lines have one time, others two", file=file, field=f"line {first}")
    if all(both):
        return [(number, start, stop) for number, start, stop in found if stop is not None]
    if end is None:
        raise InputError("the last clip has no end", file=file, field=f"line {found[-1][0]}")
    return [(a[0], a[1], b[1]) for a, b in pairwise([*found, (0, end, None)])]


def _seconds(text: str, file: Path, line: int) -> float:
    value = seconds_of(text)
    if value is None:
        raise InputError(f"{show(text)} is not a time", file=file, field=f"line {line}")
    return value
