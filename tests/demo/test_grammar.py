"""Templates: what they stand for, and that drawn sentences keep to the facts and the word count."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.demo.grammar import expand, fill, grammar
from vn.story import WordRange


@pytest.mark.parametrize(
    ("template", "sentences"),
    [
        ("plain", ["plain"]),
        ("(a|b) c", ["a c", "b c"]),
        ("a[ b]", ["a b", "a"]),
        ("a[ (b|c)[ d]]", ["a b d", "a b", "a c d", "a c", "a"]),
        ("[x:] {slot}", ["x: {slot}", "{slot}"]),
        ("a|b", ["a|b"]),  # a choice needs brackets
    ],
)
def test_a_template_stands_for_these_sentences(template, sentences):
    assert list(expand(template)) == sentences


@pytest.mark.parametrize("template", ["(a|b", "a)", "[a", "a]", "(a]", "[a)", "((a)"])
def test_wrong_brackets_are_refused(template):
    with pytest.raises(ValueError, match=r"missing|unexpected"):
        expand(template)


def test_filling_fits_articles_and_capitals():
    assert fill("a {thing} and a {other}", {"thing": "umbrella", "other": "mug"}) == "An umbrella and a mug"


def test_a_sentence_states_all_facts_given_and_no_other():
    words = grammar("en", "Buy {thing}[ with {offer}].", "Take {thing}.")
    for seed in range(20):
        rng = random.Random(seed)
        assert "{" not in words.sentence(rng, {"thing": "it"}, WordRange(1, 9))
        assert words.sentence(rng, {"thing": "it", "offer": "half price"}, WordRange(1, 9)) == "Buy it with half price."


def test_no_template_that_fits_is_an_error():
    with pytest.raises(LookupError, match="2 to 2 words"):
        grammar("en", "one {slot} three").sentence(random.Random(0), {"slot": "two"}, WordRange(2, 2))


@given(st.integers(0, 99), st.integers(1, 6), st.lists(st.sampled_from(["x", "y z", "u v w"]), min_size=2, max_size=2))
def test_sentences_have_as_many_words_as_asked(seed, low, values):
    words = grammar("en", "{a}[ one[ two[ three]]][ four] {b}", "(five|six seven eight) {b}, {a}")
    facts = dict(zip("ab", values, strict=True))
    wanted = WordRange(low, low + 1)
    try:
        sentence = words.sentence(random.Random(seed), facts, wanted)
    except LookupError:
        counts = {len(fill(s, facts).split()) for t in words.templates for s in expand(t)}
        assert not any(count in wanted for count in counts)
    else:
        assert len(sentence.split()) in wanted


def test_chinese_counts_characters():
    words = grammar("zh", "{colour}色的包[，很好看]。")
    assert words.sentence(random.Random(0), {"colour": "红"}, WordRange(5, 5)) == "红色的包。"
    assert words.sentence(random.Random(0), {"colour": "红"}, WordRange(7, 12)) == "红色的包，很好看。"
