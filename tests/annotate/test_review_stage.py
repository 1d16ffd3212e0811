"""What people saved takes the machine's place: whole, half, by two of them, by hand, and about something else."""

import copy
import json

import pytest
from reviewed_stories import (
    LABELS,
    SPANS,
    TEXTS,
    drafts_in,
    review_of,
    write_draft,
    write_review,
    write_stories,
)

from vn.annotate.draft import draft_of
from vn.annotate.results import Reviewed, ReviewedClip
from vn.annotate.review.stage import ReviewStage
from vn.annotate.stage_file import read_stage, stage_file
from vn.errors import Findings, InputError
from vn.story import ScriptLabel

STAGES = ("shots", "speech", "knowledge", "refine", "labels")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_stories(tmp_path_factory.mktemp("review"))


@pytest.fixture
def stories(made):
    yield made
    for file in (made / "review").glob("*"):
        file.unlink()


def before_of(stories, video="film-0"):
    return {stage: read_stage(stage_file(stories / "stages", stage, video)).made.result for stage in STAGES}


def make(stories, prefer=(), video="film-0", videos=None):
    """The stage's result for a video: clips, reviewers, counts, findings."""
    findings = Findings()
    stage = ReviewStage(stories / "review", prefer, videos)
    done = stage.make(drafts_in(stories)[video].video, before_of(stories, video), findings)
    found = Reviewed.of_json(json.loads(json.dumps(done.result)))
    return found, done.counts, findings.lines


def machine():
    return [ReviewedClip(*span, text, own) for span, text, own in zip(SPANS, TEXTS["en"], LABELS, strict=True)]


def test_without_a_review_nobody_looked(stories):
    found, counts, lines = make(stories)
    assert (found, counts, lines) == (Reviewed((), ()), {"clips not reviewed": 3}, [])


def test_an_accepted_video_is_as_the_machine_left_it(stories):
    write_review(stories, review_of(drafts_in(stories).values()))
    found, counts, lines = make(stories)
    assert list(found.clips) == machine()
    assert found.reviewers == ("Ann",)
    assert counts["clips reviewed"] == 3
    assert not any(counts[name] for name in counts if name != "clips reviewed")
    assert lines == []


def test_what_people_changed_counts_and_is_counted(stories):
    data = review_of(drafts_in(stories).values())
    one, two, three = data["videos"][0]["clips"]
    two["narration"] = "  It boils at\nonce. "
    three |= {"labels": ["Others", "产品功效"]}
    parts = [
        one | {"end": 1.0, "narration": "Cold tea"},
        one | {"start": 1.0, "narration": None, "labels": None, "state": "skipped"},
    ]
    data["videos"][0]["clips"] = [*parts, two, three]
    write_review(stories, data)
    found, counts, _ = make(stories)
    assert [clip.narration for clip in found.clips] == ["Cold tea", None, "It boils at once.", TEXTS["en"][2]]
    assert [(clip.start, clip.end) for clip in found.clips] == [(0, 1), (1, 2), SPANS[1], SPANS[2]]
    assert found.clips[3].labels == (ScriptLabel.OTHERS, ScriptLabel.EFFECT)
    assert counts == {
        "clips reviewed": 4,
        "clips left without narration": 1,
        "clips with other times": 2,
        "clips with another narration": 1,
        "clips with other labels": 1,
        "clips about which reviewers disagree": 0,
    }
    draft = draft_of(drafts_in(stories)["film-0"].video, before_of(stories) | {"review": found.to_json("en")})
    assert [clip.narration for clip in draft.story().clips] == ["Cold tea", None, "It boils at once.", TEXTS["en"][2]]


def test_half_filled_files_keep_the_machines_text_for_the_rest(stories):
    data = review_of(drafts_in(stories).values())
    data["videos"][0]["clips"][0]["narration"] = "Reviewed."
    data["videos"][0]["clips"][1] |= {"state": "open", "narration": "typed, but not accepted"}
    data["videos"][0]["clips"][2] |= {"state": "open"}
    for clip in data["videos"][1]["clips"]:
        clip["state"] = "open"
    write_review(stories, data)
    found, counts, lines = make(stories)
    assert [clip.narration for clip in found.clips] == ["Reviewed.", *TEXTS["en"][1:]]
    assert (counts["clips reviewed"], counts["clips not reviewed"]) == (1, 2)
    assert lines == ["film-0: 1 clip was changed but not accepted: it keeps the machine's text and labels"]
    assert make(stories, video="film-1")[0] == Reviewed((), ())


