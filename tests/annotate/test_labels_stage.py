"""Script labels by a chat model, strictly by name, and by a classifier that learned from labelled stories."""

import json
import re

import pytest
from chat_server import ChatServer
from finished_runs import make_stories
from text_cases import before, chat, transcript, video

from vn.annotate.stage import StageFailed
from vn.annotate.text.labels import ChatLabels, ClassifierLabels
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.story import ScriptLabel

RIGHT = {
    "en": {"1": "Ingredient/Material/Texture", "3": "Product Effect+Specific Characteristics", "4": "Call to Action"},
    "zh": {"1": "质地/成分/材质", "3": "产品功效+质量/特性介绍", "4": "引导购买"},
}


def run(answer, language="en", earlier=None):
    server = ChatServer(answer if callable(answer) else lambda question, number: answer)
    try:
        made = ChatLabels(chat(server, "labels")).make(
            video(language=language), earlier or before(language), Findings()
        )
        return made, server.questions
    finally:
        server.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("listed", [False, True])
def test_all_clips_are_labelled_in_one_request(language, listed):
    reply = {clip: names.split("+") if listed else names for clip, names in RIGHT[language].items()}
    made, questions = run(f"```json\n{json.dumps(reply, ensure_ascii=False)}\n```", language)
    assert made.result["labels"] == [
        [RIGHT[language]["1"]],
        None,
        RIGHT[language]["3"].split("+"),
        [RIGHT[language]["4"]],
    ]
    assert made.marks == []
    (question,) = questions
    system = question["messages"][0]["content"]
    assert all(f"{label.text(language)}: {label.definition(language)}" in system for label in ScriptLabel)
    assert set(transcript(question["messages"][-1]["content"])) == {"1", "3", "4"}


def test_corrected_texts_are_labelled():
    earlier = before() | {"refine": {"texts": ["Corrected.", "", "", ""], "refused": []}}
    made, questions = run(json.dumps({"1": "Others"}), earlier=earlier)
    assert made.result["labels"] == [["Others"], None, None, None]
    assert transcript(questions[0]["messages"][-1]["content"]) == {"1": "Corrected."}


@pytest.mark.parametrize(
    "label",
    [
        "It is about the Material",
        "Materials",
        "Sore Point, Product Trial",
        "Sore Point+",
        "",
        "Sore Point+Product Trial+Others+Call to Action",
        7,
        None,
        [],
        [["Others"]],
        {"label": "Others"},
    ],
    ids=str,
)
def test_a_label_that_is_none_is_asked_for_once_more_and_stays_empty_alone(label):
    made, questions = run(json.dumps(RIGHT["en"] | {"3": label}))
    assert len(questions) == 2
    assert "clip 3 has" in questions[1]["messages"][-1]["content"]
    assert made.result["labels"][2] is None
    assert made.result["labels"][0] == [RIGHT["en"]["1"]]
    assert [(mark.clip, mark.kind) for mark in made.marks] == [(2, "label")]


@pytest.mark.parametrize(
    "answer",
    ["The first clip is about material.", json.dumps({"1": "Others"}), json.dumps(RIGHT["en"] | {"2": "Others"}), "[]"],
)
def test_a_reply_that_cannot_be_used_leaves_all_without_labels(answer):
    made, questions = run(answer)
    assert made.result["labels"] == [None] * 4
    assert [(mark.clip, mark.kind) for mark in made.marks] == [(0, "label"), (2, "label"), (3, "label")]
    assert made.counts == {"labelled": 0.0, "without_labels": 3.0}
    assert len(questions) == 2


def test_a_good_second_reply_is_taken():
    made, _ = run(lambda question, number: "Sure!" if number == 1 else json.dumps(RIGHT["en"]))
    assert made.counts["labelled"] == 3
    assert made.marks == []


def test_an_endpoint_that_is_gone_ends_the_stage():
    with pytest.raises(StageFailed):
        run(401)


def test_personal_data_is_marked_here_only_if_it_was_not_before():
    earlier = before(texts=["call 13800138000"])
    made, _ = run(json.dumps({"1": "Others"}), earlier=earlier)
    assert [mark.kind for mark in made.marks] == ["private"]
    made, _ = run(json.dumps({"1": "Others"}), earlier=earlier | {"refine": earlier["speech"]})
    assert made.marks == []


@pytest.fixture
def stories(tmp_path):
    """Labelled stories whose narrations give their labels away."""
    said = {"Product Effect": "it works wonders for your hair", "Call to Action": "buy it now, the offer ends today"}
    said |= {"Sore Point": "are you tired of cold tea"}
    folder = tmp_path / "labelled"
    folder.mkdir()
    for n, story in enumerate(make_stories(40)):
        data = story.to_dict() | {"id": f"s{n}", "language": "en"}
        names = list(said)
        data["clips"] = [
            {"start": i, "end": i + 1, "labels": [name], "narration": f"{said[name]}, friend {n}"}
            for i, name in enumerate(names)
        ]
        (folder / f"s{n}.json").write_text(json.dumps(data))
    return folder


def test_a_classifier_labels_the_rest(stories, tmp_path, caplog):
    caplog.set_level("INFO")
    stage = ClassifierLabels(stories, "en", DiskCache(tmp_path / "cache.sqlite"))
    texts = ["are you tired of it", "", "buy it now today", "works wonders for hair"]
    made = stage.make(video(), before(texts=texts), Findings())
    assert made.result["labels"] == [["Sore Point"], None, ["Call to Action"], ["Product Effect"]]
    report = stage.report()
    assert report["labels_held_out_en"] == report["labels_held_out_exact_en"] == 1.0
    assert "the en classifier agrees with 100.0% of the held-out labels" in caplog.text
    again = ClassifierLabels(stories, "en", DiskCache(tmp_path / "cache.sqlite"))
    assert again.key == stage.key
    other = json.loads((stories / "s1.json").read_text()) | {"id": "other", "language": "zh"}
    (stories / "other.json").write_text(json.dumps(other))  # too few to learn from, and not asked for
    assert ClassifierLabels(stories, "en", DiskCache()).key == stage.key
    (stories / "s1.json").unlink()
    assert ClassifierLabels(stories, "en", DiskCache()).key != stage.key


def test_a_classifier_reads_what_annotate_writes(stories, tmp_path):
    written = tmp_path / "stories"
    written.mkdir()
    stories.rename(written / "train")
    stage = ClassifierLabels(written, "en", DiskCache())
    assert stage.make(video(), before(), Findings()).counts["without_labels"] == 0


def test_a_classifier_without_stories(tmp_path):
    with pytest.raises(InputError, match="no such labelled stories"):
        ClassifierLabels(tmp_path / "none", "en", DiskCache())
    story = make_stories(1)[0].to_dict()
    (tmp_path / "a.json").write_text(json.dumps(story))
    message = re.escape(f"{tmp_path}: --labels: the classifier judge needs 20 labelled narrations")
    with pytest.raises(InputError, match=message):
        ClassifierLabels(tmp_path, story["language"], DiskCache())
    other = "en" if story["language"] == "zh" else "zh"
    with pytest.raises(InputError, match=f"--labels: has no stories in {other}, the language of the videos"):
        ClassifierLabels(tmp_path, other, DiskCache())
