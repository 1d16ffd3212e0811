"""The subtitles of a WebVTT file as cues: what `vn.subtitles.cues.vtt` writes, read back."""

from __future__ import annotations

import html
import re
from pathlib import Path

from vn.errors import InputError, show
from vn.io.files import read_text
from vn.subtitles.cues import Cue
from vn.timecode import seconds_of

TIMES = re.compile(r"(\S+)\s+-->\s+(\S+).*")


def read_vtt(file: Path) -> list[Cue]:
    """Read a file without styles, regions and markup.

    Raises:
        InputError: the file cannot be read, or a time is wrong.
    """
    blocks = re.split(r"\n{2,}", read_text(file).replace("\r\n", "\n").strip("\n"))
    if not blocks[0].startswith("WEBVTT"):
        raise InputError("not WebVTT: it does not begin with WEBVTT", file=file)
    cues = []
    for block in blocks[1:]:
        lines = block.split("\n")
        at = next((i for i, line in enumerate(lines[:2]) if "-->" in line), None)
        if at is None:
            continue  # a note
        match = TIMES.fullmatch(lines[at].strip())
        start, end = (seconds_of(time) for time in match.groups()) if match else (None, None)
        if start is None or end is None:
            raise InputError(f"expected two times, got {show(lines[at])}", file=file)
        cues.append((start, end, [html.unescape(line) for line in lines[at + 1 :]]))
    return cues
