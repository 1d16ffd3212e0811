from pathlib import Path

import pytest

from vn.errors import InputError
from vn.prompt import PromptWriter, Written
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRange
from vn.template import TEMPLATES, Template

GOLDEN = Path(__file__).parent / "golden"

EN = Story(
    "kettle",
    "Aurora kettle",
    "en",
    "ad",
    (Knowledge("Material", ("steel", "glass")), Knowledge("Offer", ("two for one",))),
    (
        Clip(0, 3, (ScriptLabel.SORE_POINT,), "Cold tea again?"),
        Clip(3, 4),
        Clip(4, 8, (ScriptLabel.APPEARANCE, ScriptLabel.EFFECT), "This red kettle boils in a minute."),
    ),
)
ZH = Story(
    "lipstick",
    "丝绒口红",
    "zh",
    "ad",
    (Knowledge("质地", ("丝绒质感", "顺滑")),),
    (Clip(0, 3, (ScriptLabel.SORE_POINT,), "嘴唇总是起皮？"), Clip(3, 6, (ScriptLabel.TRIAL,), "轻轻一抹就显白。")),
)
TRIP = Story(
    "trip", "camping", "en", "general", (), (Clip(0, 4, None, "We set up the tent."), Clip(5, 9, None, "Night falls."))
)


def written(story, clip):
    data = story.clips[clip]
    return Written(WordRange(3, 9), data.labels, data.narration)


def shown(segments):
    marks = {"visual": "<SCENE>", "turn": "<{1}|{0}>", "label": "[[{}]]", "narration": "[[{}]]", "given": "{}"}
    return "".join(marks[s.role].format(s.text, s.turn) for s in segments)


def prompt(story, clip, template, storyline=True):
    writer = PromptWriter(story, template, storyline, scene_in_head=template.name.startswith("vtimellm"))
    earlier = [(i, written(story, i)) for i in story.narrated if i < clip]
    return shown([*writer.head(), *writer.earlier(earlier), *writer.clip(clip, written(story, clip), scene=True)])


@pytest.mark.parametrize(
    ("name", "story", "clip", "header", "storyline"),
    [
        ("ad-en", EN, 2, None, True),
        ("ad-en", EN, 2, "index", True),
        ("ad-en", EN, 0, None, False),
        ("ad-zh", ZH, 1, None, True),
        ("ad-zh", ZH, 1, "index", False),
        ("general-en", TRIP, 1, None, True),
        ("vtimellm-en", EN, 2, None, True),
        ("vtimellm-en", EN, 2, None, False),
        ("vtimellm-zh", ZH, 1, None, True),
        ("vtimellm-zh", ZH, 1, None, False),
    ],
)
def test_prompts_of_fixed_stories(name, story, clip, header, storyline):
    """The golden files are the contract with trained checkpoints: a change here is a change of the model's input."""
    text = prompt(story, clip, Template.load(name, header), storyline)
    file = GOLDEN / f"prompt.{name}.{header or 'default'}.{'storyline' if storyline else 'no_storyline'}.txt"
    assert text == file.read_text(encoding="utf-8")


def test_an_unnarrated_clip_keeps_its_number_and_says_nothing():
    text = prompt(EN, 2, Template.load("ad-en"))
    assert "Clip 3/3" in text
    assert "Clip 2/3" not in text


def test_earlier_clips_have_no_scene_and_nothing_supervised():
    writer = PromptWriter(EN, Template.load("ad-en"))
    assert {s.role for s in writer.earlier([(0, written(EN, 0))])} == {"given"}


def test_points_are_dropped_from_the_end():
    writer = PromptWriter(EN, Template.load("ad-en"))
    assert writer.points == 3
    assert "two for one" not in shown(writer.head(1))
    assert "steel" in shown(writer.head(2))
    assert "glass" not in shown(writer.head(2))
    assert "Material" not in shown(writer.head(3))


def test_a_label_is_required_only_with_a_storyline():
    bare = Written(WordRange(1, 2), None, "x")
    with pytest.raises(InputError, match=r"kettle: clips\[1\].labels: no script label"):
        PromptWriter(EN, Template.load("ad-en")).clip(1, bare, scene=True)
    assert PromptWriter(EN, Template.load("ad-en"), storyline=False).clip(1, bare, scene=True)


def test_a_users_own_template(tmp_path):
    text = (TEMPLATES / "ad-en.yaml").read_text(encoding="utf-8")
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace('label: "Script label: "', 'label: "Kind: "'), encoding="utf-8")
    template = Template.load(own)
    assert "Kind: [[Sore Point]]" in prompt(EN, 0, template)
    assert template.sha256 != Template.load("ad-en").sha256


