"""The lines of the table of measures: a name, a number of a split, and how the number is printed."""

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
        of: gives the number of a split; None if it has none.
        digits: digits after the point; -1: the number is a share, printed in per cent.
        group: heading above it.
    """

    name: str
    of: Callable[[Split], float | None]
    digits: int
    group: str

    def text(self, value: float | None) -> str:
        """A number as printed.

        >>> MEASURES[0].text(6032.0), MEASURES[0].text(None)
        ('6,032', '-')
        """
        if value is None:
            return "-"
        return f"{100 * value:.1f} %" if self.digits < 0 else f"{value:,.{self.digits}f}"

    def difference(self, value: float | None, base: float | None) -> str:
        """A number minus another one, with its sign; shares in points of a per cent."""
        if value is None or base is None:
            return "-"
        return f"{100 * (value - base):+.1f} points" if self.digits < 0 else f"{value - base:+,.{self.digits}f}"


def _at(*path: str) -> Callable[[Split], float | None]:
    """The number at a path; None if something on the way is None."""

    def find(split: Split) -> float | None:
        value: Any = split
        for name in path:
            value = None if value is None else value[name]
        return value

    return find


def _share(part: Callable[[Split], float | None], whole: Callable[[Split], float | None]) -> Callable[[Split], Any]:
    def find(split: Split) -> float | None:
        below = whole(split)
        return (part(split) or 0.0) / below if below else None

    return find


def _spread(group: str, what: str, path: tuple[str, ...], digits: int) -> list[Measure]:
    names = (("mean", "mean"), ("median", "median"), ("5th percentile", "p5"), ("95th percentile", "p95"))
    return [Measure(f"{what}, {name}", _at(*path, key), digits, group) for name, key in names] + [
        Measure(f"{what}, {name}", _at(*path, key, "value"), digits, group)
        for name, key in (("least", "least"), ("most", "most"))
    ]


_VIDEOS, _CLIPS, _NARRATIONS = _at("videos"), _at("times", "clips"), _at("texts", "narrations")


def _words(split: Split) -> float | None:
    return split["texts"]["words"] / split["videos"] if split["videos"] and split["texts"]["narrations"] else None


def _plain_words(split: Split) -> float | None:
    if not split["videos"] or not split["texts"]["narrations"]:
        return None
    return float(split["texts"]["words_without_punctuation"] / split["videos"])


MEASURES: tuple[Measure, ...] = (
    Measure("videos", _VIDEOS, 0, "Clips"),
    Measure("clips", _CLIPS, 0, "Clips"),
    *_spread("Clips", "clips per video", ("times", "clips_per_video"), 1),
    *_spread("Clips", "seconds per clip", ("times", "clip_seconds"), 1),
    *_spread("Clips", "seconds of a video's clips", ("times", "video_seconds"), 1),
    Measure("seconds to the end of the last clip, mean", _at("times", "video_ends", "mean"), 1, "Clips"),
    Measure("gaps between clips", _at("times", "gaps", "seconds", "count"), 0, "Clips"),
    Measure("videos with gaps", _share(_at("times", "gaps", "videos"), _VIDEOS), -1, "Clips"),
    Measure("clips that overlap an earlier one", _at("times", "overlaps", "seconds", "count"), 0, "Clips"),
    Measure("longest overlap in seconds", _at("times", "overlaps", "seconds", "most", "value"), 1, "Clips"),
    Measure("clips that start before the previous one", _at("times", "clips_out_of_order"), 0, "Clips"),
    Measure("clips with a narration", _share(_NARRATIONS, _CLIPS), -1, "Narrations"),
    Measure("words per video, mean over all videos", _words, 1, "Narrations"),
    Measure("the same without punctuation", _plain_words, 1, "Narrations"),
    *_spread("Narrations", "words per narrated video", ("texts", "words_per_video"), 1)[1:],
    *_spread("Narrations", "words per narration", ("texts", "words_per_clip"), 1),
    Measure("words per second of all clips", _at("texts", "words_per_second"), 2, "Narrations"),
    Measure("words per second of narrated clips", _at("texts", "words_per_narrated_second"), 2, "Narrations"),
    *_spread("Narrations", "words per second of one clip", ("texts", "words_per_second_of_clips"), 2),
    Measure("in their word range", _share(_at("texts", "word_range", "inside"), _NARRATIONS), -1, "Narrations"),
    Measure("shorter than it", _share(_at("texts", "word_range", "short"), _NARRATIONS), -1, "Narrations"),
    Measure("longer than it", _share(_at("texts", "word_range", "long"), _NARRATIONS), -1, "Narrations"),
    Measure("different units of the vocabulary", _at("texts", "vocabulary", "distinct"), 0, "Narrations"),
    Measure("of these, units that occur once", _at("texts", "vocabulary", "once"), 0, "Narrations"),
    Measure("clips with labels", _share(_at("labels", "labelled_clips"), _CLIPS), -1, "Script labels"),
    Measure("labels", _at("labels", "labels"), 0, "Script labels"),
    Measure(
        "labels per labelled clip",
        _share(_at("labels", "labels"), _at("labels", "labelled_clips")),
        2,
        "Script labels",
    ),
    Measure("videos with knowledge points", _share(_at("knowledge", "videos"), _VIDEOS), -1, "Knowledge"),
    *_spread("Knowledge", "points per video", ("knowledge", "points_per_video"), 1),
    Measure("aspects per video, mean", _at("knowledge", "aspects_per_video", "mean"), 1, "Knowledge"),
    Measure("points used word for word, mean", _at("knowledge", "used_per_video", "mean"), -1, "Knowledge"),
)


def label_distance(one: Split, other: Split) -> float | None:
    """How far apart the labels of two splits are: half the sum of the differences of their shares, 0 to 1."""
    ours, theirs = one["labels"], other["labels"]
    if not ours["labels"] or not theirs["labels"]:
        return None
    apart = (abs(n / ours["labels"] - theirs["counts"][name] / theirs["labels"]) for name, n in ours["counts"].items())
    return float(sum(apart) / 2)
