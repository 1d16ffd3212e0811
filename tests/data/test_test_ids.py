"""Which stories are tested: lists of ids, of videos, and the release's ready prompts; and stories of one video."""

import json

import pytest

from vn.cli import main
from vn.data.readers import read
from vn.data.readers.groups import group_by_file, without_ending
from vn.data.splits import assign
from vn.errors import Findings, InputError


def write(folder, *stories):
    """Story files; each is an id and the video it names, or an id alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for story in stories:
        name, video = story if isinstance(story, tuple) else (story, None)
        data = {"title": "t", "language": "en", "domain": "general", **({"video": video} if video else {})}
        data["clips"] = [{"start": 0, "end": 9, "narration": f"A story of {name}."}]
        (folder / f"{name}.json").write_text(json.dumps(data))
    return folder


def prompts(*names, **fields):
    """Ready prompts in the way of LLaVA's files, with words of our own."""
    talk = [{"from": "human", "value": "<video>\nTell clip 1."}, {"from": "gpt", "value": "A lamp."}]
    return [{"id": name, **fields, "conversations": talk} for name in names]


@pytest.fixture
def tested(tmp_path):
    """The ids of the test split for a list of ids, and the findings."""
    write(tmp_path / "s", ("v1_A", "v1.mp4"), ("v1_B", "v1.mp4"), ("v2_A", "sub/v2.MOV"), "v3", ("w_1", "w_1.mp4"))

    def go(content, name="ids.txt"):
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        findings = Findings()
        stories = read("stories", tmp_path / "s", test_ids=file, findings=findings)
        return [x.story.id for x in stories if x.split == "test"], findings.lines

    return go


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("v3\n", ["v3"]),
        ("v1.mp4\n\n", ["v1_A", "v1_B"]),
        ("v1\r\nv3.webm\r\n", ["v1_A", "v1_B", "v3"]),
        ("sub/v2.MOV", ["v2_A"]),
        ("v2.mov", ["v2_A"]),
        ("videos/v2.mp4", ["v2_A"]),
        (["v3", "v2.mp4"], ["v2_A", "v3"]),
        ([{"id": "v3.mp4"}, {"video": "x/v2.MOV"}], ["v2_A", "v3"]),
        ([{"id": 7, "image": "v3_004.jpg"}], ["v3"]),
        ([{"image": ["v3_004.jpg", "v3_005.jpg"]}], ["v3"]),
        ([{"image": "frames/v3/004.jpg.npy"}], ["v3"]),
        (prompts("v3_0", "v3_1", "v2_0"), ["v2_A", "v3"]),
        ({"v3.mp4": {"p_name": "x"}, "v2.mp4": {}}, ["v2_A", "v3"]),
        (prompts("w_1"), ["w_1"]),  # an id of its own, not clip 1 of a video w
        (prompts("w_1_3"), ["w_1"]),
    ],
)
def test_ids_of_all_kinds(tested, content, ids):
    assert tested(content) == (ids, [])


def test_json_lines(tested):
    assert tested("\n".join(map(json.dumps, prompts("v3_0", "v3_1"))), "test.jsonl") == (["v3"], [])


def test_ids_that_name_nothing_are_listed(tested):
    ids, (line,) = tested("v3\nv4\nv5.mp4\nv3_1\n")
    assert ids == ["v3"]
    assert line.endswith("ids.txt: 3 of 4 ids match no story, the first is v4, then v5.mp4, v3_1")
    ids, (line,) = tested(prompts(*(f"x{n}_0" for n in range(30))))
    assert ids == []
    assert "30 of 30 ids match no story, the first is x0_0, then x1_0, " in line
    assert line.endswith("x10_0 and 19 more")


def test_ids_may_name_stories_that_cannot_be_used(tmp_path):
    (write(tmp_path / "s", "a") / "b.json").write_text("{}")
    (tmp_path / "ids").write_text("b")
    findings = Findings()
    read("stories", tmp_path / "s", test_ids=tmp_path / "ids", findings=findings, bad=[])
    assert "1 of 1 ids match no story (or one that cannot be used), the first is b" in findings.lines[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected one test id per line, or a JSON list of them, found none"),
        ({"test": ["v3"]}, "expected a list of ids, got a dict"),
        ("[", "not JSON"),
        (
            ["v3", {"text": "v3"}],
            r"\[1\]: expected an id, or an object with id or video_id or question_id or video or image",
        ),
        ([["v3"], [None]], r"\[1\]: expected an id"),
        ([""], r"\[0\]: expected an id"),
        ([{"id": True}], r"\[0\]: expected an id"),
    ],
)
def test_bad_lists_name_the_entry(tested, content, message):
    with pytest.raises(InputError, match=message):
        tested(content)


