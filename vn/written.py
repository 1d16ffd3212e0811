"""What was written for a clip, by our model or another system, and its line in ``predictions.*.jsonl``. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vn.prompt import Written
from vn.story import Labels, Language, ScriptLabel, Story

KEPT_ODDS = 3  # labels whose probabilities are written to files

LabelOdds = tuple[tuple[ScriptLabel, float], ...]
"""Labels with their probabilities, the most likely first."""


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What a system wrote for a clip.

    Attributes:
        clip: its number.
        written: labels and narration.
        given: the labels it had to follow, if any.
        odds: if it chose among the 12 labels: the probability of each as the first, the most likely first.
        problem: what is wrong with it, such as a length out of range although it should be exact; None if nothing is.
        forgotten: how many earlier clips, from the first, were left out of its prompt because they no longer fit.
        points_dropped: how many knowledge points, from the last, were left out of its prompt because they did not fit.
    """

    clip: int
    written: Written
    given: Labels | None
    odds: LabelOdds = field(default=(), compare=False)  # the last digits depend on what else is in the batch
    problem: str | None = None
    forgotten: int = 0
    points_dropped: int = 0


def kept_odds(odds: LabelOdds, language: Language) -> dict[str, float] | None:
    """The few most likely labels by name, as written to files; None if the system did not choose among them."""
    return {label.text(language): round(share, 4) for label, share in odds[:KEPT_ODDS]} or None


def prediction_lines(story: Story, written: Iterable[WrittenClip], range_source: str) -> list[dict[str, Any]]:
    """The lines of ``predictions.*.jsonl`` for one video."""
    lines = []
    for each in written:
        clip = story.clips[each.clip]
        names = [
            None if x is None else [label.text(story.language) for label in x]
            for x in (each.written.labels, each.given, clip.labels)
        ]
        source = range_source if clip.narration else "duration"
        lines.append(
            {
                "video": story.id,
                "clip": each.clip,
                "start": clip.start,
                "end": clip.end,
                "labels": names[0],
                "labels_given": names[1],
                "label_odds": kept_odds(each.odds, story.language),
                "narration": each.written.narration,
                "word_range": [each.written.words.low, each.written.words.high],
                "range_source": source,
                "reference": clip.narration,
                "reference_labels": names[2],
            }
        )
    return lines
