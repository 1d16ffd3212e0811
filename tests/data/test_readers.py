"""Readers: what each source's files become, and every way in which they can be wrong."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.data.readers import read
from vn.data.splits import assign, in_val
from vn.errors import Findings, InputError
from vn.story import ScriptLabel
from vn.story_reader import parse_story

AD = {
    "p_name": "防晒衣",
    "p_info": "外观：白色、收腰\n功效: 防晒、 透气\n专利：\n",
    "frames": [
        {"time": [0, 3], "label": "外观设计", "new_text": "白色收腰款。"},
        {"time": [3, 5], "label": "产品功效"},
        {"time": [6, 9], "label": "其他+引导购买", "new_text": "快来下单。"},
    ],
}


def ad(**changes) -> dict:
    return {**AD, **changes}


def frame(**changes) -> dict:
    return {**AD["frames"][0], **changes}


@pytest.fixture
def esync(tmp_path):
    """Writes an E-SyncVidStory file (a string goes in as it is) and reads it."""

    def go(content, test_ids=None, **kwargs):
        file = tmp_path / "ads.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
        if test_ids is not None:
            (tmp_path / "ids.txt").write_text(test_ids)
            kwargs["test_ids"] = tmp_path / "ids.txt"
        return read("esyncvidstory", file, **kwargs)

    return go


class TestESyncVidStory:
    def test_reads_a_story(self, esync):
        findings = Findings()
        (source,) = esync({"a1.mp4": AD}, findings=findings)
        story = source.story
        assert (story.id, story.title, story.language, story.domain, story.video) == (
            "a1",
            "防晒衣",
            "zh",
            "ad",
            "a1.mp4",
        )
        assert [(k.aspect, k.points) for k in story.knowledge] == [
            ("外观", ("白色", "收腰")),
            ("功效", ("防晒", "透气")),
        ]
        assert [(c.start, c.end) for c in story.clips] == [(0, 3), (3, 5), (6, 9)]
        assert story.clips[2].labels == (ScriptLabel.OTHERS, ScriptLabel.CALL_TO_ACTION)
        assert story.clips[1].narration is None
        assert story.narrated == (0, 2)
        assert source.split is None
        assert not findings

    def test_the_link_is_kept(self, esync):
        assert esync({"a.mp4": ad(link="https://example.org/a.mp4")})[0].story.video == "https://example.org/a.mp4"

    def test_the_type_is_the_category(self, esync):
        sources = esync({"a.mp4": ad(type=" 防晒 服饰\n"), "b.mp4": ad(type=""), "c.mp4": ad(type=None)})
        assert [source.story.category for source in sources] == ["防晒 服饰", None, None]
        with pytest.raises(InputError, match=r"a.mp4: type: expected a text, got \['防晒'\]"):
            esync({"a.mp4": ad(type=["防晒"])})

    @pytest.mark.parametrize("test_ids", ["b\n", "b.mp4\n\n", "a9\nb.mp4"])
    def test_test_ids_with_and_without_suffix(self, esync, test_ids):
        findings = Findings()
        sources = esync({"a.mp4": AD, "b.mp4": AD}, test_ids, findings=findings)
        assert [s.split for s in sources] == [None, "test"]
        assert len(findings) == ("a9" in test_ids)
        assert all("1 of 2 ids match no story, the first is a9" in line for line in findings.lines)

    def test_a_clip_within_a_second_lasts_one(self, esync):
        findings = Findings()
        (source,) = esync({"a.mp4": ad(frames=[frame(time=[2, 2]), frame(time=[3, 4])])}, findings=findings)
        assert [(c.start, c.end) for c in source.story.clips] == [(2, 3), (3, 4)]
        assert "ads.json: a.mp4: frames[0].time: starts and ends at 2 s; taken as one second long" in findings.lines[0]

    def test_an_overlap_of_a_second_is_told(self, esync):
        findings = Findings()
        esync({"a.mp4": ad(frames=[frame(time=[0, 4]), frame(time=[3, 6])])}, findings=findings)
        assert "frames[1].time: starts 1 s before clip 0 ends" in findings.lines[0]
        assert len(findings) == 1

    def test_a_point_broken_over_lines_is_kept(self, esync):
        findings = Findings()
        (source,) = esync({"a.mp4": ad(p_info="散\n功效：防晒、透\n气")}, findings=findings)
        assert [(k.aspect, k.points) for k in source.story.knowledge] == [
            ("其他", ("散",)),
            ("功效", ("防晒", "透", "气")),
        ]
        assert len(findings) == 2

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{", "ads.json: not JSON: .* at line 1"),
            ("[]", "expected an object keyed by <id>.mp4"),
            ("{}", "no stories"),
            ({"a b.mp4": AD}, "a b.mp4: id: an id has letters"),
            ('{"a.mp4": {}, "a.mp4": {}}', "ads.json: a.mp4: the id appears twice"),
            ('{"a.mp4": {"p_name": "x", "p_name": "y"}}', "a.mp4: p_name: appears twice"),
            (
                '{"a.mp4": {"p_name": "x", "frames": [{"time": 1, "time": 2}]}}',
                r"a.mp4: frames\[0\].time: appears twice",
            ),
            ({"a.mp4": [1]}, "a.mp4: expected an object"),
            ({"a.mp4": ad(p_name=" ")}, "a.mp4: p_name: expected the product's name"),
            ({"a.mp4": ad(p_info=["x"])}, "a.mp4: p_info: expected lines"),
            ({"a.mp4": ad(frames=[])}, "a.mp4: frames: the story has no clips"),
            ({"a.mp4": ad(frames=[3])}, r"a.mp4: frames\[0\]: expected an object"),
            ({"a.mp4": ad(frames=[frame(time=[1])])}, r"frames\[0\].time: expected \[start, end\]"),
            ({"a.mp4": ad(frames=[frame(time=["0", 1])])}, r"frames\[0\].time: expected"),
            ({"a.mp4": ad(frames=[frame(time=[-1, 1])])}, r"frames\[0\].time: expected"),
            ('{"a.mp4": {"p_name": "x", "frames": [{"time": [0, NaN]}]}}', r"frames\[0\].time: expected"),
            ({"a.mp4": ad(frames=[frame(time=[5, 3])])}, r"frames\[0\].time: ends at 3 s, but starts at 5 s"),
            ({"a.mp4": ad(frames=[frame(label="外观设汁")])}, r"frames\[0\].label: unknown .*'外观设汁'.*'外观设计'"),
            ({"a.mp4": ad(frames=[frame(label=7)])}, r"frames\[0\].label: expected"),
            ({"a.mp4": ad(frames=[frame(new_text=7)])}, r"frames\[0\].new_text: expected a text"),
        ],
    )
    def test_bad_input_names_its_place(self, esync, content, message):
        with pytest.raises(InputError, match=message):
            esync(content)

    def test_a_bad_story_costs_only_itself_where_wanted(self, esync):
        bad = []
        sources = esync({"a.mp4": AD, "b.mp4": ad(frames=[]), "c.mp4": AD}, bad=bad)
        assert [s.story.id for s in sources] == ["a", "c"]
        assert ["b.mp4" in str(error) for error in bad] == [True]

    def test_another_encoding_is_refused(self, tmp_path):
        file = tmp_path / "ads.json"
        file.write_bytes(json.dumps({"a.mp4": AD}, ensure_ascii=False).encode("gbk"))
        with pytest.raises(InputError, match=r"ads.json: not UTF-8 at byte \d+"):
            read("esyncvidstory", file)

    def test_an_empty_list_of_test_ids_is_refused(self, esync):
        with pytest.raises(InputError, match=r"ids\.txt: expected one test id per line"):
            esync({"a.mp4": AD}, "\n")

    def test_real_annotations(self, real_data):
        findings = Findings()
        sources = read("esyncvidstory", real_data / "esyncvidstory_sample.json", findings=findings)
        assert (len(sources), sum(len(s.story.clips) for s in sources)) == (40, 271)
        assert not findings.lines
        for source in sources:
            assert source.story.knowledge
            assert parse_story(source.story.to_dict()) == source.story


class TestVideoStorytelling:
    def write(self, folder: Path, **files: str) -> Path:
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        return folder

    def test_reads_stories(self, tmp_path):
        self.write(tmp_path / "birth_day", s1="v-1.mp4\n00:00 00:12 the guests arrive\n01:02 02:03  She smiles!\n\n")
        self.write(tmp_path / "birth_day", s2="v-1.mp4\n00:00 00:10 another view", s3="v_2.webm\n00:00 00:05 x.\n")
        (tmp_path / "ids.txt").write_text("v-1")
        sources = read("video-storytelling", tmp_path / "birth_day", test_ids=tmp_path / "ids.txt")
        assert [(s.story.id, s.group, s.split) for s in sources] == [
            ("v-1_1", "v-1", "test"),
            ("v-1_2", "v-1", "test"),
            ("v_2", "v_2", None),
        ]
        story = sources[0].story
        assert (story.title, story.language, story.domain, story.video) == ("birth day", "en", "general", "v-1.mp4")
        assert [(k.aspect, k.points) for k in story.knowledge] == [("topic", ("birth day",))]
        assert [(c.start, c.end, c.narration) for c in story.clips] == [
            (0, 12, "The guests arrive."),
            (62, 123, "She smiles!"),
        ]
        assert all(clip.labels is None for clip in story.clips)

    def test_the_topic_may_be_given(self, tmp_path):
        folder = self.write(tmp_path / "x", s1="v.mp4\n00:00 00:12 a\n")
        assert read("video-storytelling", folder, topic="a wedding")[0].story.title == "a wedding"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "s1.txt: expected the video's file name"),
            ("v.mp4\n\n", "s1.txt: v: the story has no clips"),
            ("v 1.mp4\n00:00 00:01 a", "v 1: id: an id has letters"),
            ("v.mp4\n0:61 1:02 a", "v: line 2: expected 'MM:SS MM:SS sentence'"),
            ("v.mp4\n00:00 00:05\n", "v: line 2: expected 'MM:SS MM:SS sentence'"),
            ("v.mp4\n00:00 00:05 a\n\n00:09 00:08 b", "v: line 4: ends at 8 s, but starts at 9 s"),
            ("v.mp4\n00:00 00:05 a\n00:03 00:08 b", "v: line 3: starts 2 s before"),
        ],
    )
    def test_bad_input_names_its_place(self, tmp_path, text, message):
        with pytest.raises(InputError, match=message):
            read("video-storytelling", self.write(tmp_path / "x", s1=text))


class TestStories:
    STORY: ClassVar[dict] = {
        "id": "a",
        "title": "t",
        "language": "en",
        "clips": [{"start": 0, "end": 2, "narration": "Hello."}],
    }

    def test_a_folder_a_list_and_lines_are_the_same(self, tmp_path):
        stories = [{**self.STORY, "id": name, "title": "line\u2028separator"} for name in "abc"]
        (tmp_path / "folder").mkdir()
        for story in stories:
            (tmp_path / "folder" / f"{story['id']}.json").write_text(json.dumps(story, ensure_ascii=False), "utf-8")
        (tmp_path / "list.json").write_text(json.dumps(stories), "utf-8")
        lines = "\n".join(json.dumps(s, ensure_ascii=False) for s in stories)
        (tmp_path / "lines.jsonl").write_text(lines + "\n\n", "utf-8")
        read_all = [
            [s.story for s in read("stories", tmp_path / name)] for name in ("folder", "list.json", "lines.jsonl")
        ]
        assert [s.id for s in read_all[0]] == ["a", "b", "c"]
        assert read_all[0] == read_all[1] == read_all[2]

    @pytest.mark.parametrize("folders", [("train", "val", "test"), ("train", "test"), ("test",)])
    def test_subfolders_are_splits(self, tmp_path, folders):
        for name in folders:
            (tmp_path / name).mkdir()
            (tmp_path / name / f"{name}.json").write_text(json.dumps({**self.STORY, "id": name}), "utf-8")
        splits = {s.story.id: s.split for s in read("stories", tmp_path)}
        # Without a folder for val, train gives it a share.
        assert splits == {name: None if name == "train" and "val" not in folders else name for name in folders}

    def test_clips_and_id_may_be_missing(self, tmp_path):
        (tmp_path / "my-video.json").write_text('{"title": "t", "language": "en"}')
        (source,) = read("stories", tmp_path)
        assert (source.story.id, source.story.clips) == ("my-video", ())

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("s.json", "{", "s.json: not JSON"),
            ("s.json", "[]", "s.json: expected stories, found an empty list"),
            ("s.json", '[{"title": "t", "language": "en"}]', "s.json: id: expected a text"),
            ("s.json", '{"id": "a", "id": "b"}', "s.json: b: id: appears twice"),
            ("s.json", '{"id": "a", "titel": "b"}', "s.json: a: unknown field 'titel'.*'title'"),
            ("s.jsonl", '{"id": "a", "title": "t", "language": "en"}\n\n{"id": }', "s.jsonl: not JSON: .* at line 3"),
        ],
    )
    def test_bad_input_names_its_place(self, tmp_path, name, text, message):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            read("stories", tmp_path / name)

    def test_bad_lines_cost_only_themselves_where_wanted(self, tmp_path):
        lines = [json.dumps(self.STORY), "{", json.dumps({**self.STORY, "id": "b"}), '{"id": "c"}']
        (tmp_path / "s.jsonl").write_text("\n".join(lines))
        bad = []
        assert [s.story.id for s in read("stories", tmp_path / "s.jsonl", bad=bad)] == ["a", "b"]
        assert len(bad) == 2

    def test_an_id_in_two_files_is_refused(self, tmp_path):
        for name in ("one.json", "two.json"):
            (tmp_path / name).write_text(json.dumps(self.STORY))
        with pytest.raises(InputError, match=r"two\.json: a: id: the id appears in .*one\.json too"):
            read("stories", tmp_path)


def test_an_unknown_reader_and_a_missing_source(tmp_path):
    with pytest.raises(InputError, match=r"no reader 'story' .did you mean 'stories'"):
        read("story", tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        read("stories", tmp_path / "none")
    with pytest.raises(InputError, match=r"^https://h/x: stories are read from a path, not from a URL"):
        read("stories", "https://h/x")
    with pytest.raises(InputError, match="no stories"):
        read("stories", tmp_path)


@given(st.sets(st.text("abcdef0123456789", min_size=1, max_size=8), max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_val_grows_with_its_share_and_nothing_else_moves(ids, share, larger):
    share, larger = sorted((share, larger))
    assert {i for i in ids if in_val(i, share)} <= {i for i in ids if in_val(i, larger)}
    assert not any(in_val(i, 0.0) for i in ids)
    assert all(in_val(i, 1.0) for i in ids)


def test_the_share_is_about_right_and_stories_of_a_video_stay_together(tmp_path):
    assert 250 < sum(in_val(f"video{n}", 0.03) for n in range(10_000)) < 350
    for n in range(40):
        for story in "ab":
            (tmp_path / f"{n}{story}.txt").write_text(f"v{n}.mp4\n00:00 00:05 x\n")
    splits = assign(read("video-storytelling", tmp_path), 0.3)
    groups = [{s.group for s in splits[split]} for split in ("train", "val")]
    assert groups[0]
    assert groups[1]
    assert not groups[0] & groups[1]
