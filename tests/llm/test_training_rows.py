"""The rows of a story, which are laid together, compared with each row alone; and rows as bytes."""

from dataclasses import replace

import numpy as np
import pytest
from toy_narrator import SECONDS, STORY, D

from vn.errors import InputError
from vn.llm.row_bytes import rows_from_bytes, rows_to_bytes
from vn.llm.rows import RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.story import Clip
from vn.template import Template
from vn.visual.plan import VisualSettings

WHOLE = VisualSettings(compression=False, memory="none", position=False, scope="video", frames=5)


@pytest.fixture(scope="session")
def tokenizer(tiny_base):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_base)


@pytest.fixture
def builder(card, tokenizer):
    def build(template="ad-en", turns=None, **changes):
        tokens = SegmentTokenizer(tokenizer, turns=turns)
        mean, std = np.full(D, 0.5, np.float32), np.full(D, 2.0, np.float32)
        return RowBuilder(tokens, Template.load(template), replace(card, **changes), mean, std)

    return build


def alone(builder, frames, clips):
    return [builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, clip), clip) for clip in clips]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert replace(one, plan=None) == replace(other, plan=None)
        assert one.plan.memory == other.plan.memory
        assert one.plan.weights.dtype == other.plan.weights.dtype
        np.testing.assert_array_equal(one.plan.weights, other.plan.weights)


CASES = [
    {},
    {"storyline": False},
    {"visual": VisualSettings(memory="all"), "max_length": 700},
    {"visual": VisualSettings(memory="all", scene=False)},
    {"visual": VisualSettings(memory="none", scene=False)},
    {"visual": WHOLE},
    {"visual": WHOLE, "template": "vtimellm-en"},
    {"template": "vtimellm-en", "turns": {"user": [7, 8], "assistant": [9]}},
    {"visual": WHOLE, "template": "vtimellm-en", "turns": {"user": [7, 8], "assistant": [9]}},
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("clips", [[0, 2, 3], [2], [0, 3]])
def test_rows_laid_together_are_the_rows_alone(builder, frames, case, clips):
    together, single = builder(**case), builder(**case)
    found = together.training_rows(STORY, together.plans(STORY, frames, SECONDS), clips)
    expected = alone(single, frames, clips)
    assert_same(found, expected)
    assert sum(len(row.supervised) for row in found) == sum(single.supervised_tokens(STORY, clip) for clip in clips)
    assert_same(rows_from_bytes(rows_to_bytes(found), STORY.id), expected)


def test_rows_that_are_cut_are_fitted_alone(builder, frames):
    length = max(len(row.ids) for row in alone(builder(), frames, [0, 2, 3]))
    for shorter in range(1, 60, 7):
        made = builder(max_length=length - shorter)
        found = made.training_rows(STORY, made.plans(STORY, frames, SECONDS), [0, 2, 3])
        assert_same(found, alone(made, frames, [0, 2, 3]))
        assert_same(rows_from_bytes(rows_to_bytes(found), STORY.id), found)
        assert any(row.cut for row in found)


def test_a_clip_that_does_not_fit_and_a_missing_label_are_the_same_errors(builder, frames):
    short = builder(max_length=20)
    with pytest.raises(InputError, match="clip 0 alone takes"):
        short.training_rows(STORY, short.plans(STORY, frames, SECONDS), [0, 2])
    unlabelled = replace(STORY, clips=(*STORY.clips[:2], Clip(5, 8, None, "Red."), STORY.clips[3]))
    made = builder()
    with pytest.raises(InputError, match=r"clips\[2\].labels: no script label"):
        made.training_rows(unlabelled, made.plans(unlabelled, frames, SECONDS), [3])
    assert len(made.training_rows(unlabelled, made.plans(unlabelled, frames, SECONDS), [0])) == 1


def test_texts_tokenised_at_once_have_the_ids_of_texts_tokenised_alone(tokenizer):
    texts = ["Clip 3/4\n", "Red kettle.", "", "\n", "水壶 boils", "Red kettle.", " tea", "<s>"]
    at_once, single = SegmentTokenizer(tokenizer), SegmentTokenizer(tokenizer)
    at_once.know(texts)
    assert set(at_once._known) == set(texts) - {"", "\n"}
    assert [at_once.encode(text) for text in texts] == [single.encode(text) for text in texts]


def test_ids_beyond_16_bits_and_a_trunk_that_shares_nothing(builder, frames):
    rows = alone(builder(), frames, [0, 2])
    rows = [replace(row, ids=[i + 70_000 * n for i in row.ids]) for n, row in enumerate(rows)]
    assert_same(rows_from_bytes(rows_to_bytes(rows), STORY.id), rows)


@pytest.mark.parametrize("case", CASES)
def test_texts_of_several_stories_have_the_ids_of_each_alone(builder, case):
    together, single = builder(**case), builder(**case)
    single.tokens.know = lambda texts: None  # each text in a call of its own
    other = replace(
        STORY, clips=tuple(replace(c, narration=c.narration and f"{c.narration} Two\n ways.") for c in STORY.clips)
    )
    silent = replace(STORY, clips=tuple(replace(c, narration=None) for c in STORY.clips))
    found = together.written_ids([STORY, silent, other])
    assert found == [ids for story in (STORY, other) for ids in single.written_ids([story])]
    assert len(found) == 2 * len(STORY.narrated)
    texts = [together.tokens.narration(ids) for ids in found]
    assert all(
        " ".join(STORY.clips[n].narration.split()) in text for n, text in zip(STORY.narrated, texts, strict=False)
    )
    assert together.written_ids([]) == []
