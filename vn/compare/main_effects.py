"""Main effects of a sweep of several factors, such as ablation x base model x LoRA rank, from matched pairs.

Two variants are a matched pair of a factor if they differ in that factor alone. The effect of a level is the mean of
its differences from the baseline's level over all pairs, each at the same seed. Variants are distinguished by
their configurations: settings that an ablation fixes (``ablations.yaml``) are part of the ablation, settings that
always vary together are one factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from vn.compare.crossed import Arm, arm, contrast
from vn.compare.deltas import judged, unlike
from vn.compare.number import Delta, Number, shared_videos
from vn.compare.paired import check_alike
from vn.compare.rules import ablations
from vn.compare.variant import Variant
from vn.errors import InputError
from vn.score.sums import Measure

ABLATION = "ablation"
Levels = dict[str, str | None]  # variant -> its level; None: the factor does not apply to it


@dataclass(frozen=True)
class Effect:
    """What one level of a factor changes against the baseline's level, at equal levels of all other factors.

    Attributes:
        factor: a setting's dotted name, or several that always vary together.
        level: level of the factor.
        reference: the baseline's level.
        pairs: (variant at the level, variant at the reference).
        deltas: metric -> the mean difference over pairs and seeds.
    """

    factor: str
    level: str
    reference: str
    pairs: tuple[tuple[str, str], ...]
    deltas: Mapping[str, Delta]

    @property
    def name(self) -> str:
        """For readers: ``model.lora.rank: 8 instead of 32``."""
        return f"{self.factor}: {self.level} instead of {self.reference}"


def factors(variants: Sequence[Variant]) -> dict[str, Levels]:
    """What the variants of a study vary, and each variant's level of it."""
    settings = {v.name: dict(v.runs[0].setup) for v in variants}
    kind = {v.name: _ablation(v) for v in variants}
    columns: dict[str, Levels] = {ABLATION: dict(kind)}
    for key in dict.fromkeys(k for own in settings.values() for k in own):
        values = {name: own.get(key, "not set") for name, own in settings.items()}
        columns[key] = {name: None if _fixed(key, name, values, kind) else value for name, value in values.items()}
    varied = {key: levels for key, levels in columns.items() if len({*levels.values()} - {None}) > 1}
    kept: dict[str, Levels] = {}
    for key, levels in varied.items():
        twin = next((name for name, other in kept.items() if _follows(levels, other)), None)
        if twin is None:
            kept = {name: other for name, other in kept.items() if name == ABLATION or not _follows(other, levels)}
            kept[key] = levels
        elif twin != ABLATION and _follows(kept[twin], levels):
            kept = {f"{n} with {key}" if n == twin else n: own for n, own in kept.items()}
    return kept


def _ablation(variant: Variant) -> str:
    """The ablation, without the test settings that `Run.ablation` adds to it."""
    run = variant.runs[0]
    configured = str(run.config.get("ablation") or "full")
    return configured if run.ablation.startswith(f"{configured}, ") else run.ablation


def _fixed(key: str, variant: str, values: Mapping[str, str], kind: Mapping[str, str]) -> bool:
    """Whether a variant has its value of a setting from its ablation, so that no other variant could have it."""
    own = ablations().get(kind[variant])
    if own is None or key not in own.sets:
        return False
    inside = {value for name, value in values.items() if kind[name] == kind[variant]}
    outside = {value for name, value in values.items() if kind[name] != kind[variant]}
    return len(inside) == 1 and not inside & outside


def _follows(levels: Levels, other: Levels) -> bool:
    """Whether the level of `other` decides that of `levels`, for all variants that have both."""
    decided: dict[str, set[str]] = {}
    for name, level in levels.items():
        if level is not None and (given := other[name]) is not None:
            decided.setdefault(given, set()).add(level)
    return bool(decided) and all(len(found) == 1 for found in decided.values())


