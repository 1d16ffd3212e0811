"""The studio's folder: stories are made whole or not at all, and no path leads out of it."""

import io
import json
import os
import shutil
import zipfile
from dataclasses import replace

import pytest
import yaml

from vn.errors import InputError
from vn.story import Clip, ScriptLabel, Story
from vn.story_file.record import record
from vn.studio import pieces
from vn.studio.bundle import file_of, write_bundle
from vn.studio.inside import inside
from vn.studio.story_folder import StoryFolder
from vn.studio.workspace import Workspace, write_form


@pytest.fixture
def story(workspace, video, product, card) -> StoryFolder:
    return workspace.create("kettle", video, product, card, move=False)


def test_a_story_is_a_folder_that_another_workspace_finds(workspace, story, video):
    assert workspace.stories() == ["kettle"]
    again = Workspace(workspace.folder).open("kettle")
    assert again.video().read_bytes() == video.read_bytes()
    assert again.sheet().story.title == "Aurora kettle"
    assert again.sheet().story.knowledge == story.sheet().story.knowledge
    assert workspace.free_name("kettle") == "kettle-2"
    assert workspace.free_name("../my kettle!") == "my-kettle"


def test_what_is_edited_before_it_is_written_is_in_the_product_file(story):
    data = yaml.safe_load((story.folder / "product.yaml").read_text())
    data["clips"] = [{"start": 0, "end": 2}, {"start": 2, "end": 6, "labels": ["Sore Point"]}]
    (story.folder / "product.yaml").write_text(yaml.safe_dump(data))
    story.edit_clips([(0, 2), (2, 6)], lambda clips: clips[0].update(narration="Mine.", fixed=["narration"]))
    kept = yaml.safe_load((story.folder / "product.yaml").read_text())
    assert kept["clips"] == [
        {"start": 0, "end": 2, "narration": "Mine."},
        {"start": 2, "end": 6, "labels": ["Sore Point"]},
    ]
    assert [e.get("fixed") for e in story.sheet().clips] == [["narration"], ["labels"]]
    with pytest.raises(InputError, match="changed elsewhere"):
        story.edit_clips([(0, 3), (3, 6)], lambda clips: None)
    with pytest.raises(InputError, match=r"clips\[0\].end"):
        story.edit_clips([(0, 2), (2, 6)], lambda clips: clips[0].update(end=-1))
    assert yaml.safe_load((story.folder / "product.yaml").read_text()) == kept


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/etc", "", "a\0b", "x" * 300, ".uploads", "../studio"])
def test_a_name_that_is_no_name_of_a_story(workspace, video, product, card, name):
    with pytest.raises(InputError, match="an id has letters"):
        workspace.open(name)
    with pytest.raises(InputError, match="an id has letters"):
        workspace.create(name, video, product, card, move=False)
    assert list(workspace.folder.iterdir()) == []


def test_nothing_is_left_of_a_story_that_cannot_be_made(workspace, video, product, card, tmp_path):
    (tmp_path / "video.txt").write_text("text")
    (tmp_path / "text.mp4").write_text("text")
    (tmp_path / "product.exe").write_text("text")
    (tmp_path / "list.yaml").write_text("- a\n")
    refused = [
        (tmp_path / "video.txt", product, "is not a video: its name ends in none of"),
        (tmp_path / "text.mp4", product, "not a video that can be read"),
        (video, tmp_path / "product.exe", "is not a product file"),
        (video, tmp_path / "list.yaml", "list.yaml"),
        (tmp_path / "none.mp4", product, "is not a file"),
    ]
    for film, facts, sentence in refused:
        with pytest.raises(InputError, match=sentence):
            workspace.create("kettle", film, facts, card, move=False)
    with pytest.raises(InputError, match=r"is 'en', but the narrator was trained on 'zh'"):
        workspace.create("kettle", video, product, replace(card, language="zh"), move=False)
    assert list(workspace.folder.iterdir()) == []
    workspace.create("kettle", video, product, card, move=False)
    with pytest.raises(InputError, match="there is a story 'kettle' already"):
        workspace.create("kettle", video, product, card, move=False)


