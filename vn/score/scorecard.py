"""All scores of a test, each with its tokenisation, variant, coverage and interval; and the difference of two runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError
from vn.metrics.bootstrap import Difference, difference, interval
from vn.metrics.tokenisation import Tokenisation
from vn.score.against import check_same_clips, check_tags
from vn.score.breakdown import breakdown
from vn.score.kept_measures import KeptMeasures
from vn.score.measures import FACTS, METRICS, has_facts, measure
from vn.score.plugin_metrics import find_metrics, plugin_measures
from vn.score.predictions import HAN, Test, gather
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure, Measured, NotComputed
from vn.story import Story

Scores = dict[str, dict[str, Any]]
SHOWN = 5  # clips named in a warning
LONG = 10_000  # characters; too many for one clip


@dataclass(frozen=True)
class Scored:
    """A test and its measures."""

    test: Test
    measured: Measured

    def entries(self, seed: int = 0, by: Sequence[str] = ()) -> Scores:
        """What ``scores.json`` holds of it.

        Args:
            seed: random seed of the resampling behind the intervals.
            by: breakdowns to add, of `vn.score.breakdown.WAYS`.

        Returns:
            One dict per metric: ``value`` on the raw scale, ``tokenisation``, ``variant``, ``coverage`` (``clips,
            scored, empty, missing, videos``) and ``interval`` ([low, high], 95 % over videos; None for a single
            video); or ``value`` None and ``why``. With an encoder or judge also ``model``; with a judge, what judging
            cost.
        """
        return {name: self._entry(each, seed, by) for name, each in self.measured.items()}

    def _entry(self, each: Measure | NotComputed, seed: int, by: Sequence[str]) -> dict[str, Any]:
        if isinstance(each, NotComputed):
            return {"value": None, "why": each.why}
        if not math.isfinite(each.value):
            return {"value": None, "why": "it is not finite"}
        ends = interval(each.sums, each.finish, seed)
        entry: dict[str, Any] = {
            "value": each.value,
            "tokenisation": each.tokenisation,
            "variant": each.variant,
            "coverage": each.coverage,
            "interval": list(ends) if ends else None,
        }
        if each.model is not None:
            entry["model"] = each.model
        parts = {way: part for way in by if (part := breakdown(each, self.test, way, seed))}
        return entry | dict(each.notes) | ({"by": parts} if parts else {})


def take(
    predictions: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any] | Story] | None = None,
    settings: ScoreSettings | None = None,
    *,
    storyline_given: bool = False,
    file: str | Path | None = None,
    stories_file: str | Path | None = None,
    findings: Findings | None = None,
    on_step: Callable[[str], None] = lambda name: None,
) -> Scored:
    """Measure the predictions of one setting with all chosen metrics and models.

    Every narrated clip of the stories is scored; one that is missing or empty counts as an empty narration. A clip
    without a reference is left out of metrics that need one, and counted in the coverage.

    Args:
        predictions: the lines of a predictions file.
        stories: the lines of ``stories.jsonl``; None to score against the references in the predictions.
        settings: how to measure; None for the defaults.
        storyline_given: as in `vn.score.predictions.gather`.
        file: named in errors about predictions.
        stories_file: named in errors about stories.
        findings: takes what was missing, empty or at odds with the stories.
        on_step: called with the name of what is computed next.

    Raises:
        InputError: naming the line, video or clip at fault.
    """
    findings = findings if findings is not None else Findings()
    settings = settings or ScoreSettings()
    test = gather(
        predictions, stories, storyline_given=storyline_given, file=file, stories_file=stories_file, findings=findings
    )
    _note_gaps(test, file, findings)
    _note_language(test, settings, file, findings)
    added = plugin_measures(test, find_metrics(settings.metrics, METRICS))  # first: a wrong name is known at once
    # Few stories list their facts: for the others the metric is not missing, it does not exist.
    names = [name for name in METRICS if name not in FACTS or has_facts(test)]
    keep = KeptMeasures(test, settings, names, findings)
    return Scored(test, measure(test, settings, names, on_step, findings, keep) | added)


def score(
    predictions: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any]] | None = None,
    settings: ScoreSettings | None = None,
    *,
    seed: int = 0,
    by: Sequence[str] = (),
    storyline_given: bool = False,
    findings: Findings | None = None,
) -> Scores:
    """Score the predictions of one setting (docs/design.md#scores).

    `take` is the first of its two steps, for callers that also compare, or that name files and steps.

    Args:
        predictions: as in `take`, and so are `stories`, `settings`, `storyline_given` and `findings`.
        stories: as in `take`.
        settings: as in `take`.
        seed: random seed of the resampling behind the intervals.
        by: breakdowns to add, of `vn.score.breakdown.WAYS`.
        storyline_given: as in `take`.
        findings: as in `take`.

    Returns:
        One dict per metric, see `Scored.entries`.

    Raises:
        InputError: naming the line, video or clip at fault.
    """
    scored = take(predictions, stories, settings, storyline_given=storyline_given, findings=findings)
    return scored.entries(seed, by)


def paired_difference(
    metric_name: str,
    predictions_a: Sequence[Mapping[str, Any]],
    predictions_b: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any]] | None = None,
    settings: ScoreSettings | None = None,
    seed: int = 0,
) -> Difference:
    """How much higher B scores than A, with a 95 % interval over videos.

    Args:
        metric_name: one of `vn.score.measures.METRICS`.
        predictions_a: the lines of the first run.
        predictions_b: the lines of the second, for the same clips and references.
        stories: as in `take`.
        settings: how to measure; None for the defaults.
        seed: random seed of the resampling behind the interval.

    Raises:
        InputError: other clips or references, fewer than two videos, or a metric that cannot be computed.
    """
    tests = [gather(predictions, stories) for predictions in (predictions_a, predictions_b)]
    check_same_clips(*tests)
    settings = settings or ScoreSettings()
    measures = []
    for test in tests:
        each = measure(test, settings, [metric_name])[metric_name]
        if isinstance(each, NotComputed):
            raise InputError(f"{metric_name} cannot be computed: {each.why}")
        measures.append(each)
    a, b = measures
    check_tags(metric_name, a, b)
    # Intra-repetition leaves out a video whose narrations are empty, which may be so in one run only.
    shared = sorted(set(a.videos) & set(b.videos))
    rows = [each.of(shared) for each in (a, b)]
    return difference(rows[0], rows[1], a.finish, seed)


def _note_gaps(test: Test, file: str | Path | None, findings: Findings) -> None:
    missing = [f"{c.video} clip {c.clip}" for c in test.clips if not c.predicted]
    empty = [f"{c.video} clip {c.clip}" for c in test.clips if c.predicted and not c.narration]
    for names, what in ((missing, "are missing and count as empty"), (empty, "are empty")):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            listed = ", ".join(names[:SHOWN])
            findings.add(f"{len(names)} of {len(test.clips)} narrations {what}: {listed}{more}", file=file)
    long = [f"{c.video} clip {c.clip}" for c in test.clips if len(c.narration) > LONG]
    if long:
        findings.add(f"{len(long)} narrations have more than {LONG} characters: {', '.join(long[:SHOWN])}", file=file)


def _note_language(test: Test, settings: ScoreSettings, file: str | Path | None, findings: Findings) -> None:
    """Warn if texts or tokenisation are not in the stories' language: the numbers are kept, but mean little."""
    tokenisation = settings.tokenisation
    name = tokenisation.name if isinstance(tokenisation, Tokenisation) else tokenisation
    if test.language == "zh" and name in ("ptb", "words"):
        findings.add(f"the tokenisation {name} cuts Chinese into whole phrases; char or jieba fit it", file=file)
    if test.language == "en" and name is not None and name.startswith("jieba"):
        findings.add(f"the tokenisation {name} is one of Chinese words, the stories are in English", file=file)
    letters = [c for c in test.clips if any(map(str.isalpha, c.narration))]
    odd = [f"{c.video} clip {c.clip}" for c in letters if bool(HAN.search(c.narration)) != (test.language == "zh")]
    if odd:
        what = "no Chinese character" if test.language == "zh" else "Chinese characters"
        more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
        findings.add(
            f"{len(odd)} of {len(test.clips)} narrations hold {what}: {', '.join(odd[:SHOWN])}{more}", file=file
        )