def test_what_was_typed_is_named_if_nobody_decided_about_the_video_or_another_one_did(stories):
    data = review_of(drafts_in(stories).values())
    for video in data["videos"]:
        for clip in video["clips"]:
            clip["state"] = "open"
    clips = data["videos"][0]["clips"]
    clips[0]["narration"] = "Typed."
    clips[1:] = [clips[1] | {"end": clips[2]["end"], "narration": "Merged."}]
    write_review(stories, data)
    found, _, lines = make(stories)
    assert found == Reviewed((), ())
    assert lines == ["film-0: 2 clips were changed but not accepted: they keep the machine's text and labels"]
    assert make(stories, video="film-1")[2] == []
    other = review_of(drafts_in(stories).values()) | {"reviewer": "Bob"}
    for clip in other["videos"][0]["clips"][1:]:
        clip["state"] = "open"
    write_review(stories, other, "batch-001.Bob.json")
    found, _, lines = make(stories)  # Bob decided about the first clip; Ann's merged ones are still open
    assert found.reviewers == ("Bob",)
    assert lines == ["film-0: 1 clip was changed but not accepted: it keeps the machine's text and labels"]


def test_the_latest_file_of_a_reviewer_counts(stories):
    data = review_of(drafts_in(stories).values())
    write_review(stories, data)
    later = copy.deepcopy(data) | {"saved": "2026-11-28T11:00:00Z"}
    later["videos"][0]["clips"][0]["narration"] = "Later."
    write_review(stories, later, "batch-001.Ann (1).json")
    found, _, lines = make(stories)
    assert found.clips[0].narration == "Later."
    assert len(lines) == 1
    assert lines[0].endswith("batch-001.Ann.json: is replaced by Ann's later review in batch-001.Ann (1).json")
    later["saved"] = data["saved"]
    write_review(stories, later, "batch-001.Ann (1).json")
    with pytest.raises(InputError, match="at the same time"):
        make(stories)


def test_two_reviewers_who_agree_or_complete_each_other(stories):
    first, second = (review_of(drafts_in(stories).values(), name) for name in ("Ann", "Bob"))
    first["videos"][0]["clips"][2]["state"] = "open"
    second["videos"][0]["clips"][2]["narration"] = "Bob's."
    second["videos"][0]["clips"][0]["state"] = "open"
    write_review(stories, first)
    write_review(stories, second)
    found, counts, _ = make(stories)
    assert found.reviewers == ("Ann", "Bob")
    assert [clip.narration for clip in found.clips] == [*TEXTS["en"][:2], "Bob's."]
    assert counts["clips about which reviewers disagree"] == 0


def test_two_reviewers_who_disagree(stories):
    first, second = (review_of(drafts_in(stories).values(), name) for name in ("Ann", "Bob"))
    second["videos"][0]["clips"][1]["narration"] = "Bob's."
    second["videos"][0]["clips"][2]["labels"] = ["Others"]
    write_review(stories, first)
    write_review(stories, second)
    with pytest.raises(InputError, match=r"Ann \(batch-001.Ann.json\) and Bob .* clip 2 \(and about 1 more\)"):
        make(stories)
    found, counts, _ = make(stories, ["Bob"])
    assert found.reviewers == ("Bob", "Ann")
    assert found.clips[1].narration == "Bob's."
    assert counts["clips about which reviewers disagree"] == 2
    assert make(stories, ["Ann"])[0].clips[1].narration == TEXTS["en"][1]
    with pytest.raises(InputError, match=r"--reviewer: 'Bobb' has saved no review \(did you mean 'Bob'\?\)"):
        make(stories, ["Bobb"])
    with pytest.raises(InputError, match=r"--reviewer: 'Zoe' has saved no review; there are those of Ann, Bob"):
        make(stories, ["Zoe"])


def test_a_reviewer_who_split_disagrees_with_one_who_did_not(stories):
    first, second = (review_of(drafts_in(stories).values(), name) for name in ("Ann", "Bob"))
    clip = second["videos"][0]["clips"][0]
    second["videos"][0]["clips"][:1] = [clip | {"end": 1.0}, clip | {"start": 1.0}]
    write_review(stories, first)
    write_review(stories, second)
    with pytest.raises(InputError, match="disagree about clip 1"):
        make(stories)
    assert len(make(stories, ["Bob"])[0].clips) == 4
    assert len(make(stories, ["Ann"])[0].clips) == 3


def test_a_review_of_another_draft_is_refused(stories):
    drafts = drafts_in(stories)
    file = write_review(stories, review_of(drafts.values()))
    raw = drafts["film-0"].video
    write_draft(stories, raw, texts=("Something else.", *TEXTS["en"][1:]))
    try:
        with pytest.raises(InputError, match="reviews another draft of this video than the present one") as caught:
            make(stories)
        assert str(caught.value).startswith(f"{file}: film-0: videos[0].content: ")
        assert make(stories, video="film-1")[0].reviewers == ("Ann",)
    finally:
        write_draft(stories, raw)