def test_links_that_lead_out_are_refused(workspace, story, tmp_path, video):
    secret = tmp_path / "secret.mp4"
    shutil.copy(video, secret)
    (workspace.folder / "out").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leads out of this folder"):
        workspace.open("out")
    place = story.video()
    place.unlink()
    place.symlink_to(secret)
    with pytest.raises(InputError, match="leads out of this folder"):
        story.video()
    (story.folder / "story.mp4").symlink_to(secret)
    with pytest.raises(InputError, match="leads out of this folder"):
        file_of(story, "story.mp4")
    (story.folder / "product.yaml").rename(tmp_path / "elsewhere.yaml")
    (story.folder / "product.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(InputError, match="leads out of this folder"):
        story.sheet()
    (story.folder / "circle").symlink_to(story.folder / "circle")
    with pytest.raises(InputError):
        inside(story.folder, "circle")


@pytest.mark.parametrize("named", ["../secret.mp4", "/etc/passwd", "./../../x.mp4", "a\0b"])
def test_a_story_names_no_video_outside_its_folder(story, named):
    (story.folder / "story.json").write_text(json.dumps({"video": named}))
    with pytest.raises(InputError, match=r"leads out of this folder|is not a path"):
        story.video()


def test_videos_to_choose_from_are_in_their_folder(tmp_path, video):
    videos = tmp_path / "videos"
    (videos / "more").mkdir(parents=True)
    shutil.copy(video, videos / "more" / "a.MP4")
    (videos / "note.txt").write_text("no video")
    (videos / "out.mp4").symlink_to(video)
    workspace = Workspace(tmp_path / "studio", videos)
    assert workspace.choices() == ["more/a.MP4"]
    assert workspace.chosen("more/a.MP4").samefile(videos / "more" / "a.MP4")
    for name in ("out.mp4", "../product.yaml", str(video), "note.txt"):
        with pytest.raises(InputError, match="to choose from"):
            workspace.chosen(name)
    with pytest.raises(InputError, match="no such folder of videos"):
        Workspace(tmp_path / "studio", tmp_path / "none")


def test_the_archive_has_the_storys_files_and_no_others(story, tmp_path):
    (story.folder / "voice").mkdir()
    for name in ("story.srt", "voice/000.wav", "render.json"):
        (story.folder / name).write_text(name)
    for name in (".lock", "story.mp4.partial", "notes.txt", "voice/x.wav"):
        (story.folder / name).write_text("not of the story")
    (tmp_path / "secret").write_text("secret")
    (story.folder / "story.vtt").symlink_to(tmp_path / "secret")
    out = io.BytesIO()
    names = write_bundle(story, out)
    assert sorted(names) == ["product.yaml", "render.json", "story.srt", "video.mp4", "voice/000.wav"]
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.read("kettle/voice/000.wav") == b"voice/000.wav"
        assert archive.read("kettle/video.mp4") == story.video().read_bytes()
    for name in ("notes.txt", "../kettle/story.srt", "voice/../.lock", ".lock", "voice", ""):
        with pytest.raises(InputError):
            file_of(story, name)


def test_a_form_makes_a_product_file(tmp_path, card):
    file = write_form(tmp_path / "product.yaml", " A kettle ", "Material: steel\n", card)
    assert yaml.safe_load(file.read_text()) == {
        "title": "A kettle",
        "language": "en",
        "domain": "ad",
        "knowledge": [{"aspect": "Material", "points": ["steel"]}],
    }
    with pytest.raises(InputError, match="title: is missing"):
        write_form(tmp_path / "product.yaml", "  ", "", card)


def test_an_upload_is_moved_and_a_chosen_video_is_copied(workspace, video, product, card, tmp_path):
    upload = tmp_path / "upload.mp4"
    shutil.copy(video, upload)
    workspace.create("one", upload, product, card, move=True)
    assert not upload.exists()
    workspace.create("two", video, product, card, move=False)
    assert video.exists()
    assert not any(name.startswith(".") for name in os.listdir(workspace.folder))


@pytest.mark.parametrize("content", ["[]", "5", "null", '"text"'])
def test_a_story_that_is_none_is_one_sentence(story, content):
    (story.folder / "story.json").write_text(content)
    with pytest.raises(InputError, match="expected a story"):
        story.video()


def test_warnings_that_are_none_are_left_out(story):
    known = Story("kettle", "Kettle", "en", "ad", (), (Clip(0, 2, (ScriptLabel.OTHERS,), "A pot."),), "video.mp4")
    data = {**known.to_dict(), "record": record(known, {}, story.folder)}
    for warnings, shown in ((5, []), ("text", []), (["short", 3], ["short"])):
        (story.folder / "story.json").write_text(json.dumps({**data, "warnings": warnings}))
        assert story.sheet().warnings == shown


def test_what_an_earlier_rendering_left_is_read_strictly(story):
    clip = {"clip": 0, "start": 0, "end": 3, "voice_start": 0.06, "voice_end": 1, "words": 1, "speed": 1.0, "over": 0}
    clip |= {"file": "voice/000.wav", "text": "<b>tea"}
    report = {"format": 1, "video": "story.mp4", "duration": 6, "width": 96, "height": 64, "fps": [10, 1], "start": 0}
    (story.folder / "story.mp4").write_bytes(b"film")
    file = story.folder / "render.json"
    file.write_text(json.dumps({**report, "clips": [clip]}))
    html = pieces.film(story)
    assert "<td>0.1–1.0 s of 0.0–3.0 s</td>" in html
    assert "&lt;b&gt;tea" in html
    assert "render it again" in html
    broken = [5, [5], [[]], [{}], *([{**clip, name: None}] for name in ("clip", "start", "end", "voice_end", "text"))]
    for clips in broken:
        file.write_text(json.dumps({**report, "clips": clips}))
        with pytest.raises(InputError, match=r"render\.json: clips"):
            pieces.film(story)
    for asked in ({"original_volume": "loud"}, {"original_volume": None}, {"burn": "yes"}):
        (story.folder / "story.json").write_text(json.dumps({"render": asked}))
        with pytest.raises(InputError, match=r"story\.json: render\."):
            pieces.last_render(story)
    (story.folder / "story.json").write_text(json.dumps({"render": {"voice": "espeak-ng", "original_volume": 2}}))
    assert (pieces.last_render(story).voice, pieces.last_render(story).original_volume) == ("espeak-ng", 2)