def test_any_list_that_names_videos_is_not_the_corpus(tmp_path):
    file = tmp_path / "test.json"
    for entry in ({"video": "a.mp4", "input": "Tell it."}, {"id": "a", "text": "Tell it."}):
        file.write_text(json.dumps([entry]))
        with pytest.raises(InputError, match="is a list of 1 ready prompts"):
            read("esyncvidstory", file)
    file.write_text("[3]")
    with pytest.raises(InputError, match=r"expected an object keyed by <id>\.mp4"):
        read("esyncvidstory", file)


@pytest.mark.parametrize("reader", ["esyncvidstory", "stories", "video-storytelling"])
def test_ready_prompts_are_not_annotations(tmp_path, capsys, reader):
    file = tmp_path / "test.json"
    file.write_text(json.dumps(prompts("a_0", "a_1", "b_0", video="a.mp4")))
    assert main(["prepare", str(file), "--reader", reader, "--out", str(tmp_path / "data")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{file}: is a list of 3 ready prompts (as the release's test.json), not annotations" in line
    assert "--test-ids, which reads its ids" in line
    assert not (tmp_path / "data").exists()


def test_ready_prompts_choose_the_test_split_of_the_corpus(tmp_path, capsys):
    import numpy as np

    from vn.data.manifest import Manifest

    frames = [{"time": [0, 3], "label": "外观设计", "new_text": "白色收腰款。"}]
    names = ("a1", "b2", "c3")
    (tmp_path / "ads.json").write_text(json.dumps({f"{x}.mp4": {"p_name": "衣", "frames": frames} for x in names}))
    (tmp_path / "test.json").write_text(json.dumps(prompts("c3_0", "c3_1", "zz_0")))
    for name in names:
        np.save(tmp_path / f"{name}_001.jpg.npy", np.ones((2, 4), np.float16))
    command = ["prepare", str(tmp_path / "ads.json"), "--reader", "esyncvidstory", "--out", str(tmp_path / "data")]
    command += ["--encoder", "features", "--features", str(tmp_path), "--test-ids", str(tmp_path / "test.json")]
    assert main(command) == 0
    assert [entry.key for entry in Manifest.load(tmp_path / "data").samples("test")] == ["c3"]
    assert "test.json: 1 of 3 ids match no story, the first is zz_0" in capsys.readouterr().err


class TestStoriesOfOneVideo:
    def test_they_stay_in_one_split(self, tmp_path):
        pairs = [(f"v{n:02}_{who}", f"v{n:02}.mp4") for n in range(40) for who in "AB"]
        splits = assign(read("stories", write(tmp_path / "s", *pairs)), 0.3)
        videos = {split: {x.story.video for x in splits[split]} for split in ("train", "val")}
        assert videos["train"]
        assert videos["val"]
        assert not videos["train"] & videos["val"]

    def test_a_video_keeps_its_place_when_its_folder_moves_or_its_story_is_alone(self, tmp_path):
        names = [f"v{n}" for n in range(40)]
        ways = {
            "id": names,
            "file": [(n, f"{n}.mp4") for n in names],
            "moved": [(n, f"../videos/{n}.mp4") for n in names],
            "linked": [(n, f"https://example.org/{n}.mp4") for n in names],
        }
        found = {
            way: [x.story.id for x in assign(read("stories", write(tmp_path / way, *stories)), 0.3)["val"]]
            for way, stories in ways.items()
        }
        assert 0 < len(found["id"]) < 40
        assert all(ids == found["id"] for ids in found.values())

    def test_videos_of_one_name_in_several_folders_are_several(self, tmp_path):
        stories = [(f"s{n}", f"{n}/video.mp4") for n in range(40)]
        splits = assign(read("stories", write(tmp_path / "s", *stories)), 0.5)
        assert len({x.group for x in splits["val"]}) == len(splits["val"]) > 0
        assert splits["train"]
        same = read("stories", write(tmp_path / "t", ("a", "x/../y/v.mp4"), ("b", "./y/v.mp4"), ("c", "z/v.mp4")))
        assert [x.group for x in same] == ["y/v", "y/v", "z/v"]

    def test_one_file_is_one_video_however_it_is_named(self, tmp_path):
        (tmp_path / "x").mkdir()
        file = tmp_path / "x" / "v.mp4"
        file.write_bytes(b"")
        ways = [("a", str(file)), ("b", "x/v.mp4"), ("c", "x/../x/v.mp4"), ("d", "w.mp4")]
        stories = read("stories", write(tmp_path / "s", *ways))
        found = group_by_file(stories, lambda x: file if x.story.id != "d" else None)
        assert len({x.group for x in found}) == 2
        assert len({x.group for x in found[:3]}) == 1

    def test_prepare_knows_the_file_by_its_place(self, tmp_path, colour):
        from rendered_videos import counting_video

        from vn.data.manifest import Manifest

        (tmp_path / "videos").mkdir()
        for name in ("v", "w"):
            counting_video(tmp_path / "videos" / f"{name}.mp4", 90)
        write(tmp_path / "s", ("a", str(tmp_path / "videos" / "v.mp4")), ("b", "v.mp4"), ("c", "w.mp4"))
        (tmp_path / "ids").write_text("a\n")
        command = ["prepare", str(tmp_path / "s"), "--reader", "stories", "--videos", str(tmp_path / "videos")]
        command += ["--encoder", "colour", "--test-ids", str(tmp_path / "ids"), "--out", str(tmp_path / "data")]
        assert main([*command, "--val-share", "0"]) == 0
        manifest = Manifest.load(tmp_path / "data")
        assert [entry.key for entry in manifest.samples("test")] == ["a", "b"]
        assert any("1 story goes to the test split" in line for line in manifest.warnings)

    def test_a_tested_story_takes_the_others_with_it(self, tmp_path):
        folder = write(tmp_path / "s", ("a_1", "a.mp4"), ("a_2", "a.mp4"), ("b", "b.mp4"))
        (tmp_path / "ids").write_text("a_2\n")
        findings = Findings()
        stories = read("stories", folder, test_ids=tmp_path / "ids", findings=findings)
        assert [x.split for x in stories] == ["test", "test", None]
        assert findings.lines == [
            "1 story goes to the test split, because another story of the same video is there: a_1"
        ]

    def test_folders_that_tear_a_video_apart(self, tmp_path):
        write(tmp_path / "s" / "train", ("a_1", "a.mp4"), ("b_1", "b.mp4"), ("c", "c.mp4"))
        write(tmp_path / "s" / "val", ("b_2", "b.mp4"))
        write(tmp_path / "s" / "test", ("a_2", "a.mp4"))
        findings = Findings()
        stories = read("stories", tmp_path / "s", findings=findings)
        assert {x.story.id: x.split for x in stories} == {
            **{"a_1": "test", "a_2": "test"},
            **{"b_1": "val", "b_2": "val", "c": "train"},
        }
        assert len(findings) == 2

    def test_text_files_of_one_video(self, tmp_path):
        for n, text in enumerate(("v.mp4\n00:00 00:05 a", "v.mp4\n00:00 00:05 b", "w.mp4\n00:00 00:05 c")):
            (tmp_path / f"{n}.txt").write_text(text)
        for ids, tested in (("v_2\n", ["v_1", "v_2"]), ("v.mp4", ["v_1", "v_2"]), ("w", ["w"])):
            (tmp_path / "ids").write_text(ids)
            stories = read("video-storytelling", tmp_path, test_ids=tmp_path / "ids")
            assert [x.story.id for x in stories if x.split == "test"] == tested


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.mp4", "a"),
        ("a.b.MOV", "a.b"),
        ("v1.0", "v1.0"),
        ("v.3gp", "v"),
        ("a.", "a."),
        ("x/y.ts", "x/y"),
        ("a.m2ts", "a"),
    ],
)
def test_endings(name, bare):
    assert without_ending(name) == bare
