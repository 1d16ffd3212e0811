"""What is compared: runs grouped into variants, their numbers, and their differences from one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vn.compare.common_videos import on_common_videos, stories_of
from vn.compare.deltas import deltas
from vn.compare.main_effects import Effect, main_effects
from vn.compare.measured import measure_all
from vn.compare.number import Delta, Number, ends
from vn.compare.orders import Orders
from vn.compare.runs import SETTINGS, LeftOut, Run
from vn.compare.variant import Variant
from vn.errors import InputError, did_you_mean
from vn.io.disk_cache import DiskCache
from vn.metrics.tokenisation import NAMES
from vn.score.measures import METRICS
from vn.score.paper import paper
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure, Measured, NotComputed
from vn.score.text_measures import TEXT, TEXT_RELEASED

LOWER_IS_BETTER = ("intra_repetition", "intra_repetition_released")
FULL = "full"
ORDER = (*paper().ablations, "memory_none", "text_only")


@dataclass(frozen=True)
class Study:
    """Everything that the page and the files show.

    Attributes:
        variants: the baseline first, then in the paper's order.
        settings: settings of the storyline that a run was tested in.
        numbers: setting -> variant -> metric -> the number, or why there is none.
        deltas: setting -> variant -> metric -> difference from the baseline.
        effects: setting -> main effects, if several factors are varied.
        left_out: runs that are not compared.
        notes: what a reader should know about the numbers.
        scope: which of the runs' videos are compared, in a sentence; empty: all.
        orders: what ``vn order`` has written into the run folders.
    """

    variants: tuple[Variant, ...]
    settings: tuple[str, ...]
    numbers: Mapping[str, Mapping[str, Mapping[str, Number | str]]]
    deltas: Mapping[str, Mapping[str, Mapping[str, Delta]]]
    effects: Mapping[str, tuple[Effect, ...]]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    scope: str = ""
    orders: Orders = field(default_factory=Orders)

    @property
    def baseline(self) -> Variant:
        """The variant that the others are compared with."""
        return self.variants[0]

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of all variants."""
        return tuple(run for variant in self.variants for run in variant.runs)

    def metrics(self, setting: str) -> list[str]:
        """The metrics that at least one variant has, in the scorecard's order."""
        found = {name for each in self.numbers[setting].values() for name, n in each.items() if isinstance(n, Number)}
        return sorted(found, key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name))


def study(
    runs: Sequence[Run],
    left_out: Sequence[LeftOut],
    score_settings: ScoreSettings,
    baseline: str | None = None,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda what: None,
    cache: DiskCache | None = None,
    common_videos: bool = False,
) -> Study:
    """Compare runs.

    Args:
        runs: from `vn.compare.runs.find_runs`.
        left_out: runs that cannot be read.
        score_settings: how to measure; its tokenisation None takes that of the runs' own scores.
        baseline: the variant that others are compared with; None for ``full``, else the first narrator of ours.
        seed: random seed of the bootstrap over videos, for intervals of a single run.
        on_step: called with what is done next.
        cache: keeps measures; None for no cache.
        common_videos: compare on the videos that all runs have, instead of leaving out runs tested on others.

    Raises:
        InputError: there is no such baseline, or no common video.
    """
    runs, scope = on_common_videos(runs) if common_videos else (runs, "")
    runs, other_tests = _same_test(runs)
    notes: list[str] = []
    other_words: list[LeftOut] = []
    if score_settings.tokenisation is None:
        runs, other_words, name = _same_tokenisation(runs)
        if name in NAMES:
            score_settings = replace(score_settings, tokenisation=name)
        elif name:
            notes.append(
                f"BLEU, METEOR and CIDEr use {name}, as in the runs' scores.json; "
                "--tokenisation llm-ids:FOLDER gives intervals and differences too"
            )
    variants, doubles = group(runs)
    variants = _baseline_first(variants, baseline)
    if baseline is None and variants[0].name != FULL and len(variants) > 1:
        notes.append(
            f"no run is the variant {FULL}: differences are from {variants[0].name}; --baseline chooses another"
        )
    settings = tuple(s for s in SETTINGS if any(s in run.tests for run in runs))
    on_step("measuring")
    tested = [(run, s) for variant in variants for run in variant.runs for s in settings if s in run.tests]
    tests = [(f"{run.name}, storyline {s}", run.tests[s]) for run, s in tested]
    measured = measure_all(tests, score_settings, cache or DiskCache(), on_step)
    taken = {
        (run.folder, s): _with_scores(run, s, each, score_settings, notes)
        for (run, s), each in zip(tested, measured, strict=True)
    }
    numbers: dict[str, dict[str, dict[str, Number | str]]] = {}
    for setting in settings:
        numbers[setting] = {}
        for variant in variants:
            own = [run for run in variant.runs if setting in run.tests]
            if own:
                each = [taken[run.folder, setting] for run in own]
                numbers[setting][variant.name] = _numbers(own, each, seed, variant.seedless)
    on_step("differences")
    found = {setting: deltas(numbers[setting], variants[0].name) for setting in settings}
    effects = {setting: main_effects(variants, numbers[setting], variants[0].name) for setting in settings}
    if fixed := [v.name for v in variants if v.seedless]:
        notes.append(f"nothing is trained or drawn in {', '.join(fixed)}: the one run is compared with every seed")
    gone = (*left_out, *other_tests, *other_words, *doubles)
    return Study(tuple(variants), settings, numbers, found, effects, gone, tuple(dict.fromkeys(notes)), scope)


