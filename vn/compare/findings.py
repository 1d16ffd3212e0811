"""What counts, in words and ranked: the same for the page, the files, the terminal and the W&B workspace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vn.compare.main_effects import Effect
from vn.compare.names import percent, shown
from vn.compare.number import Delta
from vn.compare.rules import NO_INTERVAL, TOO_FEW, ablations, baselines, rules
from vn.compare.study import Study
from vn.compare.variant import Variant

UNKNOWN = "Another system."
FIRST = 3  # metrics named per variant; the others are counted: "and 4 more"


class Finding(NamedTuple):
    """A difference that counts.

    Attributes:
        variant: its name, or an effect's.
        metric: its name.
        delta: the difference.
        better: whether the variant is the better one.
        size: the difference in units of the smallest one that counts; findings of all metrics are ranked by it.
        rank: 1 for the largest of a setting.
    """

    variant: str
    metric: str
    delta: Delta
    better: bool
    size: float
    rank: int

    @property
    def text(self) -> str:
        """For files: ``-12.3 CIDEr``."""
        return f"{percent(self.delta.value, True)} {shown(self.metric).title}"


@dataclass(frozen=True)
class Said:
    """What the page states about a variant, or about a main effect.

    Attributes:
        name: name of the variant or effect.
        about: what it leaves out or sets otherwise, in a sentence; empty if unknown.
        findings: what counts, largest first.
        beats: titles of metrics on which it beats the reference, each kind once.
        verdict: for readers, if nothing counts.
        reference: what it is compared with.
    """

    name: str
    about: str
    findings: tuple[Finding, ...]
    beats: tuple[str, ...]
    verdict: str
    reference: str

    @property
    def first(self) -> list[Finding]:
        """The findings to name: the largest, each kind of metric once."""
        return _kinds(self.findings)[:FIRST]

    @property
    def more(self) -> int:
        """How many others there are."""
        return len(self.findings) - len(self.first)

    @property
    def beaten(self) -> str:
        """That it beats the reference; empty if it does not."""
        return f"beats {self.reference} on {_listed(self.beats)}" if self.beats else ""


def ranked(each: Mapping[str, Mapping[str, Delta]]) -> list[Finding]:
    """All differences that count, of variant -> metric -> difference, largest first."""
    found = [
        (abs(d.value) / rules().smallest_of(metric), variant, metric, d)
        for variant, own in each.items()
        for metric, d in own.items()
        if d.counts and d.value is not None
    ]
    found.sort(key=lambda one: -one[0])  # stable: equal ones stay in the order of variants and metrics
    return [
        Finding(variant, metric, d, ((d.value or 0) > 0) == shown(metric).higher, size, rank)
        for rank, (size, variant, metric, d) in enumerate(found, 1)
    ]


def findings(study: Study, setting: str) -> list[Finding]:
    """The differences from the baseline that count, largest first."""
    return ranked(study.deltas[setting])


def what_counts(study: Study, setting: str) -> list[Said]:
    """Every variant except the baseline: the largest effects first, variants without one that counts last."""
    variants = {v.name: v for v in study.variants}
    own = study.deltas[setting]
    texts = {name: about(variants[name], study) for name in own}
    return _said(own, texts, dict.fromkeys(own, study.baseline.name))


def what_counts_of_effects(study: Study, setting: str) -> list[Said]:
    """The same for every main effect."""
    effects = study.effects[setting]
    texts = {e.name: _about_effect(e) for e in effects}
    return _said({e.name: e.deltas for e in effects}, texts, {e.name: e.reference for e in effects})


def _said(
    each: Mapping[str, Mapping[str, Delta]], texts: Mapping[str, str], references: Mapping[str, str]
) -> list[Said]:
    counted = ranked(each)
    order = list(dict.fromkeys([*(f.variant for f in counted), *each]))
    said = []
    for name in order:
        own = tuple(f for f in counted if f.variant == name)
        beats = tuple(shown(f.metric).title for f in _kinds([f for f in own if f.better]))
        verdict = "" if own else _verdict(each[name].values())
        said.append(Said(name, texts[name], own, beats, verdict, references[name]))
    return said


def _kinds(each: Iterable[Finding]) -> list[Finding]:
    """The first finding of each kind: one of the four BLEUs, one of a metric and its released computation."""
    kept: dict[str, Finding] = {}
    for finding in each:
        stem = finding.metric.removesuffix("_released")
        kept.setdefault("bleu" if stem.startswith("bleu_") else stem, finding)
    return list(kept.values())


def _listed(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _verdict(deltas: Collection[Delta]) -> str:
    """The verdict on a variant without a difference that counts."""
    each = [d for d in deltas if d.value is not None]
    if not each:
        return "nothing to compare"
    few = [d for d in each if d.verdict == TOO_FEW]
    if few and all(d.verdict in (TOO_FEW, NO_INTERVAL) for d in each):
        return f"{TOO_FEW}: {few[0].why}"
    return "nothing counts"


def about(variant: Variant, study: Study) -> str:
    """What a variant leaves out or is, in a sentence, and what it sets otherwise than the baseline."""
    both = (variant, study.baseline)
    if variant.baseline != study.baseline.baseline or any(not each.runs[0].config for each in both):
        if variant.is_other_system:  # nearly all of its settings are others
            return baselines().get(variant.baseline or "", UNKNOWN)
        alone = ablations().get(variant.ablation)
        return alone.sentence if alone else ""
    known = ablations().get(variant.ablation.split(", ")[0])
    own, base = dict(variant.runs[0].setup), dict(study.baseline.runs[0].setup)
    fixed = known.sets if known else ()
    changed = [k for k in own.keys() | base.keys() if own.get(k) != base.get(k) and k not in fixed]
    if known:  # what the baseline's own ablation fixes differs, too
        mine = ablations().get(study.baseline.ablation)
        changed = [k for k in changed if not mine or k not in mine.sets]
    texts = [known.sentence] if known else []
    if changed:
        what = ", ".join(_change(key, own.get(key), base.get(key)) for key in sorted(changed)[:FIRST])
        more = f" and {len(changed) - FIRST} more settings" if len(changed) > FIRST else ""
        texts.append(f"With {what}{more}.")
    return " ".join(texts)


def _change(key: str, own: str | None, base: str | None) -> str:
    if own is None:
        return f"{key} not set instead of {base}"
    return f"{key} {own}" if base is None else f"{key} {own} instead of {base}"


def _about_effect(effect: Effect) -> str:
    known = ablations().get(effect.level) if effect.factor == "ablation" else None
    count = len(effect.pairs)
    pairs = f"{count} matched pair{'' if count == 1 else 's'}"
    return f"{known.sentence} {pairs}." if known else f"{pairs}."