def main_effects(
    variants: Sequence[Variant], numbers: Mapping[str, Mapping[str, Number | str]], baseline: str
) -> tuple[Effect, ...]:
    """The main effects of a study; none unless two factors are crossed: else they are the variants' differences.

    Args:
        variants: variants of the study.
        numbers: variant -> metric -> the number, or why there is none.
        baseline: the variant whose levels are the reference.
    """
    # Settings of other systems are not factors of ours.
    ours = [v for v in variants if v.name in numbers and not v.runs[0].is_other_system]
    varied = factors(ours)
    if len(varied) < 2 or baseline not in [v.name for v in ours]:
        return ()
    found = []
    for factor, levels in varied.items():
        reference = levels[baseline]
        for level in sorted({*levels.values()} - {None, reference}, key=lambda x: _order(str(x))):
            if reference is not None and level is not None:
                found.append((factor, level, reference, _pairs(factor, level, reference, varied)))
    if max((len(pairs) for *_, pairs in found), default=0) < 2:
        return ()
    names = [f"{factor}\n{level}" for factor, level, _, _ in found]
    by_metric = {
        metric: judged(
            metric, {name: _effect(metric, each[3], numbers) for name, each in zip(names, found, strict=True)}
        )
        for metric in dict.fromkeys(m for own in numbers.values() for m in own)
    }
    return tuple(
        Effect(*each, {metric: judged_[name] for metric, judged_ in by_metric.items()})
        for name, each in zip(names, found, strict=True)
    )


def _order(level: str) -> tuple[int, float, str]:
    try:
        return 0, float(level), level
    except ValueError:
        return 1, 0.0, level


def _pairs(factor: str, level: str, reference: str, varied: Mapping[str, Levels]) -> tuple[tuple[str, str], ...]:
    own = varied[factor]
    others = [levels for name, levels in varied.items() if name != factor]

    def alike(first: str, second: str) -> bool:
        return all(a[first] == a[second] or None in (a[first], a[second]) for a in others)

    changed, kept = ([v for v, at in own.items() if at == wanted] for wanted in (level, reference))
    return tuple((a, b) for a, b in product(changed, kept) if alike(a, b))


def _effect(metric: str, pairs: Sequence[tuple[str, str]], numbers: Mapping[str, Mapping[str, Number | str]]) -> Delta:
    """The mean difference over pairs and seeds, each pair at each seed as one observation of the interval.

    Pairs that share a variant share its runs, so they are one observation: their mean.
    """
    both = [(pair, *own) for pair in pairs if (own := _both(metric, pair, numbers))]
    if not both:
        return Delta(why="no matched pair with this number" if pairs else "no matched pair")
    below = [measure for _, lower, _, _ in both for measure in lower]
    above = [measure for _, _, upper, _ in both for measure in upper]
    alike = shared_videos([*below, *above])
    if not alike:
        return Delta(why="no video in common")
    try:
        check_alike(alike)
    except InputError as error:
        return Delta(why=str(error))
    less, more = arm(alike[: len(below)]), arm(alike[len(below) :])
    group = _joined([pair for pair, *_ in both])
    place = [(group[pair], seed) for pair, _, _, seeds in both for seed in seeds]
    at = [[i for i, each in enumerate(place) if each == one] for one in dict.fromkeys(place)]
    values = np.array([(more.values - less.values)[rows].mean() for rows in at])
    parts = np.stack([(more.parts - less.parts)[rows].mean(axis=0) for rows in at])
    by_pair = tuple(
        float(np.mean([u.value - b.value for b, u in zip(lower, upper, strict=True)])) for _, lower, upper, _ in both
    )
    few, videos = len({seed for _, seed in place}), parts.shape[1]
    if len(values) < 2 or videos < 2:
        return Delta(float(values.mean()), seeds=by_pair, few=few, videos=videos)
    found = contrast([Arm(values, parts)], [1])
    return Delta(found.value, found.low, found.high, found.p_value, by_pair, few=few, videos=videos)


def _both(
    metric: str, pair: tuple[str, str], numbers: Mapping[str, Mapping[str, Number | str]]
) -> tuple[list[Measure], list[Measure], list[int]] | None:
    """The measures of a pair's reference and of its changed variant at the seeds that both have, and the seeds."""
    changed, kept = pair
    first, second = numbers[kept].get(metric), numbers[changed].get(metric)
    if unlike(first, second) or not isinstance(first, Number) or not isinstance(second, Number):
        return None
    if not first.measures or not second.measures:
        return None
    seeds = sorted(set(first.seeds) & set(second.seeds))
    lower, upper = ([n.measures[n.seeds.index(seed)] for seed in seeds] for n in (first, second))
    return lower, upper, seeds


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """A group number for each pair; pairs linked by shared variants, directly or indirectly, have the same one."""
    group = {variant: i for i, variant in enumerate(dict.fromkeys(v for pair in pairs for v in pair))}
    for first, second in pairs:
        old, new = group[first], group[second]
        group = {variant: new if own == old else own for variant, own in group.items()}
    return {pair: group[pair[0]] for pair in pairs}