def test_a_file_of_another_batch_is_refused(stories):
    data = review_of(drafts_in(stories).values())
    file = write_review(stories, data)
    with pytest.raises(InputError, match="is of another batch: none of its videos") as caught:
        make(stories, videos=["a", "b"])
    assert str(caught.value).startswith(f"{file}: ")
    stage = ReviewStage(stories / "review", videos=["film-0", "b"])
    assert stage.findings.lines == [f"{file}: film-1: there is no such video"]
    assert make(stories, videos=["film-0", "b"])[2] == []  # no result of another video is about it


def test_a_clip_after_the_end_of_the_video_is_refused(stories):
    data = review_of(drafts_in(stories).values())
    data["videos"][0]["clips"][2]["end"] = 60
    file = write_review(stories, data)
    with pytest.raises(InputError) as caught:
        make(stories)
    assert str(caught.value) == f"{file}: film-0: videos[0].clips[2].end: ends at 60 s, but the video at 6.017 s"


BAD = {
    "format": (2, "is not a file that a review page saved"),
    "videos": ({}, "is not a file that a review page saved"),
    "reviewer": (" ", "reviewer: expected a text"),
    "saved": ("yesterday", "saved: expected a time as 2026-11-28T10:00:00Z, got 'yesterday'"),
    "batch": (7, "batch: expected a text"),
    "reviewed": ("Ann", "unknown field 'reviewed' (did you mean 'reviewer'?)"),
}
BAD_VIDEO = {
    "content": (None, "videos[0].content: expected a text"),
    "video": ("film-1", "videos[1].video: 'film-1' is also in videos[0]"),
    "clips": ([], "videos[0].clips: expected at least one clip"),
    "clip": ([], "videos[0]: unknown field 'clip' (did you mean 'clips'?)"),
}
BAD_CLIP = {
    "start": (1.5, "videos[0].clips[1].start: starts at 1.5 s, before clips[0] ends at 2 s"),
    "end": (2.0, "videos[0].clips[1].end: ends at 2 s, but starts at 2 s"),
    "narration": ("", "videos[0].clips[1].narration: expected a text"),
    "labels": (["Effects"], "videos[0].clips[1].labels: unknown script label 'Effects'"),
    "state": ("done", "videos[0].clips[1].state: expected 'open' or 'accepted' or 'skipped', got 'done'"),
    "label": ("Others", "videos[0].clips[1]: unknown field 'label' (did you mean 'labels'?)"),
}
MORE_CLIP = [
    ({"labels": ["Others", "Product Effect", "Sore Point", "Product Trial"]}, "labels: expected 1 to 3 labels, got 4"),
    ({"labels": "Others+Product Effect+Sore Point+Product Trial"}, "labels: expected 1 to 3 labels, got 4"),
    ({"labels": []}, "labels: expected a list of script labels, or null"),
    ({"start": float("nan")}, "start: expected seconds, got nan"),
    ({"start": "2"}, "start: expected seconds, got '2'"),
    ({"end": True}, "end: expected seconds, got True"),
    ({"narration": None}, "labels: expected null: a clip without a narration has no labels"),
    ({"state": "skipped"}, "narration: expected null: the clip was left without a narration"),
]
CASES = [
    *((("head", name), value, message) for name, (value, message) in BAD.items()),
    *((("video", name), value, message) for name, (value, message) in BAD_VIDEO.items()),
    *((("clip", name), value, message) for name, (value, message) in BAD_CLIP.items()),
    *((("clip", next(iter(new))), next(iter(new.values())), f"videos[0].clips[1].{why}") for new, why in MORE_CLIP),
]


@pytest.mark.parametrize(
    ("place", "value", "message"), CASES, ids=[f"{a}-{b}-{n}" for n, ((a, b), _, _) in enumerate(CASES)]
)
def test_a_file_that_was_edited_by_hand_names_every_fault(stories, place, value, message):
    data = review_of(drafts_in(stories).values())
    target = {"head": data, "video": data["videos"][0], "clip": data["videos"][0]["clips"][1]}[place[0]]
    target[place[1]] = value
    file = write_review(stories, data, "batch-001.json")
    with pytest.raises(InputError) as caught:
        ReviewStage(stories / "review")
    assert str(caught.value).startswith(f"{file}: {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_the_key_of_a_video_changes_with_its_own_reviews_alone(stories):
    drafts = drafts_in(stories)
    empty = ReviewStage(stories / "review")
    write_review(stories, review_of([drafts["film-0"]]))
    one = ReviewStage(stories / "review")
    assert one.key != empty.key
    assert one.key_for(drafts["film-0"].video) != empty.key_for(drafts["film-0"].video)
    assert one.key_for(drafts["film-1"].video) == empty.key_for(drafts["film-1"].video)
    assert ReviewStage(stories / "review", ["Ann"]).key_for(drafts["film-0"].video) != one.key_for(
        drafts["film-0"].video
    )
    assert ReviewStage(stories / "review").key_for(drafts["film-0"].video) == one.key_for(drafts["film-0"].video)
    assert one.report() == {"review files": 1}