# -- which runs belong together ---------------------------------------------------------------------------------------


def group(runs: Sequence[Run]) -> tuple[list[Variant], list[LeftOut]]:
    """Group runs by ablation and configuration, seeds aside; a seed that occurs twice is left out the second time.

    A variant is named by its ablation if that is unique, else by the runs' common name, else by its own settings.
    """
    groups: dict[tuple[str, Any], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.ablation, run.stem or run.setup), []).append(run)
    variants, doubles = [], []
    for (ablation, _), own in groups.items():
        rivals = [others for (name, _), others in groups.items() if name == ablation and others is not own]
        kept: list[Run] = []
        for run in sorted(own, key=lambda r: r.seed):
            twin = next((k for k in kept if k.seed == run.seed and set(k.tests) & set(run.tests)), None)
            if twin:
                reason = f"has the configuration and seed of {twin.name}, which is compared"
                doubles.append(LeftOut(run.name, "left out", reason))
            else:
                kept.append(run)
        variants.append(Variant(_variant_name(ablation, own, rivals), ablation, tuple(kept)))
    names = Counter(v.name for v in variants)
    variants = [replace(v, name=f"{v.name} ({v.runs[0].name})") if names[v.name] > 1 else v for v in variants]
    return sorted(variants, key=_place), doubles


def _variant_name(ablation: str, own: Sequence[Run], rivals: Sequence[Sequence[Run]]) -> str:
    if not rivals:
        return ablation
    if own[0].stem:
        return own[0].stem
    others = [dict(r[0].setup) for r in rivals]
    mine = {k: v for k, v in own[0].setup if any(o.get(k) != v for o in others)}
    return f"{ablation}, {', '.join(f'{k}={v}' for k, v in list(mine.items())[:3])}" if mine else ablation


def _place(variant: Variant) -> tuple[bool, int, bool, str]:
    """Narrators of ours in the paper's order, then other systems."""
    known = ORDER.index(variant.ablation) if variant.ablation in ORDER else len(ORDER)
    return variant.is_other_system, known, variant.name != variant.ablation, variant.name


def _baseline_first(variants: list[Variant], name: str | None) -> list[Variant]:
    names = [v.name for v in variants]
    if name is not None and name not in names:
        raise InputError(
            f"no variant {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}", field="--baseline"
        )
    first = name or (FULL if FULL in names else names[0])
    return sorted(variants, key=lambda v: v.name != first)  # stable: the others keep their order


