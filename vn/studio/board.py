"""The board: a story's shots with their frames, labels and narrations, as HTML whose texts are escaped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vn.card import NarratorCard
from vn.extras import require
from vn.story import ScriptLabel, WordRange, count_words
from vn.studio.edits import Entry, is_users
from vn.studio.frames import frames_of
from vn.studio.story_folder import Sheet, StoryFolder

PLAYED = (".mp4", ".m4v", ".webm", ".mov", ".ogv")  # what browsers play, if they know the codec
PAGE = Path(__file__).with_name("page")


@dataclass(frozen=True, slots=True)
class Choice:
    """A script label to choose.

    Attributes:
        value: the label, or labels joined by ``+``; empty if the narrator chooses.
        text: its name with its probability, if known.
        chosen: whether the clip has it.
        hint: what it means.
    """

    value: str
    text: str
    chosen: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ClipView:
    """A clip as the board shows it.

    Attributes:
        start: start in seconds.
        end: end in seconds.
        frame: a frame from its middle, as a ``data:`` URI.
        choices: the labels to choose.
        own_labels: whether its labels are the user's.
        narration: its narration.
        own_narration: whether the narration is the user's.
        count: words of the narration.
        low: words it needs at least.
        high: words it has time for.
        used: knowledge points that its narration uses.
        waits: whether it will be written by the next writing.
    """

    start: float
    end: float
    frame: str
    choices: Sequence[Choice]
    own_labels: bool
    narration: str
    own_narration: bool
    count: int
    low: int
    high: int
    used: Sequence[str]
    waits: bool


def board_html(
    story: StoryFolder, sheet: Sheet, card: NarratorCard, word_range: Callable[[Entry], WordRange], can_hear: bool
) -> str:
    """The board of a story.

    Args:
        story: the story.
        sheet: its content.
        card: the narrator's.
        word_range: the words that a clip has time for.
        can_hear: whether there is a voice.

    Raises:
        InputError: its video is missing or cannot be read.
    """
    video = story.video()
    frames = frames_of(video, sheet.clips)
    views = [
        _view(i, entry, frame, sheet, word_range)
        for i, (entry, frame) in enumerate(zip(sheet.clips, frames, strict=True))
    ]
    html: str = template("board.html").render(
        name=story.name,
        sheet=sheet,
        clips=views,
        times=json.dumps([[clip.start, clip.end] for clip in views]),
        watch=f"/stories/{quote(story.name)}/watch" if video.suffix.lower() in PLAYED else "",
        storyline=card.storyline,
        state=state_of(sheet),
        can_hear=can_hear,
    )
    return html


def state_of(sheet: Sheet) -> str:
    """What the next writing will do, in a sentence."""
    if not sheet.clips:
        return "No shots were found yet."
    if not sheet.written:
        return f"{len(sheet.clips)} shots, not written yet. Change borders or labels if you like, then write."
    if sheet.first is None:
        return "Everything is written and saved."
    if sheet.first >= len(sheet.clips):
        return f"Edited and saved ({'; '.join(sheet.seen)})."
    changes = f" ({'; '.join(sheet.seen)})" if sheet.seen else ""
    return f"Saved{changes}. Clips from {sheet.first + 1} on will be written again, except for what is yours."


def _view(i: int, entry: Entry, frame: str, sheet: Sheet, word_range: Callable[[Entry], WordRange]) -> ClipView:
    language, waits = sheet.story.language, sheet.first is not None and i >= sheet.first
    narration = entry.get("narration") or ""
    words = _kept_range(entry) if not waits else None
    words = words or word_range(entry)
    return ClipView(
        start=entry["start"],
        end=entry["end"],
        frame=frame,
        choices=_choices(entry, sheet),
        own_labels=is_users(entry, "labels"),
        narration=narration,
        own_narration=is_users(entry, "narration"),
        count=count_words(narration, language),
        low=words.low,
        high=words.high,
        used=[] if waits else _points(entry.get("knowledge_used")),
        waits=waits,
    )


def _choices(entry: Entry, sheet: Sheet) -> list[Choice]:
    language = sheet.story.language
    now = "+".join(entry.get("labels") or ())
    odds = entry.get("label_odds")
    odds = odds if isinstance(odds, dict) else {}
    names = {label.text(language): label for label in ScriptLabel}
    listed = sorted(names, key=lambda name: -_share(odds, name))
    choices = [Choice("", "the narrator chooses", not now)]
    if now and now not in names:
        choices.append(Choice(now, now, True))
    for name in listed:
        share = _share(odds, name)
        text = f"{name} · {_percent(share)}" if name in odds else name
        choices.append(Choice(name, text, name == now, names[name].definition(language)))
    return choices


def _share(odds: Any, name: str) -> float:
    value = odds.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _percent(share: float) -> str:
    return "< 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _kept_range(entry: Entry) -> WordRange | None:
    value = entry.get("word_range")
    if isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value):
        return WordRange(value[0], value[1])
    return None


def _points(used: Any) -> list[str]:
    return [str(each.get("point")) for each in used if isinstance(each, dict)] if isinstance(used, list) else []


def template(name: str) -> Any:
    """One of the page's templates; what it shows is escaped."""
    require("jinja2", command="studio")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["seconds"] = lambda value: f"{value:.2f}".rstrip("0").rstrip(".")
    return environment.get_template(name)
