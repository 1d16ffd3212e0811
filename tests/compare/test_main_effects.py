"""A sweep of several factors: which variants are matched pairs, and that an effect is their mean difference."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from finished_runs import make_stories, write_run

from vn.compare.main_effects import factors, main_effects
from vn.compare.number import Number
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.metrics.bootstrap import mean
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure

SETS = {"no_lora": {"model.lora.rank": 0}, "no_memory": {"model.visual.memory": "all"}}
BASE = {"model.lora.rank": 8, "model.visual.memory": "merge", "model.base_model": "tiny"}


def variant(ablation="full", **changes):
    """A variant as `factors` looks at it; dots of a setting as double underscores."""
    config = {**BASE, **{k.replace("__", "."): v for k, v in changes.items()}, **SETS.get(ablation, {})}
    setup = tuple(sorted((k, str(v)) for k, v in config.items()))
    name = f"{ablation} {sorted(changes.items())}"
    run = SimpleNamespace(setup=setup, ablation=ablation, config={"ablation": ablation}, is_other_system=False)
    return SimpleNamespace(name=name, ablation=ablation, runs=(run,))


def number(gap, seeds=3, videos=24, noise=0.0, start=0):
    random = np.random.default_rng(int(1000 * gap) % 97)
    shared = np.random.default_rng(0).normal(1, 0.3, videos)
    scores = shared + gap + noise * random.normal(size=(seeds, 1)) + 0.01 * random.normal(size=(seeds, videos))
    names = tuple(f"v{i:02d}" for i in range(videos))
    measures = [Measure(names, np.column_stack([s, np.ones(videos)]), mean, "ptb", "cider-d", {}) for s in scores]
    how = {"tokenisation": "ptb", "variant": "cider-d"}
    values = tuple(m.value for m in measures)
    return Number(values, tuple(range(start, start + seeds)), tuple(measures), None, None, how)


def grid(**factors_of):
    return [variant(**dict(zip(factors_of, values, strict=True))) for values in product(*factors_of.values())]


def test_factors_are_the_settings_that_vary_and_what_an_ablation_fixes_is_part_of_it():
    found = factors(grid(ablation=("full", "no_memory"), model__base_model=("tiny", "big"), model__lora__rank=(8, 32)))
    assert list(found) == ["ablation", "model.base_model", "model.lora.rank"]
    assert set(found["ablation"].values()) == {"full", "no_memory"}


def test_a_rank_means_nothing_without_lora_so_that_variant_is_paired_with_every_rank():
    variants = [variant(model__lora__rank=r) for r in (8, 32)] + [variant("no_lora"), variant("no_memory")]
    found = factors(variants)
    assert list(found) == ["ablation", "model.lora.rank"]
    assert found["model.lora.rank"][variants[2].name] is None
    numbers = {v.name: {"cider": number(0.1 * i)} for i, v in enumerate(variants)}
    effects = {e.level: e for e in main_effects(variants, numbers, variants[0].name)}
    assert effects["no_lora"].pairs == tuple((variants[2].name, v.name) for v in variants[:2])
    assert effects["no_memory"].pairs == ((variants[3].name, variants[0].name),)  # at rank 8 alone


def test_pairs_that_share_a_variants_runs_are_one_observation():
    variants = [variant(model__lora__rank=r) for r in (8, 16, 32)] + [variant("no_lora")]
    noisy = {v.name: {"cider": number(gap)} for v, gap in zip(variants, (0.0, 0.001, 0.002, -0.4), strict=True)}
    noisy[variants[3].name] = {"cider": number(-0.4, noise=0.1)}
    effect = next(e for e in main_effects(variants, noisy, variants[0].name) if e.level == "no_lora")
    values = [np.array(noisy[v.name]["cider"].values) for v in variants]
    gaps = values[3] - np.mean(values[:3], axis=0)
    d = effect.deltas["cider"]
    assert d.value == pytest.approx(gaps.mean())
    assert len(d.seeds) == 3
    error = gaps.std(ddof=1) / 3**0.5
    assert d.high - d.low == pytest.approx(2 * 4.303 * error, rel=0.02)  # two degrees of freedom, not eight


def test_settings_that_go_with_one_another_are_one_factor():
    pair = ({"model__base_model": "tiny", "model__dtype": "a"}, {"model__base_model": "big", "model__dtype": "b"})
    found = factors([variant(**both, model__lora__rank=rank) for both in pair for rank in (8, 32)])
    assert sorted(found) == ["model.base_model with model.dtype", "model.lora.rank"]


def test_an_ablation_study_of_one_factor_and_one_change_at_a_time_have_no_main_effects():
    for variants in (
        [variant(a) for a in ("full", "no_lora", "no_memory")],
        [variant(), variant(model__lora__rank=32), variant(model__base_model="big")],
    ):
        numbers = {v.name: {"cider": number(0.1 * i)} for i, v in enumerate(variants)}
        assert main_effects(variants, numbers, variants[0].name) == ()


@pytest.fixture
def crossed():
    variants = grid(ablation=("full", "no_memory"), model__lora__rank=(8, 32))
    gaps = {("full", 8): 0.0, ("full", 32): 0.02, ("no_memory", 8): -0.5, ("no_memory", 32): -0.52}
    numbers = {v.name: {"cider": number(g, noise=0.02)} for v, g in zip(variants, gaps.values(), strict=True)}
    return variants, numbers


def test_an_effect_is_the_mean_difference_over_matched_pairs_at_equal_seeds(crossed):
    variants, numbers = crossed
    found = {e.factor: e for e in main_effects(variants, numbers, variants[0].name)}
    effect = found["ablation"]
    assert effect.pairs == ((variants[2].name, variants[0].name), (variants[3].name, variants[1].name))
    values = [np.array(numbers[v.name]["cider"].values) for v in variants]
    gaps = [(values[2] - values[0]).mean(), (values[3] - values[1]).mean()]
    d = effect.deltas["cider"]
    assert d.value == pytest.approx(np.mean(gaps))
    assert d.seeds == pytest.approx(tuple(gaps))
    assert d.low < d.value < d.high < 0
    assert d.counts
    assert not found["model.lora.rank"].deltas["cider"].counts
    assert found["model.lora.rank"].level == "32"


def test_pairs_of_no_seed_in_common_are_left_out_and_few_seeds_say_too_little(crossed):
    variants, numbers = crossed
    numbers[variants[3].name] = {"cider": number(-0.3, start=7)}
    found = {e.factor: e for e in main_effects(variants, numbers, variants[0].name)}
    d = found["ablation"].deltas["cider"]
    assert d.seeds == pytest.approx((d.value,))  # the other pair alone
    few = {v.name: {"cider": number(0.1 * i, seeds=2)} for i, v in enumerate(variants)}
    d = main_effects(variants, few, variants[0].name)[0].deltas["cider"]
    assert d.verdict == "too few to say"
    numbers[variants[2].name] = numbers[variants[3].name] = {"cider": "not computed"}
    d = main_effects(variants, numbers, variants[0].name)[0].deltas["cider"]
    assert (d.value, d.why) == (None, "no matched pair with this number")


def test_a_control_of_a_run_is_a_level_of_the_ablation(tmp_path):
    stories = make_stories(3)
    for rank in (8, 32):
        run = write_run(tmp_path / f"full-{rank}-seed0", stories, model__lora__rank=rank)
        write_run(run / "other_frames", stories, wrong=0.9)
        (run / "other_frames" / "config.yaml").unlink()
    found = study(*find_runs([tmp_path]), ScoreSettings())
    levels = factors(found.variants)
    assert set(levels["ablation"].values()) == {"full", "other_frames"}
    assert set(levels["model.lora.rank"].values()) == {"8", "32"}
