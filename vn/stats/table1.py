"""Rows of the paper's Table 1: those that it prints, and the same for our data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.io.files import read_yaml

FILE = Path(__file__).with_name("paper.yaml")
HEADINGS = (
    *("Data", "Input modality", "Storyline", "Videos", "Clips per video"),
    *("Text length per video", "Text length per second"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row, ready to be printed; `cells` has an entry per item of `HEADINGS`."""

    cells: tuple[str, ...]
    citation: str = ""


@functools.cache
def paper() -> Mapping[str, Any]:
    """The facts of the paper, as printed there."""
    found: Mapping[str, Any] = read_yaml(FILE)
    return found


@functools.cache
def paper_rows() -> tuple[Row, ...]:
    """The rows of the paper's Table 1.

    >>> paper_rows()[-1].cells
    ('E-SyncVidStory', 'Video & Knowledge', 'yes', '6K', '6.9', '194.1 (zh)', '5.21')
    """
    rows = []
    for name, citation, modality, storyline, videos, clips, words, language, rate in paper()["rows"]:
        text = "-" if words is None else f"{words:.1f} ({language})"
        shown = (name, modality, "yes" if storyline else "-", videos, f"{clips:.1f}", text, _number(rate, 2))
        rows.append(Row(shown, citation))
    return tuple(rows)


def row(name: str, split: Mapping[str, Any]) -> Row:
    """The row of a split of ours.

    Averages are over all its videos with clips; a narration's length is counted in characters with punctuation in
    Chinese and in words in English; the last column is all words divided by the seconds of all clips.

    Args:
        name: what the row is called.
        split: from `vn.stats.measure.Tally.to_dict`.
    """
    videos, texts, labels = split["videos"], split["texts"], split["labels"]
    clips = split["times"]["clips"]
    language = "+".join(split["languages"])
    words = f"{texts['words'] / videos:.1f} ({language})" if texts["narrations"] else "-"
    rate = texts["words_per_second"] if texts["narrations"] else None
    known = split["knowledge"]["videos"]
    modality = "Video & Knowledge" if known else "Video"
    share = labels["labelled_clips"] / clips if clips else 0.0
    storyline = "yes" if share == 1 else f"in part ({share:.1%})" if share else "-"
    per_video = f"{clips / videos:.1f}" if videos else "-"
    return Row((name, modality, storyline, f"{videos:,}", per_video, words, _number(rate, 2)))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
