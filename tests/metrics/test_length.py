import json

import pytest

from vn.errors import InputError
from vn.metrics.length import word_length_accuracy
from vn.story import WordRange


def test_both_ends_are_included_and_words_are_the_languages():
    ranges = [WordRange(2, 4)] * 4
    assert word_length_accuracy(["a b", "a b c d", "a", "a b c d e"], ranges, "en") == 0.5
    assert word_length_accuracy(["好看", "好看耐用", "好", "好看又耐用"], ranges, "zh") == 0.5


def test_empty_and_missing_count_as_out_of_range():
    assert word_length_accuracy(["", "a"], [WordRange(0, 3), None], "en") == 0.0


@pytest.mark.parametrize(("narrations", "ranges"), [([], []), (["a"], [])])
def test_refuses_what_does_not_pair_up(narrations, ranges):
    with pytest.raises(InputError, match="word ranges"):
        word_length_accuracy(narrations, ranges, "en")


def test_few_real_narrations_fit_their_duration(real_data):
    """82 of the 271 real narrations do (docs/method.md#word-ranges); all fit a range around their own length."""
    videos = json.loads((real_data / "esyncvidstory_sample.json").read_text(encoding="utf-8")).values()
    clips = [clip for video in videos for clip in video["frames"] if clip.get("new_text")]
    narrations = [clip["new_text"] for clip in clips]
    by_time = [WordRange.of_duration(clip["time"][1] - clip["time"][0], rate=5, margin=3) for clip in clips]
    assert word_length_accuracy(narrations, by_time, "zh") == 82 / 271
    by_reference = [WordRange.of_reference(narration, "zh", 3) for narration in narrations]
    assert word_length_accuracy(narrations, by_reference, "zh") == 1.0
