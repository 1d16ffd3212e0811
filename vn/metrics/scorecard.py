"""All scores of a test, each with its tokenisation, variant, coverage and interval; and the difference of two runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError
from vn.metrics.bootstrap import Difference, difference, interval
from vn.metrics.measures import FACTS, METRICS, Choices, Measure, NotComputed, has_facts, measure
from vn.metrics.meteor import Matcher
from vn.metrics.predictions import Test, gather
from vn.metrics.tokenisation import Tokenisation

Scores = dict[str, dict[str, Any]]
SHOWN = 5  # clips named in a warning


def score(
    predictions: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any]] | None = None,
    tokenisation: Tokenisation | str | None = None,
    meteor_matcher: Matcher = "exact",
    seed: int = 0,
    *,
    user_dictionary: str | Path = "stories",
    storyline_given: bool = False,
    file: str | Path | None = None,
    stories_file: str | Path | None = None,
    findings: Findings | None = None,
    on_step: Callable[[str], None] = lambda name: None,
) -> Scores:
    """Score the predictions of one setting (design "Formats": predictions, stories and scores).

    Every narrated clip of the stories is scored; one that is missing or empty counts as an empty narration. A clip
    without a reference is left out of what needs one, and counted in the coverage.

    Args:
        predictions: the lines of a predictions file.
        stories: the lines of ``stories.jsonl``; None to score against the references in the predictions.
        tokenisation: of BLEU, METEOR and CIDEr; None for ``ptb`` in English and ``char`` in Chinese.
        meteor_matcher: ``exact``, or ``jar`` for METEOR's own program.
        seed: of the resampling behind the intervals.
        user_dictionary: words that jieba keeps whole: ``stories`` (titles and points), ``none`` or a file.
        storyline_given: as in `vn.metrics.predictions.gather`.
        file: named in errors about predictions.
        stories_file: named in errors about stories.
        findings: takes what was missing, empty or at odds with the stories.
        on_step: called with the name of what is computed next.

    Returns:
        A dict a metric: ``value`` on the raw scale, ``tokenisation``, ``variant``, ``coverage`` (``clips, scored,
        empty, missing, videos``) and ``interval`` ([low, high], 95 % over videos; None for a single video); or
        ``value`` None and ``why``.

    Raises:
        InputError: naming the line, video or clip at fault.
    """
    findings = findings if findings is not None else Findings()
    test = gather(
        predictions, stories, storyline_given=storyline_given, file=file, stories_file=stories_file, findings=findings
    )
    _note_gaps(test, file, findings)
    choices = Choices(tokenisation, meteor_matcher, user_dictionary)
    # Few stories say their facts: elsewhere the metric is not missing, it does not exist.
    names = [name for name in METRICS if name not in FACTS or has_facts(test)]
    return {name: _entry(each, seed) for name, each in measure(test, choices, names, on_step).items()}


def paired_difference(
    metric_name: str,
    predictions_a: Sequence[Mapping[str, Any]],
    predictions_b: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any]] | None = None,
    tokenisation: Tokenisation | str | None = None,
    meteor_matcher: Matcher = "exact",
    seed: int = 0,
    *,
    user_dictionary: str | Path = "stories",
) -> Difference:
    """How much higher B scores than A, with a 95 % interval over videos.

    Args:
        metric_name: one of `vn.metrics.measures.METRICS`.
        predictions_a: the lines of the first run.
        predictions_b: those of the second, for the same clips and references.
        stories: as in `score`.
        tokenisation: as in `score`.
        meteor_matcher: as in `score`.
        seed: as in `score`.
        user_dictionary: as in `score`.

    Raises:
        InputError: other clips or references, fewer than two videos, or a metric that cannot be computed.
    """
    tests = [gather(predictions, stories) for predictions in (predictions_a, predictions_b)]
    first, second = ({(c.video, c.clip): c.reference for c in test.clips} for test in tests)
    if first != second:
        video, clip = min(k for k in first.keys() | second.keys() if first.get(k, "") != second.get(k, ""))
        raise InputError(f"the two runs do not share clip {clip} and its reference", sample=video)
    choices = Choices(tokenisation, meteor_matcher, user_dictionary)
    measures = []
    for test in tests:
        each = measure(test, choices, [metric_name])[metric_name]
        if isinstance(each, NotComputed):
            raise InputError(f"{metric_name} cannot be computed: {each.why}")
        measures.append(each)
    a, b = measures
    # Intra-repetition leaves out a video whose narrations are empty, which may be so in one run only.
    shared = sorted(set(a.videos) & set(b.videos))
    rows = [each.sums[[each.videos.index(video) for video in shared]] for each in (a, b)]
    return difference(rows[0], rows[1], a.finish, seed)


def _entry(each: Measure | NotComputed, seed: int) -> dict[str, Any]:
    if isinstance(each, NotComputed):
        return {"value": None, "why": each.why}
    ends = interval(each.sums, each.finish, seed)
    return {
        "value": each.value,
        "tokenisation": each.tokenisation,
        "variant": each.variant,
        "coverage": each.coverage,
        "interval": list(ends) if ends else None,
    }


def _note_gaps(test: Test, file: str | Path | None, findings: Findings) -> None:
    missing = [f"{c.video} clip {c.clip}" for c in test.clips if not c.predicted]
    empty = [f"{c.video} clip {c.clip}" for c in test.clips if c.predicted and not c.narration]
    for names, what in ((missing, "are missing and count as empty"), (empty, "are empty")):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            listed = ", ".join(names[:SHOWN])
            findings.add(f"{len(names)} of {len(test.clips)} narrations {what}: {listed}{more}", file=file)
