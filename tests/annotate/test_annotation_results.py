"""Results of stages: their JSON comes back as it was, and what a person broke is named by its field."""

from __future__ import annotations

import json

import pytest
from annotated import BY_STAGE, shots
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.results import RESULTS, Labelled, Shots
from vn.annotate.stage import STAGES
from vn.errors import InputError
from vn.story import ScriptLabel

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def test_every_stage_has_a_result():
    assert tuple(RESULTS) == STAGES == tuple(BY_STAGE)


@given(st.sampled_from(STAGES), st.data())
def test_json_comes_back_as_it_was(stage, data):
    result = data.draw(BY_STAGE[stage])
    text = json.dumps(result.to_json(), allow_nan=False)
    assert RESULTS[stage].of_json(json.loads(text), "a.json") == result


@given(st.sampled_from(("labels", "review")), st.data())
def test_labels_have_the_names_of_the_language(stage, data):
    result = data.draw(BY_STAGE[stage])
    text = json.dumps(result.to_json("zh"), ensure_ascii=False)
    assert not any(f'"{label.en}"' in text for label in ScriptLabel)
    assert RESULTS[stage].of_json(json.loads(text)) == result


@given(st.sampled_from(STAGES), ANYTHING, st.data())
def test_anything_is_read_or_refused_in_a_sentence_with_the_file(stage, junk, data):
    value = data.draw(BY_STAGE[stage]).to_json()
    name = data.draw(st.sampled_from(sorted(value)))
    for broken in (junk, {**value, name: junk}):
        refused = []
        try:
            RESULTS[stage].of_json(broken, "a.json")
        except InputError as error:
            refused.append(str(error))
        assert all(line.startswith("a.json: ") and "\n" not in line for line in refused)


@pytest.mark.parametrize(
    ("stage", "result", "field"),
    [
        ("shots", {"duration": 4, "clips": [[0, 2], [3, 4]], "fingerprint": []}, "clips[1]: starts at 3 s, but clip 0"),
        ("shots", {"duration": 4, "clips": [[2, 2]], "fingerprint": []}, "clips[0].end: ends at 2 s"),
        ("shots", {"duration": 4, "clips": [], "fingerprint": []}, "clips: expected at least one"),
        ("speech", {"kind": "music", "language": None, "texts": [], "words": []}, "kind: expected 'speech' or"),
        ("speech", {"kind": "speech", "language": "en", "texts": ["a"], "words": [["a", 0, 1, 1]]}, "no clip 1"),
        ("knowledge", {"title": " ", "knowledge": []}, "title: "),
        ("refine", {"texts": ["a"], "refused": [1]}, "refused[0]: there is no clip 1; the last is 0"),
        (
            "labels",
            {"labels": [None, "Sore Point+Others+Product Trial+Product Effect"]},
            "labels[1]: expected 1 to 3 labels",
        ),
        ("labels", {"labels": [["Sore Pint"]]}, "labels[0]: unknown script label 'Sore Pint' (did you mean"),
        ("labels", {"labels": [[]]}, "labels[0]: expected a list of script labels, or null"),
        ("review", {"clips": [], "reviewers": ["ann"]}, "clips: expected the clips that the reviewers left"),
        ("review", {"clips": [{"start": 0, "end": 2}, {"start": 1, "end": 3}], "reviewers": []}, "clips[1].start"),
    ],
)
def test_what_is_wrong_is_named(stage, result, field):
    with pytest.raises(InputError) as raised:
        RESULTS[stage].of_json(result, "a.json")
    assert field in str(raised.value)


@given(shots())
def test_a_label_may_be_written_as_one_text(found):
    assert isinstance(found, Shots)
    assert Labelled.of_json({"labels": ["Sore Point+Others", None]}).labels == (
        (ScriptLabel.SORE_POINT, ScriptLabel.OTHERS),
        None,
    )