ORDER = """
storyline: true
instruction: "R0 role. "
instruction_without_storyline: "R1 role. "
title: "T {title};"
aspect: " {aspect} = {points};"
separator: " / "
before_clips: "\\nNow the clips, label first.\\n"
header: {index: "<{index}>", index_of_total: "<{index} of {total}>"}
clip_header: index_of_total
scene: [" picture [", "]"]
words: " words {low} to {high}"
label: " label "
narration: "{index}. "
"""


def test_a_template_says_every_word_of_a_prompt(tmp_path):
    """Any wording of the released order can be written: role, product, a sentence, then clip by clip."""
    own = tmp_path / "mine.yaml"
    own.write_text(ORDER, encoding="utf-8")
    product = "T 丝绒口红; 质地 = 丝绒质感 / 顺滑;"
    first = "<1 of 2>{} words 3 to 9 label [[痛点铺垫]][[\n]]1. [[嘴唇总是起皮？]][[\n]]"
    told = first.format("").replace("[[", "").replace("]]", "")
    second = "<2 of 2> picture [<SCENE>] words 3 to 9 label [[产品试用]][[\n]]2. [[轻轻一抹就显白。]][[\n]]"
    between = "\nNow the clips, label first.\n"
    template = Template.load(own)
    assert prompt(ZH, 0, template) == f"R0 role. {product}{between}{first.format(' picture [<SCENE>]')}"
    assert prompt(ZH, 1, template) == f"R0 role. {product}{between}{told}{second}"
    other = "before_clips_without_storyline: ' Go. '\n"
    own.write_text(ORDER + other, encoding="utf-8")
    bare = "<1 of 2> picture [<SCENE>] words 3 to 91. [[嘴唇总是起皮？]][[\n]]"
    assert prompt(ZH, 0, Template.load(own), storyline=False) == f"R1 role. {product} Go. {bare}"
    assert between in prompt(ZH, 0, Template.load(own))
    assert between in prompt(ZH, 0, template, storyline=False), "one text does for both, unless there are two"


def test_text_before_the_clips_stays_when_points_are_dropped(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text(ORDER, encoding="utf-8")
    writer = PromptWriter(ZH, Template.load(own))
    assert shown(writer.head(points_dropped=2)) == "R0 role. T 丝绒口红;\nNow the clips, label first.\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title:", "titel:", r"mine.yaml: titel: unknown field \(did you mean 'title'\?\)"),
        ('label: "Script label: "\n', "", "mine.yaml: label: missing"),
        ("{low}-{high}", "{least}", r"words: unknown name \{least\}; allowed here: \{low\}, \{high\}"),
        ("{low}-{high}", "{low", "words: bad braces"),
        ("clip_header: index_of_total", "clip_header: both", "clip_header: expected index or index_of_total"),
        ('scene: ["Scene: ", "\\n"]', 'scene: ["Scene"]', "scene: expected two texts"),
        ("storyline: true", "storyline: [", "not YAML"),
        ("storyline: true", "storyline: true\nbefore_clips: 3", "before_clips: expected a text, got 3"),
        ("storyline: true", "storyline: true\nbefore_clips: '{title}'", r"before_clips: unknown name \{title\}"),
    ],
)
def test_bad_templates_name_the_field(tmp_path, old, new, message):
    text = (TEMPLATES / "ad-en.yaml").read_text(encoding="utf-8")
    assert old in text
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Template.load(own)


def test_an_unknown_template_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"no template 'ad-eng' \(did you mean 'ad-en'\?\)"):
        Template.load("ad-eng")


TURNS = "turns: {query: {name: user, text: Q}, answer: {name: assistant, text: A}}\n"


def test_a_template_opens_turns_and_states_times(tmp_path):
    """Either can be had without the other, and with the scene in the clip."""
    own = tmp_path / "mine.yaml"
    own.write_text(
        ORDER.replace("<{index}>", "<{start} {end}>").replace("index_of_total\n", "index\n") + TURNS, "utf-8"
    )
    bare = prompt(ZH, 1, Template.load(own)).partition("first.\n")[2].replace("[[", "").replace("]]", "")
    first = "<user|Q><00 50> words 3 to 9<assistant|A> label 痛点铺垫\n1. 嘴唇总是起皮？\n"
    assert (
        bare
        == f"{first}<user|Q><50 99> picture [<SCENE>] words 3 to 9<assistant|A> label 产品试用\n2. 轻轻一抹就显白。\n"
    )


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ("[user]", "turns: expected turns by place .head, query, answer., got"),
        ("{tail: {name: user, text: Q}}", "turns: expected turns by place"),
        ("{query: user}", "turns.query: expected a name and a text, got 'user'"),
        ("{query: {name: user}}", "turns.query: expected a name and a text"),
        ("{query: {name: user, text: 3}}", "turns.query: expected a name and a text"),
    ],
)
def test_wrong_turns_name_the_place(tmp_path, turns, message):
    own = tmp_path / "mine.yaml"
    own.write_text(f"{ORDER}turns: {turns}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Template.load(own)
