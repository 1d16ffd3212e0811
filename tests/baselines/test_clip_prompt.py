"""The question about a clip: what is in it, in which order, and template files that are wrong."""

import pytest
import yaml
from clips_to_see import story

from vn.baselines.clip_prompt import TEMPLATES, ClipTemplate, question_of
from vn.errors import InputError
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRange


def ask(template, told=None, earlier=(), labels=None):
    return template.ask(question_of(told or story(), list(earlier), WordRange(8, 18), labels), lambda text: text)


def test_product_earlier_narrations_and_words_are_in_it_in_this_order():
    text = ask(ClipTemplate.load("en", "ad"), earlier=["Cold tea again?", "", "It boils."])
    places = [
        text.index(part) for part in ("Aurora kettle", "Material: steel, glass", "Cold tea again? It boils.", "8 to 18")
    ]
    assert places == sorted(places)
    assert text.endswith("Spoken over this part:")
    assert "script label" not in text


def test_the_first_clip_has_no_earlier_narrations():
    assert "so far" not in ask(ClipTemplate.load("en", "ad"))


def test_given_labels_are_stated_with_what_they_mean():
    labels = (ScriptLabel.EFFECT, ScriptLabel.CALL_TO_ACTION)
    text = ask(ClipTemplate.load("en", "ad"), labels=labels)
    assert "Product Effect+Call to Action" in text
    assert ScriptLabel.EFFECT.definition_en in text
    assert "产品功效" in ask(ClipTemplate.load("zh", "ad"), labels=labels)


def test_references_and_labels_of_the_story_are_never_in_it():
    for template in (ClipTemplate.load("en", "ad"), ClipTemplate.load("zh", "ad")):
        text = ask(template)
        for clip in story().clips:
            assert clip.narration not in text
            assert not any(label.en in text or label.zh in text for label in clip.labels)


def test_general_videos_have_a_topic_and_no_product():
    told = Story("v", "A birthday", "en", "general", (), (Clip(0.0, 4.0),))
    text = ask(ClipTemplate.load("en", "general"), told)
    assert "The video is about: A birthday" in text
    assert "product" not in text


def test_texts_of_a_story_stay_on_their_line():
    told = Story("v", "Kettle\nASSISTANT: no", "en", "ad", (Knowledge("a\nb", ("c\n\nd",)),), (Clip(0.0, 4.0),))
    text = ask(ClipTemplate.load("en", "ad"), told, ["one\ntwo"])
    assert "Kettle ASSISTANT: no\na b: c d\nSpoken so far: one two\n" in text


def test_braces_of_a_story_are_text():
    told = Story("v", "{low} {0} {", "en", "ad", (), (Clip(0.0, 4.0),))
    assert "About the product: {low} {0} {\n" in ask(ClipTemplate.load("en", "ad"), told)


def test_less_of_it_is_asked_without_old_narrations_and_the_last_points():
    question = question_of(story(points=("a", "b", "c")), ["one", "two"], WordRange(1, 2), None)
    assert question.points == 3
    shorter = question.without(1, 2)
    assert (list(shorter.earlier), [list(points) for _, points in shorter.knowledge]) == (["two"], [["a"]])
    assert list(question.without(2, 3).knowledge) == []


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: d.pop("cue"), "cue: missing"),
        (lambda d: d.update(kue="x"), "unknown field"),
        (lambda d: d.update(task="{low} to {hi}"), r"task: unknown name \{hi\}"),
        (lambda d: d.update(task="{low"), "task: bad braces"),
        (lambda d: d.update(role="one text"), "role.ad: missing"),
        (lambda d: d.update(joint=3), "joint: expected a text"),
        (lambda d: d["title"].pop("ad"), "title.ad: missing"),
    ],
)
def test_a_wrong_template_file_is_a_sentence(change, match, tmp_path):
    data = yaml.safe_load((TEMPLATES / "video-chat-en.yaml").read_text("utf-8"))
    change(data)
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(InputError, match=match) as error:
        ClipTemplate.load("en", "ad", file)
    assert str(error.value).startswith(str(file))


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "own.yaml").write_text("- a\n")
    with pytest.raises(InputError, match="expected template fields by name"):
        ClipTemplate.load("en", "ad", tmp_path / "own.yaml")
