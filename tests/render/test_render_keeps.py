"""What is the user's is never overwritten, and what a rendering has is not lost by the next one."""

import json
import os
from pathlib import Path

import pytest
from played import TEXTS, Pips, make_video, write_story

from vn import cli
from vn.errors import Findings, InputError
from vn.render import make
from vn.render.settings import RenderSettings, filled
from vn.render.story import read_narrated
from vn.story_file.record import record
from vn.voice.names import open_voice
from vn.voice.wav import write_wav


@pytest.fixture
def story(tmp_path):
    return write_story(tmp_path / "story", make_video(tmp_path / "v.mp4", sound=(0, 6)))


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_the_video_itself_is_not_overwritten(tmp_path, render, link):
    folder = tmp_path / "story"
    folder.mkdir()
    video = make_video(folder / "story.mp4", sound=(0, 6))
    if link is not None:
        link(video, tmp_path / "v.mp4")
    file = write_story(folder, video if link is None else tmp_path / "v.mp4")
    before = video.read_bytes()
    with pytest.raises(InputError, match=r"story\.mp4: is the video that the story is about"):
        render(file)
    assert video.read_bytes() == before
    assert render(file, tmp_path / "out").report["clips"]


def test_recordings_are_not_overwritten(story, render, tmp_path):
    folder = story.parent / "voice"
    folder.mkdir()
    for n, text in enumerate(TEXTS):
        write_wav(folder / f"{n:03}.wav", Pips().speak(text, "en"))
    before = [file.read_bytes() for file in sorted(folder.iterdir())]
    with pytest.raises(InputError, match="recordings"):
        render(story, voice=open_voice(f"wavs:{folder}"))
    assert [file.read_bytes() for file in sorted(folder.iterdir())] == before
    assert render(story, tmp_path / "out", voice=open_voice(f"wavs:{folder}")).report["clips"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_edit_made_while_it_renders_is_kept(story, render, tmp_path, monkeypatch, elsewhere):
    written = make.write_film

    def edited_meanwhile(film, out):
        data = json.loads(story.read_text())
        data["clips"][1]["narration"] = "Edited meanwhile."
        story.write_text(json.dumps(data))
        return written(film, out)

    monkeypatch.setattr(make, "write_film", edited_meanwhile)
    out = tmp_path / "out" if elsewhere else story.parent
    done = render(story, out)
    data = json.loads(story.read_text())
    assert data["clips"][1]["narration"] == "Edited meanwhile."
    assert data["render"]["voice"] == "pips"
    assert done.report["clips"][1]["text"] == TEXTS[1]
    if elsewhere:  # the copy is the story that was rendered
        assert json.loads((out / "story.json").read_text())["clips"][1]["narration"] == TEXTS[1]
    monkeypatch.undo()
    assert render(story, out).report["clips"][1]["text"] == "Edited meanwhile."


def test_narrations_that_are_not_spoken_stay_in_the_subtitles(story, render):
    data = json.loads(story.read_text())
    data["clips"][1]["narration"] = "……"
    story.write_text(json.dumps(data))
    render(story)
    before = (story.parent / "story.srt").read_text()
    assert "……" in before
    again = render(story, original_volume=0.5)
    assert "story.srt" in again.made
    assert (story.parent / "story.srt").read_text() == before
    assert [each.text for each in again.clips] == [TEXTS[0], "……", TEXTS[2]]
    assert [each.text for each in render(story).clips] == [TEXTS[0], "……", TEXTS[2]]


def test_a_file_for_editors_that_is_gone_is_written_again(story, render):
    render(story, editors=("ass",))
    (story.parent / "story.ass").unlink()
    assert "story.ass" in render(story, editors=("ass",)).made
    (story.parent / "story.ass").unlink()
    assert render(story).made == ()  # nobody asks for it any more
    assert render(story, original_volume=0.5).report["editors"] == []


def test_a_kind_for_editors_that_cannot_be_written_does_not_stay_in_the_way(tmp_path, render):
    pytest.importorskip("otio_fcp_adapter")
    story = write_story(tmp_path / "story", make_video(tmp_path / "v.mp4", sound=(0, 6)))
    for _ in range(2):
        with pytest.raises(InputError, match="no timecode"):
            render(story, editors=("fcp7", "ass"))
    assert "story.mp4" in render(story, original_volume=0.5).made
    assert (story.parent / "story.ass").is_file()


def test_a_font_is_found_from_another_folder(story, tmp_path, monkeypatch):
    (tmp_path / "own.ttf").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    asked = filled(RenderSettings(font=Path("own.ttf")), {}, story, "none")
    assert asked.to_dict()["font"] == str(tmp_path / "own.ttf")


def test_an_edited_story_in_which_nothing_changed_is_rendered_if_a_voice_is_named(story, tmp_path, capsys):
    found = read_narrated(story, Findings())
    data = {**json.loads(story.read_text()), "record": record(found.story, {}, story.parent)}
    story.write_text(json.dumps(data))
    folder = tmp_path / "recordings"
    folder.mkdir()
    for n, text in enumerate(TEXTS):
        write_wav(folder / f"{n:03}.wav", Pips().speak(text, "en"))
    assert cli.main(["narrate", "--edit", str(story), "--voice", f"wavs:{folder}"]) == 0
    assert "nothing was edited" in capsys.readouterr().out
    assert (story.parent / "story.mp4").is_file()
    assert (story.parent / "render.json").is_file()


@pytest.mark.parametrize("volume", ["9", "-1", "nan", "inf"])
def test_a_wrong_volume_is_named_as_it_was_given(story, capsys, volume):
    assert cli.main(["render", str(story), "--voice", "none", f"--original-volume={volume}"]) == 2
    error = capsys.readouterr().err
    assert "--original-volume: expected 0 to 4, got" in error
    assert "story.json" not in error
