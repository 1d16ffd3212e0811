"""The story as far as it is: of whatever stages there are results, the latest text counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from annotated import BY_STAGE, MAYBE, heard, refined, shots
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.draft import draft_of
from vn.annotate.drafts import read_drafts
from vn.annotate.results import Labelled
from vn.annotate.stage import Mark, RawVideo
from vn.errors import Findings, InputError
from vn.story_reader import parse_story

VIDEO = RawVideo("kettle", Path("kettle.mp4"), "0" * 64, "en")
TWO = {"duration": 4, "clips": [[0, 2], [2, 4]], "fingerprint": []}


@given(st.data())
def test_the_latest_text_of_each_clip_counts(data):
    found = data.draw(shots())
    said = data.draw(heard(found.clips))
    fixed = data.draw(st.none() | refined(len(found.clips)))
    labels = data.draw(st.lists(MAYBE, min_size=len(found.clips), max_size=len(found.clips)))
    before = {"shots": found, "speech": said, "labels": Labelled(tuple(labels))} | ({"refine": fixed} if fixed else {})
    draft = draft_of(VIDEO, {name: each.to_json() for name, each in before.items()})
    assert tuple((clip.start, clip.end) for clip in draft.clips) == found.clips
    assert [clip.recognised or "" for clip in draft.clips] == list(said.texts)
    assert [clip.narration or "" for clip in draft.clips] == list((fixed or said).texts)
    assert [clip.labels for clip in draft.clips] == labels


@given(st.data())
def test_every_draft_is_a_story_that_can_be_read(data):
    before = {"shots": data.draw(shots())} | {
        stage: data.draw(BY_STAGE[stage]) for stage in ("knowledge", "review") if data.draw(st.booleans())
    }
    story = draft_of(VIDEO, {name: each.to_json() for name, each in before.items()}).story()
    read = parse_story(story.to_dict(), findings=Findings())
    assert read.id == story.id
    assert [(c.start, c.end, c.labels) for c in read.clips] == [(c.start, c.end, c.labels) for c in story.clips]


def test_marks_go_to_their_clips_until_somebody_has_looked():
    marks = {"refine": [Mark("far", "far", 1)], "speech": [Mark("two languages", "language")]}
    draft = draft_of(VIDEO, {"shots": TWO}, marks)
    assert draft.marked == (1,)
    assert [mark.kind for mark in draft.marks] == ["language"]
    clips = [{"start": 0, "end": 4, "narration": "one", "labels": None}]
    reviewed = {"clips": clips, "reviewers": ["ann"]}
    after = draft_of(VIDEO, {"shots": TWO, "review": reviewed}, marks)
    assert after.marked == ()
    assert after.reviewers == ("ann",)
    assert [clip.narration for clip in after.clips] == ["one"]


@pytest.mark.parametrize(("language", "text"), [("en", "cold tea"), ("zh", "coldtea")])
def test_words_go_to_the_reviewed_clip_that_holds_their_middle(language, text):
    video = RawVideo("kettle", Path("kettle.mp4"), "0" * 64, language)
    words = [["cold", 0.5, 1.0, 0], ["tea", 1.8, 2.1, 0], ["again", 2.5, 3.0, 1]]
    speech = {"kind": "speech", "language": language, "texts": ["cold tea", "again"], "words": words}
    reviewed = {"clips": [{"start": 0, "end": 2.05}, {"start": 2.05, "end": 4}], "reviewers": ["ann"]}
    draft = draft_of(video, {"shots": TWO, "speech": speech, "review": reviewed})
    assert [clip.recognised for clip in draft.clips] == [text, "again"]


def test_results_of_other_clips_are_refused():
    speech = {"kind": "silent", "language": None, "texts": [""], "words": []}
    with pytest.raises(InputError, match=r"kettle: the result of speech is .* 1 clips, but there are 2.*--from speech"):
        draft_of(VIDEO, {"shots": TWO, "speech": speech})
    with pytest.raises(InputError, match="kettle: has no shots yet"):
        draft_of(VIDEO, {})


def test_no_id_in_a_report_leads_out_of_the_folder(tmp_path):
    video = {"file": "v.mp4", "sha256": "0", "language": "en", "title": None, "product_id": None, "same_as": None}
    (tmp_path / "stages").mkdir()
    report = {"format": 1, "stages": ["shots"], "videos": {"../../x": video}}
    (tmp_path / "stages" / "annotate.json").write_text(json.dumps(report))
    with pytest.raises(InputError, match=r"annotate\.json: videos\.\.\./\.\./x: an id has letters"):
        read_drafts(tmp_path)
