"""When a difference counts, and that the description of each ablation matches its overlay."""

from pathlib import Path

import pytest
import yaml

from vn.compare.rules import COUNTS, NO_INTERVAL, NOT, TOO_FEW, ablations, rules
from vn.score.run_config import _flat
from vn.score.measures import METRICS

OVERLAYS = Path(__file__).parents[2] / "experiments" / "ablations"


@pytest.mark.parametrize(
    ("metric", "smallest"),
    [
        *(("cider", 5), ("cider_released", 5), ("bleu_1", 0.5), ("bleu_4", 0.5), ("bleu_4_released", 0.5)),
        *(("meteor", 0.5), ("meteor_released", 0.5), ("emscore", 0.5), ("emscore_ref_released", 0.5)),
        *(("info_sim", 0.5), ("info_sim_released", 0.5), ("info_diverse", 1), ("word_length_accuracy", 1)),
        *(("facts", 1), ("facts_earlier_picture", 1), ("script_label_accuracy", 1), ("a_new_one", 1)),
    ],
)
def test_the_smallest_difference_of_each_metric_x100(metric, smallest):
    assert 100 * rules().smallest_of(metric) == pytest.approx(smallest)


def test_every_metric_has_a_smallest_difference_far_above_rounding():
    assert all(rules().smallest_of(metric) >= 0.005 for metric in METRICS)
    assert (rules().videos, rules().seeds) == (20, 3)


@pytest.mark.parametrize(
    ("change", "verdict", "why"),
    [
        ({}, COUNTS, ""),
        ({"seeds": 2}, TOO_FEW, "2 seeds and 20 videos; 3 seeds per variant and 20 videos are needed"),
        ({"videos": 19}, TOO_FEW, "3 seeds and 19 videos; 3 seeds per variant and 20 videos are needed"),
        ({"seeds": 1, "videos": 4, "ends": None, "p_value": None}, TOO_FEW, "1 seed and 4 videos; 3 seeds"),
        ({"ends": None, "p_value": None}, NO_INTERVAL, "no interval"),
        ({"value": 0.0499}, NOT, "smaller than 5, the smallest difference that counts"),
        ({"value": 5e-14, "ends": (4e-14, 6e-14), "p_value": 1e-9}, NOT, "smaller than 5"),
        ({"ends": (-0.01, 0.2)}, NOT, "the interval contains 0"),
        ({"p_value": 0.05}, NOT, "p = 0.050 after Holm's correction over 4 differences"),
    ],
)
def test_a_difference_counts_where_all_conditions_hold(change, verdict, why):
    given = {"value": 0.05, "ends": (0.01, 0.09), "p_value": 0.04, "seeds": 3, "videos": 20, "compared": 4} | change
    found = rules().verdict("cider", **given)
    assert found[0] == verdict
    assert why in found[1]
    assert bool(found[1]) == (verdict != COUNTS)


def test_the_rule_for_readers_names_all_sizes():
    for part in ("20 videos", "3 seeds", "CIDEr 5", "BLEU 0.5", "METEOR 0.5", "EMScore 0.5", "InfoSim 0.5", "others 1"):
        assert part in rules().sentence


def test_each_ablation_has_a_sentence_and_the_settings_of_its_overlay():
    overlays = {file.stem: yaml.safe_load(file.read_text()) for file in OVERLAYS.glob("*.yaml")}
    assert ablations().keys() == overlays.keys()
    for name, overlay in overlays.items():
        changed = {key for key, _ in _flat(overlay) if key.startswith("model.")}
        assert set(ablations()[name].sets) == changed, name
        assert ablations()[name].sentence.endswith(".")
