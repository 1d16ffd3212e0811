"""Which edits of a `story.json` are detected; no model needed."""

import json

import pytest

from vn.errors import Findings, InputError
from vn.story import Clip, Knowledge, ScriptLabel, Story
from vn.story_file.edit import check_found, read_edited
from vn.story_file.record import mark, record

TEXTS = (
    "Cold tea again?",
    "This crimson kettle boils it in a minute.",
    "It is made of steel.",
    "Get the crimson one.",
    "Now.",
)
LABELS = (ScriptLabel.SORE_POINT, ScriptLabel.EFFECT, ScriptLabel.MATERIAL, ScriptLabel.CALL_TO_ACTION)
STORY = Story(
    "kettle",
    "Red kettle",
    "en",
    "ad",
    (Knowledge("Material", ("steel", "glass")),),
    tuple(Clip(4.0 * i, 4.0 * i + 4, (LABELS[i % 4],), text) for i, text in enumerate(TEXTS)),
    video="kettle.mp4",
)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "kettle.mp4").write_text("")
    (tmp_path / "adapter").mkdir()
    data = STORY.to_dict() | {"video": "./kettle.mp4", "warnings": []}
    made_with = {"adapter": str(tmp_path / "adapter"), "base_model": None, "seed": 0}
    data["record"] = record(STORY, made_with, tmp_path, (1080, 1920))
    path = tmp_path / "story.json"
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def edited(file, change):
    data = json.loads(file.read_text(encoding="utf-8"))
    change(data["clips"])
    file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return read_edited(file, Findings())


def of_the_user(plan):
    return {i: list(names) for i, names in plan.given.items() if names}


def test_an_untouched_file_has_no_edit_and_tells_where_things_are(file):
    plan = read_edited(file, Findings())
    assert (plan.first, plan.picture, plan.lost) == (None, (1080, 1920), {})
    assert plan.story.video == str(file.parent / "kettle.mp4")
    assert plan.made_with["adapter"] == str(file.parent / "adapter")


def test_no_text_is_in_the_record(file):
    text = json.dumps(json.loads(file.read_text())["record"])
    assert not any(word in text for word in ("kettle boils", "Cold", "steel", "Effect", "Material"))


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: json.dumps(json.loads(text)),
        lambda text: json.dumps(json.loads(text), indent="\t", sort_keys=True),
        lambda text: json.dumps(json.loads(text), indent=4, ensure_ascii=True),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("4.0", "4").replace("8.0", '"0:08"'),
        lambda text: text.replace("Now.", "Now.  ").replace("Cold tea", "Cold  tea").replace("é", "e\u0301"),
    ],
)
def test_an_editors_formatting_is_no_edit(file, rewrite):
    file.write_bytes(rewrite(file.read_text(encoding="utf-8")).encode())
    assert read_edited(file, Findings()).first is None


def test_replace_all_is_seen_whatever_else_changed_with_it(file):
    file.write_text(file.read_text().replace("crimson", "blue"))
    plan = read_edited(file, Findings())
    assert plan.first == 1
    assert of_the_user(plan) == {1: ["narration"], 3: ["narration"]}
    assert plan.seen == ["narration of clip 2 changed", "narration of clip 4 changed"]


@pytest.mark.parametrize("number", ["1", "12", "99", "3-5", "0.5", "ab"])
def test_numbers_that_are_replaced_everywhere_meet_no_mark(number):
    assert all(number not in mark(str(n)) for n in range(200))


def test_a_single_letter_replaced_in_the_record_too_is_seen(file):
    """Marks are letters, and such an edit damages them: then nothing that is there may be lost."""
    head, tail = file.read_text().split('"record"')
    at = tail.index('"clips"')
    letters = {c for c in tail[at:] if c in "abcdefghijklmnop"} - set("startendlabelsnarrationmarkpicture")
    letter = sorted(letters)[0]
    tail = tail[:at] + tail[at:].replace(letter, "z")
    file.write_text(head.replace("Now.", "Later.") + '"record"' + tail)
    plan = read_edited(file, Findings())
    assert plan.first == 0
    assert all(plan.fixed[i].narration for i in range(5))
    assert plan.fixed[4].narration == "Later."
    assert "the record was changed too" in plan.seen[0]


