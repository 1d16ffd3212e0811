"""How well two reviewers agree about the same videos: labels, texts and cuts, with intervals over videos.

Each measure is a function of sums over videos, as a metric of `vn.metrics.bootstrap` is. Cohen's kappa is from its
definition (Cohen 1960), of each label by itself: whether a clip has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vn.annotate.results import ReviewedClip
from vn.annotate.review.matching import Cuts, Group, groups, matched_cuts
from vn.metrics.bootstrap import Estimate, estimate, mean
from vn.story import Language, ScriptLabel

Floats = NDArray[np.float64]
Clips = Sequence[ReviewedClip]
LABELS = tuple(ScriptLabel)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two reviewers agree about.

    Attributes:
        reviewers: their names.
        videos: how many videos both reviewed.
        clips: groups of clips that were compared.
        split: groups in which one of them has more clips than the other.
        kappa: Cohen's kappa of each label; None if it is not defined: neither of them gave it, or both always did.
        mean_kappa: mean of those that are defined.
        same_labels: share of clips with the same set of labels.
        same_texts: share of clips with the same narration.
        distance: mean edit distance of the narrations, of the longer one's characters.
        cuts: share of cuts with one of the other reviewer at most half a second away.
        apart: mean seconds between those.
    """

    reviewers: tuple[str, str]
    videos: int
    clips: int
    split: int
    kappa: Mapping[ScriptLabel, Estimate]
    mean_kappa: Estimate
    same_labels: Estimate
    same_texts: Estimate
    distance: Estimate
    cuts: Estimate
    apart: Estimate

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """Everything as JSON; a number has its interval."""
        rest = ("mean_kappa", "same_labels", "same_texts", "distance", "cuts", "apart")
        return {
            "reviewers": list(self.reviewers),
            "videos": self.videos,
            "clips": self.clips,
            "split": self.split,
            "kappa": {label.text(language): _entry(value) for label, value in self.kappa.items()},
            **{name: _entry(getattr(self, name)) for name in rest},
        }


def agree(reviewers: tuple[str, str], videos: Sequence[tuple[Clips, Clips, Language]], seed: int = 0) -> Agreement:
    """Compare two reviewers.

    Args:
        reviewers: their names.
        videos: the clips of each video that both reviewed, as each left them, and its language.
        seed: random seed of the intervals.
    """
    cuts = [matched_cuts(first, second) for first, second, _ in videos]
    grouped = [groups(first, second, own) for (first, second, _), own in zip(videos, cuts, strict=True)]
    languages = [language for _, _, language in videos]
    met = np.array([_met(own) for own in grouped]).reshape(-1, len(LABELS), 4)
    texts = np.array([_texts(own, language) for own, language in zip(grouped, languages, strict=True)]).reshape(-1, 3)
    same = np.array([[sum(_labels(a) == _labels(b) for a, b in own), len(own)] for own in grouped], dtype=float)
    near = np.array([[2 * len(each.pairs), each.first + each.second] for each in cuts], dtype=float)
    apart = np.array([_apart(each) for each in cuts], dtype=float)
    return Agreement(
        reviewers,
        len(videos),
        sum(map(len, grouped)),
        sum(len(a) != len(b) for own in grouped for a, b in own),
        {label: estimate(met[:, n], kappa, seed) for n, label in enumerate(LABELS)},
        estimate(met.reshape(len(met), -1), _mean_kappa, seed),
        estimate(same, mean, seed),
        estimate(texts[:, [0, 2]], mean, seed),
        estimate(texts[:, [1, 2]], mean, seed),
        estimate(near[near[:, 1] > 0], mean, seed),
        estimate(apart[apart[:, 1] > 0], mean, seed),
    )


def kappa(sums: Floats) -> Floats:
    """Cohen's kappa of a yes or no; NaN if both always gave it, or never did.

    >>> float(kappa(np.array([45.0, 15.0, 25.0, 15.0])).round(4))  # both, only the first, only the second, neither
    0.1304

    Args:
        sums: ``[..., 4]``: how often both gave the label, only the first, only the second, neither.
    """
    both, first, second, neither = np.moveaxis(sums, -1, 0)
    n = both + first + second + neither
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (both + neither) / n
        expected = ((both + first) * (both + second) + (neither + first) * (neither + second)) / n**2
        found = (observed - expected) / (1 - expected)
    return np.asarray(np.where((both + first + second > 0) & (first + second + neither > 0), found, np.nan))


def _mean_kappa(sums: Floats) -> Floats:
    """Mean kappa of the labels that have one, of ``[..., 12 * 4]``."""
    each = kappa(sums.reshape(*sums.shape[:-1], len(LABELS), 4))
    there = ~np.isnan(each)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(there, each, 0.0).sum(axis=-1) / there.sum(axis=-1))


def _met(own: Sequence[Group]) -> Floats:
    """How often both gave each label in a video, only the first, only the second, neither: ``[12, 4]``."""
    out = np.zeros((len(LABELS), 4))
    for first, second in own:
        one, other = _labels(first), _labels(second)
        for n, label in enumerate(LABELS):
            out[n, (0 if label in other else 1) if label in one else (2 if label in other else 3)] += 1
    return out


def _texts(own: Sequence[Group], language: Language) -> tuple[float, float, float]:
    """Of a video: groups with the same narration, summed distances, groups in which anybody has a narration."""
    from rapidfuzz.distance import Levenshtein

    same = distance = count = 0.0
    for first, second in own:
        one, other = _text(first, language), _text(second, language)
        if one or other:
            count += 1
            same += one == other
            distance += Levenshtein.normalized_distance(one, other)
    return same, distance, count


def _apart(cuts: Cuts) -> tuple[float, float]:
    return sum(abs(a - b) for a, b in cuts.pairs), float(len(cuts.pairs))


def _labels(clips: Clips) -> set[ScriptLabel]:
    return {label for clip in clips for label in clip.labels or ()}


def _text(clips: Clips, language: Language) -> str:
    return ("" if language == "zh" else " ").join(clip.narration for clip in clips if clip.narration)


def _entry(value: Estimate) -> dict[str, Any]:
    return {"value": value.value, "interval": None if value.low is None else [value.low, value.high]}
