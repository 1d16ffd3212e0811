"""``render.json``: what was rendered, from what; and the same as a table on the screen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.render.speaking import ClipReport

NAME = "render.json"
FORMAT = 1
LONGEST = 30  # characters of a narration in the table


def read_report(folder: Path) -> dict[str, Any] | None:
    """The report of an earlier rendering; None if there is none that can be read."""
    try:
        data = read_json(folder / NAME) if (folder / NAME).is_file() else None
    except InputError:
        return None
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("made_from"), dict):
        return None
    return data


def clips_of(report: Mapping[str, Any]) -> list[ClipReport] | None:
    """The clips of a report; None if it was changed so that they cannot be read."""
    try:
        return [ClipReport.from_dict(entry) for entry in report["clips"]]
    except (TypeError, KeyError, IndexError):
        return None


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``render.json``."""
    write_text(folder / NAME, json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def print_table(clips: Sequence[ClipReport], title: str) -> None:
    """Print words, spoken seconds, speed and what is too long, clip by clip."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title))
    for name in ("clip", "time", "words", "voice, s", "speed", "too long, s"):
        table.add_column(name, no_wrap=True)
    table.add_column("narration", no_wrap=True, overflow="ellipsis")
    for each in clips:
        words = str(each.words)
        if each.word_range is not None:
            low, high = each.word_range
            words += f" of {low}-{high}" + ("" if low <= each.words <= high else " !")
        voice = speed = ""
        if each.voice_start is not None and each.voice_end is not None:
            voice = f"{each.voice_end - each.voice_start:.1f} of {each.end - each.start:.1f}"
            speed = f"{each.speed:.2f}"
        over = f"{each.over:.1f}" if each.over > 0 else ""
        table.add_row(
            str(each.clip + 1), f"{each.start:.1f}-{each.end:.1f}", words, voice, speed, over, escape(_short(each.text))
        )
    Console().print(table)