@pytest.mark.parametrize(
    ("change", "first", "users", "seen"),
    [
        (lambda clips: clips.pop(2), 2, {}, "former clip 3 was removed"),
        (lambda clips: clips.pop(), 4, {}, "former clip 5 was removed"),
        (lambda clips: clips.insert(5, {"start": 20, "end": 22}), 5, {}, "clip 6 was added"),
        (
            lambda clips: clips.append({"start": 20, "end": 22, "narration": "Mine."}),
            5,
            {5: ["narration"]},
            "clip 6 was added",
        ),
        (
            lambda clips: clips.__setitem__(slice(1, 2), [clips[1] | {"end": 6}, clips[1] | {"start": 6}]),
            1,
            {},
            "clip 2 was split into clips 2 to 3",
        ),
        (
            lambda clips: clips.__setitem__(
                slice(1, 2), [clips[1] | {"end": 6, "narration": "This kettle."}, {"start": 6, "end": 8}]
            ),
            1,
            {1: ["narration"]},
            "clip 2 was split into clips 2 to 3",
        ),
        (
            lambda clips: clips.__setitem__(slice(2, 4), [clips[2] | {"end": 16}]),
            2,
            {},
            "clip 3 was merged from clips 3 to 4",
        ),
        (lambda clips: clips[3].update(start=12.5), 3, {}, "time of clip 4 changed"),
        (lambda clips: clips[4].update(start=16.5, end=19), 4, {}, "time of clip 5 changed"),
        (lambda clips: clips[3].update(narration=""), 3, {}, "narration of clip 4 changed"),
        (
            lambda clips: clips[1].update(narration=clips[2]["narration"]) or clips[2].update(narration=TEXTS[1]),
            1,
            {1: ["narration"], 2: ["narration"]},
            "narration of clip 2 changed; narration of clip 3 changed",
        ),
        (
            lambda clips: clips.pop(1) and clips[3].update(labels=["Others"]),
            1,
            {3: ["labels"]},
            "labels of clip 4 changed; former clip 2 was removed",
        ),
    ],
)
def test_a_clip_list_changed_by_hand(file, change, first, users, seen):
    plan = edited(file, change)
    assert plan.first == first
    assert of_the_user(plan) == users
    assert "; ".join(plan.seen) == seen
    assert all(plan.fixed[i].narration == TEXTS[i] for i in range(first))
    assert len(plan.fixed) == len(plan.entries) == len(plan.story.clips)


def test_reordered_clips_are_put_in_the_order_of_their_times(file):
    plan = edited(file, lambda clips: clips.reverse())
    assert plan.first is None
    assert "order of their times" in plan.seen[0]
    plan = edited(file, lambda clips: clips.insert(0, {"start": 20, "end": 24, "narration": "The end."}))
    assert (plan.first, of_the_user(plan)) == (5, {5: ["narration"]})


def test_a_story_without_clips_is_refused(file):
    with pytest.raises(InputError, match="clips: the story has no clips"):
        edited(file, lambda clips: clips.clear())


def test_what_was_fixed_stays_so_when_clips_move(file):
    def change(clips):
        clips[3]["fixed"] = ["narration"]
        clips.pop(1)

    plan = edited(file, change)
    assert of_the_user(plan) == {2: ["narration"]}
    assert plan.fixed[2].narration == TEXTS[3]


def test_files_with_the_texts_in_their_record_are_read_as_before(file):
    data = json.loads(file.read_text())
    clips = [
        {"start": c.start, "end": c.end, "labels": [label.en for label in c.labels], "narration": c.narration}
        for c in STORY.clips
    ]
    known = [["Material", ["steel", "glass"]]]
    import hashlib

    text = json.dumps(["Red kettle", "en", "ad", known], ensure_ascii=False)
    product = hashlib.sha256(text.encode()).hexdigest()
    made_with = {"adapter": str(file.parent / "adapter"), "base_model": None}
    data["record"] = {"made_with": made_with, "product": product, "clips": clips}
    file.write_text(json.dumps(data))
    assert read_edited(file, Findings()).first is None
    plan = edited(file, lambda clips: clips[2].update(narration="Mine."))
    assert (plan.first, of_the_user(plan)) == (2, {2: ["narration"]})
    data["title"] = "Blue kettle"
    file.write_text(json.dumps(data))
    assert read_edited(file, Findings()).first == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n ]", ",\n ]", "at line 14 (a comma before the ])"),
        ('"labels"', "“labels”", "typographic quotes"),
        ('"start": 0.0', '"start": "now"', "clips[0].start: expected seconds, or MM:SS, got 'now'"),
        ('"title": "Red kettle"', '"title": 5', "title: expected a text, got 5; put it in quotes"),
        ('"narration": "Now."', '"narration": true', "narration: expected a text, got true; put it in quotes"),
    ],
)
def test_what_json_is_not_is_named_with_its_line(file, old, new, message):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read_edited(file, Findings())
    assert message in str(error.value)


def test_moved_files_are_found_and_lost_ones_named(file, tmp_path):
    from argparse import Namespace

    folder = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(folder)
    plan = read_edited(folder / "story.json", Findings())
    assert plan.story.video == str(folder / "kettle.mp4")
    assert plan.made_with["adapter"] == str(folder / "adapter")
    (folder / "adapter").rename(folder / "other")
    plan = read_edited(folder / "story.json", Findings())
    assert str(folder / "adapter") in plan.lost["adapter"]
    options = Namespace(run=None, adapter=None, base_model=None, edit=folder / "story.json")
    with pytest.raises(InputError, match=r"narrator that wrote it is not found \(tried .*; .* --run or --adapter"):
        check_found(plan, options)
    options.adapter = folder / "other"
    check_found(plan, options)
