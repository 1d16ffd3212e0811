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
