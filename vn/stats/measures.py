"""The lines of the table of measures: a name, a number or how numbers are spread, and how these are printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Split = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """One line.

    Attributes:
        name: name on the page.
        of: gives the number of a split, or its spread (`vn.stats.spread.Spread.to_dict`); None if it has none.
        digits: digits after the point; -1: the number is a share, printed in per cent.
        group: heading above it.
    """

    name: str
    of: Callable[[Split], Any]
    digits: int
    group: str

    def number(self, split: Split) -> float | None:
        """The number of a split; of a spread its mean."""
        value = self.of(split)
        number: float | None = value["mean"] if isinstance(value, Mapping) else value
        return number

    def text(self, value: float | None) -> str:
        """A number as printed.

        >>> MEASURES[0].text(6032.0), MEASURES[0].text(None)
        ('6,032', '-')
        """
        if value is None:
            return "-"
        return f"{100 * value:.1f} %" if self.digits < 0 else f"{value:,.{self.digits}f}"

    def spread(self, split: Split) -> str:
        """Median, 5th to 95th percentile, least and most of a spread; empty for a number."""
        value = self.of(split)
        if not isinstance(value, Mapping):
            return ""
        median, low, high = (self.text(value[name]) for name in ("median", "p5", "p95"))
        least, most = (self.text(value[name]["value"]) for name in ("least", "most"))
        return f"median {median}; {low} to {high}; {least} to {most}"

    def comparable(self, split: Split, base: Split) -> bool:
        """Whether both numbers count the same: Chinese is counted in characters, English in words."""
        return self.group != _TEXTS or self.digits < 0 or set(split["languages"]) == set(base["languages"])

    def difference(self, split: Split, base: Split) -> str:
        """A split's number minus another one's, with its sign; shares in points of a per cent."""
        value, other = self.number(split), self.number(base)
        if value is None or other is None:
            return "-"
        if self.digits < 0:
            return f"{100 * (value - other):+.1f} points"
        return f"{round(value - other, self.digits) + 0.0:+,.{self.digits}f}"


def _at(*path: str) -> Callable[[Split], Any]:
    """What is at a path; None if something on the way is None."""

    def find(split: Split) -> Any:
        value: Any = split
        for name in path:
            value = None if value is None else value[name]
        return value

    return find


def _ratio(part: Callable[[Split], Any], whole: Callable[[Split], Any]) -> Callable[[Split], float | None]:
    """A number divided by another one; None without the latter."""

    def find(split: Split) -> float | None:
        below = whole(split)
        return (part(split) or 0.0) / below if below else None

    return find


_VIDEOS, _CLIPS, _NARRATIONS = _at("videos"), _at("times", "clips"), _at("texts", "narrations")
_LABELLED, _SECONDS = _at("labels", "labelled_clips"), _at("times", "video_seconds", "sum")
_PLAIN = _at("texts", "words_without_punctuation")
_TIMES, _TEXTS, _LABELS, _KNOWLEDGE = "Clips", "Narrations", "Script labels", "Knowledge"

MEASURES: tuple[Measure, ...] = (
    Measure("videos", _VIDEOS, 0, _TIMES),
    Measure("clips", _CLIPS, 0, _TIMES),
    Measure("clips per video", _at("times", "clips_per_video"), 1, _TIMES),
    Measure("seconds per clip", _at("times", "clip_seconds"), 1, _TIMES),
    Measure("seconds of a video's clips", _at("times", "video_seconds"), 1, _TIMES),
    Measure("seconds to the end of a video's last clip", _at("times", "video_ends"), 1, _TIMES),
    Measure("videos with gaps between clips", _ratio(_at("times", "gaps", "videos"), _VIDEOS), -1, _TIMES),
    Measure("seconds of a gap", _at("times", "gaps", "seconds"), 1, _TIMES),
    Measure("videos with clips that overlap", _ratio(_at("times", "overlaps", "videos"), _VIDEOS), -1, _TIMES),
    Measure("seconds of an overlap", _at("times", "overlaps", "seconds"), 1, _TIMES),
    Measure("clips that start before the previous one", _at("times", "clips_out_of_order"), 0, _TIMES),
    Measure("clips with a narration", _ratio(_NARRATIONS, _CLIPS), -1, _TEXTS),
    Measure("words per video", _ratio(_at("texts", "words"), _VIDEOS), 1, _TEXTS),
    Measure("the same without punctuation", _ratio(_PLAIN, _VIDEOS), 1, _TEXTS),
    Measure("words per narrated video", _at("texts", "words_per_video"), 1, _TEXTS),
    Measure("words per narration", _at("texts", "words_per_clip"), 1, _TEXTS),
    Measure("words per second of all clips", _at("texts", "words_per_second"), 2, _TEXTS),
    Measure("the same without punctuation", _ratio(_PLAIN, _SECONDS), 2, _TEXTS),
    Measure("words per second of narrated clips", _at("texts", "words_per_narrated_second"), 2, _TEXTS),
    Measure("words per second, clip by clip", _at("texts", "words_per_second_of_clips"), 2, _TEXTS),
    Measure("narrations in their word range", _ratio(_at("texts", "word_range", "inside"), _NARRATIONS), -1, _TEXTS),
    Measure("shorter than it", _ratio(_at("texts", "word_range", "short"), _NARRATIONS), -1, _TEXTS),
    Measure("longer than it", _ratio(_at("texts", "word_range", "long"), _NARRATIONS), -1, _TEXTS),
    Measure("different units of the vocabulary", _at("texts", "vocabulary", "distinct"), 0, _TEXTS),
    Measure("units of the vocabulary that occur once", _at("texts", "vocabulary", "once"), 0, _TEXTS),
    Measure("clips with labels", _ratio(_LABELLED, _CLIPS), -1, _LABELS),
    Measure("labels", _at("labels", "labels"), 0, _LABELS),
    Measure("labels per labelled clip", _ratio(_at("labels", "labels"), _LABELLED), 2, _LABELS),
    Measure("videos with knowledge points", _ratio(_at("knowledge", "videos"), _VIDEOS), -1, _KNOWLEDGE),
    Measure("points per video", _at("knowledge", "points_per_video"), 1, _KNOWLEDGE),
    Measure("aspects per video", _at("knowledge", "aspects_per_video"), 1, _KNOWLEDGE),
    Measure("share of a video's points used word for word", _at("knowledge", "used_per_video"), -1, _KNOWLEDGE),
)


def label_distance(one: Split, other: Split) -> float | None:
    """How far apart the labels of two splits are: half the sum of the differences of their shares, 0 to 1."""
    ours, theirs = one["labels"], other["labels"]
    if not ours["labels"] or not theirs["labels"]:
        return None
    apart = (abs(n / ours["labels"] - theirs["counts"][name] / theirs["labels"]) for name, n in ours["counts"].items())
    return float(sum(apart) / 2)
