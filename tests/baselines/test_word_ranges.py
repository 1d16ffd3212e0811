"""The word ranges of baselines are those of the shipped experiments."""

from pathlib import Path

import pytest
import yaml

from vn.baselines.word_ranges import usual_rule
from vn.story import Clip, WordRangeRule

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLIPS = [Clip(0, seconds, None, "Eight words " * words) for seconds in (1, 4, 9.5) for words in (1, 4, 20)]


@pytest.mark.parametrize(
    ("experiment", "corpus", "language"),
    [
        ("demo", "demo", "en"),
        ("demo_zh", "demo", "zh"),
        ("esyncvidstory_baichuan7b", "e-syncvidstory", "zh"),
        ("video_storytelling_llama2_7b", "video-storytelling", "en"),
        ("own", None, "en"),
        ("own", None, "zh"),
    ],
)
def test_they_are_the_same(experiment, corpus, language):
    data = yaml.safe_load((EXPERIMENTS / f"{experiment}.yaml").read_text())
    rule = WordRangeRule(**data["model"]["word_range"])
    ours = usual_rule(corpus, language)
    assert [ours.range_of(clip, language) for clip in CLIPS] == [rule.range_of(clip, language) for clip in CLIPS]