def _same_test(runs: Sequence[Run]) -> tuple[list[Run], list[LeftOut]]:
    """The runs tested on the stories that most were tested on; in a tie, on those of the first full run."""
    tests = [stories_of(run) for run in runs]
    count = Counter(tests)
    first = next((t for run, t in zip(runs, tests, strict=True) if run.ablation == FULL), tests[0])
    chosen = max(count, key=lambda t: (count[t], t == first))
    model = runs[tests.index(chosen)].name
    kept, gone = [], []
    for run, test in zip(runs, tests, strict=True):
        if test == chosen or ("predicted" not in run.tests and test < chosen):  # a given storyline needs labels
            kept.append(run)
            continue
        shared = len({key for key, _ in test} & {key for key, _ in chosen})
        difference = f"{shared} of its {len(test)} videos are the same" if shared else f"{len(test)} other videos"
        gone.append(LeftOut(run.name, "left out", f"was tested on other stories than {model} ({difference})"))
    return kept, gone


def _same_tokenisation(runs: Sequence[Run]) -> tuple[list[Run], list[LeftOut], str | None]:
    names = [_tokenisation(run) for run in runs]
    count = Counter(name for name in names if name)
    if not count:
        return list(runs), [], None
    chosen = max(count, key=lambda n: count[n])
    kept, gone = [], []
    for run, name in zip(runs, names, strict=True):
        if name in (None, chosen):
            kept.append(run)
        else:
            reason = f"was scored on {name}, others on {chosen}: score it again, or give --tokenisation for all"
            gone.append(LeftOut(run.name, "left out", reason))
    return kept, gone, chosen


def _tokenisation(run: Run) -> str | None:
    for metrics in run.scores.values():
        for name in TEXT:
            entry = metrics.get(name)
            if isinstance(entry, dict) and entry.get("tokenisation"):
                return str(entry["tokenisation"])
    return None


# -- their numbers ----------------------------------------------------------------------------------------------------


def _with_scores(
    run: Run, setting: str, measured: Measured, score_settings: ScoreSettings, notes: list[str]
) -> dict[str, Any]:
    """The measures of a run's predictions, and from ``scores.json`` what cannot be measured here."""
    taken: dict[str, Any] = dict(measured)
    for name, entry in run.scores.get(setting, {}).items():
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), int | float):
            continue
        own = taken.get(name)
        if not isinstance(own, Measure):
            taken[name] = entry
            continue
        same_words = entry.get("tokenisation") == own.tokenisation
        if name in (*TEXT, *TEXT_RELEASED) and score_settings.tokenisation is None and not same_words:
            taken[name] = entry
        elif same_words and entry.get("variant") == own.variant and abs(entry["value"] - own.value) > 1e-6:
            notes.append(
                f"{run.name}: scores.json is not of these predictions and is ignored; run vn score {run.folder}"
            )
    return taken


def _numbers(
    runs: Sequence[Run], taken: Sequence[Mapping[str, Any]], seed: int, seedless: bool
) -> dict[str, Number | str]:
    found: dict[str, Number | str] = {}
    for name in dict.fromkeys(name for each in taken for name in each):
        each = [t.get(name) for t in taken]
        kept = [(run, m) for run, m in zip(runs, each, strict=True) if isinstance(m, Measure | dict)]
        if not kept:
            found[name] = next((m.why for m in each if isinstance(m, NotComputed)), "no run has it")
            continue
        measures = [m for _, m in kept if isinstance(m, Measure)]
        values = [m.value if isinstance(m, Measure) else float(m["value"]) for _, m in kept]
        if len(measures) < len(kept):
            measures = []
        low, high = (ends(measures, seed) if measures else None) or (None, None)
        found[name] = Number(
            tuple(values), tuple(r.seed for r, _ in kept), tuple(measures), low, high, _how(kept[0][1]), seedless
        )
    return found


def _how(each: Measure | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(each, Measure):
        return {"tokenisation": each.tokenisation, "variant": each.variant, "coverage": each.coverage}
    return {name: each.get(name) for name in ("tokenisation", "variant", "model", "coverage")}
