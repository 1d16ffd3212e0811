"""The subtitles of a SubRip file as cues: what `vn.subtitles.cues.srt` writes, and what other programs write."""

from __future__ import annotations

import re
from pathlib import Path

from vn.errors import InputError, show
from vn.io.files import read_text
from vn.subtitles.cues import Cue
from vn.timecode import seconds_of

TIMES = re.compile(r"(\S+)\s*-->\s*(\S+)(?:\s.*)?")


def read_srt(file: Path) -> list[Cue]:
    """Read a file without its markup; cues may come without a number or an empty line between them.

    Raises:
        InputError: the file cannot be read, has no cue, or a time is wrong.
    """
    lines = read_text(file).lstrip("\ufeff").splitlines()
    at = [n for n, line in enumerate(lines) if "-->" in line]
    if not at and any(line.strip() for line in lines):
        raise InputError("not SubRip: no line has two times", file=file)
    cues = []
    for n, here in enumerate(at):
        following = at[n + 1] if n + 1 < len(at) else None
        match = TIMES.fullmatch(lines[here].strip())
        start, end = (seconds_of(time) for time in match.groups()) if match else (None, None)
        if start is None or end is None:
            raise InputError(f"expected two times, got {show(lines[here])}", file=file)
        text = [line.strip() for line in lines[here + 1 : following]]
        if following is not None and text and text[-1].isdecimal():  # the number of the following cue
            text.pop()
        cues.append((start, end, [line for line in text if line]))
    return cues
