"""Prompt templates: the shipped ones, a user's own, and every way in which one can be wrong."""

from __future__ import annotations

import pytest
import yaml

from vn.baselines.chat_template import TEMPLATES, ChatTemplate, default_name
from vn.baselines.prompts import ChatPrompt
from vn.errors import InputError
from vn.story import ScriptLabel

SHIPPED = sorted(path.stem for path in TEMPLATES.glob("chat-*.yaml")) + sorted(
    path.stem for path in TEMPLATES.glob("verbalize-*.yaml")
)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_templates_are_right_and_explain_the_labels(name):
    template = ChatTemplate.load(name)
    system, domain, language = name.split("-")
    assert default_name(system, domain, language) == name
    assert template.storyline == (domain == "ad")
    text = ChatPrompt(template, language, given=False).system()
    for label in ScriptLabel:
        assert (label.definition(language) in text) == template.storyline
    assert "{" not in text
    for part in ("clip", "narration"):
        assert ChatPrompt(template, language, given=True).answer(0, None, "x").count("x") == 1, part


def test_verbalize_has_the_lines_of_chat_and_another_task():
    chat, verbalize = ChatTemplate.load("chat-ad-en"), ChatTemplate.load("verbalize-ad-en")
    differing = {name for name in chat.texts if chat.texts[name] != verbalize.texts[name]}
    assert differing == {"system", "system_given"}
    assert chat.problems == verbalize.problems
    assert chat.sha256 != verbalize.sha256


def own(tmp_path, **changes):
    data = yaml.safe_load((TEMPLATES / "chat-ad-en.yaml").read_text("utf-8")) | changes
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}), "utf-8")
    return file


def test_a_users_own_file(tmp_path):
    template = ChatTemplate.load(own(tmp_path, narration="{{Say}}:"))
    assert template.name == "mine"
    assert ChatPrompt(template, "en", given=True).answer(0, None, "Look.") == "Clip 1\n{Say}: Look."
    assert template.sha256 != ChatTemplate.load("chat-ad-en").sha256


def test_a_users_file_that_changes_the_task_alone(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("based_on: chat-ad-en\nsystem: 'Write it. {labels}'\nproblems: {empty: nothing there}\n", "utf-8")
    template = ChatTemplate.load(file)
    assert ChatPrompt(template, "en", given=False).system().startswith("Write it. Social Proof")
    assert template.problems["empty"] == "nothing there"
    assert template.problems["json"] == ChatTemplate.load("chat-ad-en").problems["json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"system": "no labels"}, "system: {labels} is missing"),
        ({"system": "{labels} {price}"}, "system: unknown name {price}; allowed here: {labels}"),
        ({"system_given": "{labels} {x}"}, "system_given: unknown name {labels}; allowed here: none"),
        ({"title": "{title"}, "title: bad braces"),
        ({"title": "{title!r}"}, "title: only the name is allowed in braces: {title}"),
        ({"words": "{low}"}, "words: {high} is missing"),
        ({"words": 5}, "words: expected a text"),
        ({"clip": "Clip\n{index}"}, "clip: expected one line of text"),
        ({"narration": " "}, "narration: expected one line of text"),
        ({"label": "NARRATION:"}, "label: expected another text than that of narration"),
        ({"label": None}, "label: missing"),
        ({"labell": "x"}, "labell: unknown field (did you mean 'label'?)"),
        ({"storyline": "yes"}, "storyline: expected true or false"),
        ({"storyline": False, "system": "Go."}, "system_given: only a template with a storyline has this field"),
        ({"problems": {"empty": "x"}}, "problems: expected a text for each of missing_clip"),
        ({"problems": "x"}, "problems: expected a text for each of missing_clip"),
        ({"based_on": "chat-ad-fr"}, "no prompt template 'chat-ad-fr'"),
        ({"based_on": 3}, "based_on: expected a text"),
    ],
)
def test_wrong_templates_are_refused_by_file_and_field(tmp_path, changes, message):
    file = own(tmp_path, **changes)
    with pytest.raises(InputError) as error:
        ChatTemplate.load(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)


def test_a_name_that_is_not_shipped():
    with pytest.raises(InputError, match=r"no prompt template 'chat-ad-em' \(did you mean 'chat-ad-en'\?\)"):
        ChatTemplate.load("chat-ad-em")
