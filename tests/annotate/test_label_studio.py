"""Tasks for Label Studio, and its exports: the same story back, splits, merges and other labels, and bad exports."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewed_stories import LABELS, SPANS, TEXTS, drafts_in, write_draft, write_stories

from vn.annotate.draft import draft_of
from vn.annotate.results import Reviewed
from vn.annotate.review.label_studio.frames import Times, frames_of
from vn.annotate.review.stage import ReviewStage
from vn.annotate.stage_file import read_stage, stage_file
from vn.cli import main
from vn.errors import Findings
from vn.story import ScriptLabel

MEDIA = "https://media.example/videos"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_stories(tmp_path_factory.mktemp("label-studio"))


@pytest.fixture
def stories(made):
    yield made
    for file in (made / "review").glob("*.json"):
        file.unlink()


@pytest.fixture
def tasks(stories):
    assert main(["review", "export", str(stories), "--media-url", MEDIA]) == 0
    return json.loads((stories / "review" / "label-studio" / "tasks.json").read_text())


def annotated(tasks, by=7):
    """The export of a project in which the annotator submitted every prediction as it was."""
    out = copy.deepcopy(tasks)
    for n, task in enumerate(out, 1):
        (prediction,) = task["predictions"]
        result = [{**each, "origin": "manual"} for each in prediction["result"]]
        head = {"id": 40 + n, "completed_by": by, "was_cancelled": False, "updated_at": "2026-11-28T10:00:00.123456Z"}
        task |= {"id": n, "annotations": [{**head, "result": result}]}
    return out


def imported(stories, export, *words):
    """Import it; the story of each video as the stage then leaves it."""
    file = stories.parent / "export.json"
    file.write_text(json.dumps(export))
    assert main(["review", "import", str(stories), str(file), *words]) == 0
    stage, found = ReviewStage(stories / "review"), {}
    for name, draft in drafts_in(stories).items():
        stages = ("shots", "speech", "knowledge", "refine", "labels")
        before = {each: read_stage(stage_file(stories / "stages", each, name)).made.result for each in stages}
        done = stage.make(draft.video, before, Findings())
        Reviewed.of_json(done.result)
        found[name] = draft_of(draft.video, before | {"review": done.result})
    return found


def test_a_task_has_whole_frames_a_text_and_labels_for_each_clip(tasks):
    assert [task["data"]["story"] for task in tasks] == ["film-0", "film-1"]
    data, (prediction,) = tasks[0]["data"], tasks[0]["predictions"]
    assert data["video"] == "https://media.example/videos/film%200.mp4"
    assert data["fps"] == 25
    assert data["recognised"].splitlines()[1] == "2. it boils in a minit while you find a cup"
    assert "2. far: the correction is 5 characters" in data["marks"]
    assert prediction["score"] == pytest.approx(2 / 3)
    by_kind = {kind: [x["value"] for x in prediction["result"] if x["type"] == kind] for kind in KINDS}
    assert [each["ranges"] for each in by_kind["timelinelabels"]] == [
        [{"start": 1, "end": 50}],
        [{"start": 51, "end": 113}],
        [{"start": 114, "end": 150}],
    ]
    assert [each["text"] for each in by_kind["textarea"]] == [[text] for text in TEXTS["en"]]
    assert by_kind["choices"][1]["choices"] == ["Product Effect", "Product Trial"]
    assert len({each["id"] for each in prediction["result"]}) == 3


KINDS = ("timelinelabels", "textarea", "choices")


def test_an_untouched_annotation_comes_back_as_the_same_story(stories, tasks):
    found = imported(stories, annotated(tasks))
    for name, draft in drafts_in(stories).items():
        assert found[name].story() == draft.story()
        assert found[name].reviewers == ("annotator-7",)
    assert [(clip.start, clip.end) for clip in found["film-0"].story().clips] == list(SPANS)


def test_splits_merges_and_changed_labels_come_back(stories, tasks):
    export = annotated(tasks, by={"id": 7, "email": "ann@studio.example"})
    result = export[0]["annotations"][0]["result"]
    region = {each["id"]: [x for x in result if x["id"] == each["id"]] for each in result}
    region["clip-1"][0]["value"]["ranges"][0]["end"] = 25  # split in the middle of clip 1
    new = copy.deepcopy(region["clip-1"][:1])
    new[0] |= {"id": "x9-Tw", "value": {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["Clip"]}}
    region["clip-2"][0]["value"]["ranges"][0]["end"] = 150  # clip 3 merged into clip 2
    region["clip-2"][1]["value"]["text"] = ["It boils at once.", "Order yours today."]
    region["clip-2"][2]["value"]["choices"] = ["Others"]
    export[0]["annotations"][0]["result"] = [*region["clip-2"], *region["clip-1"], *new]
    clips = imported(stories, export)["film-0"].story().clips
    assert [(clip.start, clip.end) for clip in clips] == [(0.0, 1.0), (1.0, 2.0), (2.0, SPANS[2][1])]
    assert [clip.narration for clip in clips] == [TEXTS["en"][0], None, "It boils at once. Order yours today."]
    assert [clip.labels for clip in clips] == [LABELS[0], None, (ScriptLabel.OTHERS,)]
    assert (stories / "review" / "label-studio.ann-studio-example.json").is_file()


def test_labels_have_one_language_in_a_project(tmp_path):
    stories = write_stories(tmp_path, ("en", "zh"))
    assert main(["review", "export", str(stories), "--media-url", MEDIA]) == 0
    tasks = json.loads((stories / "review" / "label-studio" / "tasks.json").read_text("utf-8"))
    labels = [x["value"]["choices"] for x in tasks[1]["predictions"][0]["result"] if x["type"] == "choices"]
    assert labels == [[label.en for label in own] for own in LABELS]
    found = imported(stories, annotated(tasks))
    assert found["film-1"].story() == drafts_in(stories)["film-1"].story()
    review = json.loads((stories / "review" / "label-studio.annotator-7.json").read_text("utf-8"))
    assert review["videos"][1]["clips"][0]["labels"] == [LABELS[0][0].zh]


def test_tasks_without_an_annotation_are_counted(stories, tasks, capsys):
    export = annotated(tasks)
    export[0]["annotations"] = []
    export[1]["annotations"][0]["was_cancelled"] = True
    assert imported(stories, export)["film-0"].reviewers == ()
    assert "0 videos annotated by 0; 2 tasks without, 1 empty" in capsys.readouterr().out


def test_two_annotators_are_two_reviewers(stories, tasks, capsys):
    export = annotated(tasks)
    other = copy.deepcopy(export[0]["annotations"][0]) | {"completed_by": 8}
    other["result"][1]["value"]["text"] = ["Cold coffee again?"]
    export[0]["annotations"].append(other)
    file = stories.parent / "export.json"
    file.write_text(json.dumps(export))
    assert main(["review", "import", str(stories), str(file)]) == 0
    out = capsys.readouterr().out
    assert "label-studio.annotator-7.json" in out
    assert "label-studio.annotator-8.json" in out
    assert main(["review", "agreement", str(stories)]) == 0
    assert "annotator-7 and annotator-8: 1 videos, 3 clips" in capsys.readouterr().out


def test_a_later_import_keeps_what_an_earlier_one_has_about_other_videos(stories, tasks):
    export = annotated(tasks)
    imported(stories, export[1:])
    export[0]["annotations"][0]["result"][1]["value"]["text"] = ["Cold coffee again?"]
    assert all(draft.reviewers for draft in imported(stories, export[:1]).values())
    export[0]["annotations"][0]["result"][1]["value"]["text"] = ["Cold cocoa again?"]
    found = imported(stories, export[:1])
    assert found["film-0"].clips[0].narration == "Cold cocoa again?"
    assert [clip.narration for clip in found["film-1"].clips] == list(TEXTS["en"])


def test_annotators_of_nearly_the_same_name_have_a_file_each(stories, tasks):
    export = annotated(tasks)
    for task, name in zip(export, ("j.smith@example.org", "j-smith@example.org"), strict=True):
        task["annotations"][0]["completed_by"] = {"id": 3, "email": name}
    for _ in range(2):
        found = imported(stories, export)
        assert [draft.reviewers for draft in found.values()] == [("j.smith@example.org",), ("j-smith@example.org",)]
        assert len(list((stories / "review").glob("*.json"))) == 2


def changed(path, value):
    """A change of an export: the value at a path."""

    def change(export):
        place = export
        for name in path[:-1]:
            place = place[name]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


RESULT = (0, "annotations", 0, "result")
RANGE = (*RESULT, 0, "value", "ranges")
BAD = {
    "no annotations": (changed((0, "annotations"), ...), "[0]: has no annotations: choose the format JSON"),
    "another video": (changed((0, "data", "story"), "film-9"), "[0].data.story: is of another export"),
    "no story": (changed((0, "data", "story"), ...), "[0].data.story: expected a text"),
    "fps": (changed((0, "data", "fps"), "25"), "film-0: [0].data.fps: expected frames per second, got '25'"),
    "other fps": (
        changed((0, "data", "fps"), 30),
        "data.fps: frames were counted at 30 per second, but the video has 25",
    ),
    "content": (changed((0, "data", "content"), "0"), "film-0: [0].data.content: is about another draft"),
    "half frames": (
        changed((*RANGE, 0, "end"), 50.5),
        "region clip-1, end: expected the number of a frame, from 1, got 50.5",
    ),
    "seconds": (changed((*RANGE, 0), {"start": 0, "end": 2}), "region clip-1: expected frames from 1 to 151"),
    "backwards": (changed((*RANGE, 0), {"start": 40, "end": 20}), "the first one first, got 40 to 20"),
    "too late": (changed((*RESULT, 6, "value", "ranges", 0, "end"), 190), "expected frames from 1 to 151"),
    "overlap": (
        changed((*RANGE, 0, "end"), 51),
        "region clip-1 (frames 1 to 51) and region clip-2 (frames 51 to 113) overlap",
    ),
    "two ranges": (changed(RANGE, [{"start": 1, "end": 2}, {"start": 3, "end": 4}]), "expected one range of frames"),
    "text of nothing": (changed((*RESULT, 1, "id"), "lost"), "region 'lost' has narration, but no frames"),
    "two texts": (changed((*RESULT, 4, "id"), "clip-1"), "region 'clip-1' has narration twice"),
    "text": (changed((*RESULT, 1, "value", "text"), 7), "region clip-1, narration: expected a list of texts, got 7"),
    "label": (
        changed((*RESULT, 2, "value", "choices"), ["Price"]),
        "clip-1, labels: unknown script label 'Price'",
    ),
    "four labels": (
        changed((*RESULT, 2, "value", "choices"), ["Others", "Sore Point", "Product Trial", "Product Effect"]),
        "region clip-1, labels: expected 1 to 3 labels, got 4",
    ),
    "control": (changed((*RESULT, 0, "from_name"), "tricks"), "result[0].from_name: expected 'clips' or 'narration'"),
    "kind": (changed((*RESULT, 0, "type"), "labels"), "result[0].type: expected 'timelinelabels', got 'labels'"),
    "time": (changed((0, "annotations", 0, "updated_at"), "now"), "updated_at: expected a time, got 'now'"),
    "annotation": (changed((0, "annotations", 0), []), "annotations[0]: expected an annotation with its result"),
    "task": (changed((0,), 3), "[0]: expected a task with its data, got 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_export_is_named_and_nothing_is_written(stories, tasks, capsys, name):
    change, message = BAD[name]
    export = annotated(tasks)
    change(export)
    file = stories.parent / "export.json"
    file.write_text(json.dumps(export))
    assert main(["review", "import", str(stories), str(file)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith(f"vn review: error: {file}: ")
    assert len(error.splitlines()) == 1
    assert list((stories / "review").glob("*.json")) == []
    if name != "task":
        assert main(["review", "import", str(stories), str(file), "--max-bad", "1"]) == 0
        assert message in capsys.readouterr().err
        assert list(json.loads(next((stories / "review").glob("*.json")).read_text())["videos"][0]["video"]) == list(
            "film-1"
        )


@pytest.mark.parametrize("text", ["{}", "[]", "nothing", '"x"'])
def test_a_file_that_is_no_export(stories, capsys, text):
    file = stories.parent / "export.json"
    file.write_text(text)
    assert main(["review", "import", str(stories), str(file)]) == 2
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["", "ftp://x/y", "https://x/'; script-src *", "videos", "javascript:alert(1)", "http:// x"]
)
def test_a_media_url_that_is_none(stories, capsys, url):
    assert main(["review", "export", str(stories), "--media-url", url]) == 2
    assert "--media-url: expected http(s)://HOST/... or /PATH" in capsys.readouterr().err


def test_media_behind_a_query(stories):
    assert main(["review", "export", str(stories), "--media-url", "/data/local-files/?d=ads"]) == 0
    tasks = json.loads((stories / "review" / "label-studio" / "tasks.json").read_text())
    assert tasks[1]["data"]["video"] == "/data/local-files/?d=ads/film%201.mp4"


def test_an_export_of_an_earlier_draft_is_refused(stories, tasks, capsys):
    raw = drafts_in(stories)["film-0"].video
    write_draft(stories, raw, texts=("Something else.", *TEXTS["en"][1:]))
    try:
        file = stories.parent / "export.json"
        file.write_text(json.dumps(annotated(tasks)))
        assert main(["review", "import", str(stories), str(file)]) == 2
        assert "is about another draft of this video" in capsys.readouterr().err
    finally:
        write_draft(stories, raw)


@given(
    st.lists(st.floats(0.1, 20), min_size=1, max_size=8),
    st.sampled_from([10, 12.5, 24, 24000 / 1001, 25, 30000 / 1001, 30, 59.94, 60]),
)
def test_frames_and_times_are_the_same_clips(lengths, fps):
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    spans = list(zip([0.0, *ends], ends, strict=False))
    times, before = Times(spans, fps), 0
    for start, end in spans:
        first, last = frames_of(start, end, fps)
        assert first == before + 1  # no frame is in two clips, and none in no clip
        assert times.span(first, last) == (start, end)
        assert times.span(first, last + 10_000)[1] == pytest.approx((last + 10_000) / fps)
        before = last
