"""Only what has changed is spoken and rendered again, and what was asked for is remembered."""

import json
import os

import pytest
from played import TEXTS, Pips, heard, make_video, write_story

from vn.errors import InputError
from vn.voice.names import open_voice
from vn.voice.wav import write_wav


@pytest.fixture
def story(tmp_path):
    return write_story(tmp_path / "story", make_video(tmp_path / "v.mp4", sound=(0, 6)))


def stamps(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def change(story, **more):
    data = json.loads(story.read_text())
    story.write_text(json.dumps({**data, **more}))
    return data


def test_nothing_changed_touches_nothing(story, render):
    first = render(story)
    assert set(first.made) >= {"story.mp4", "story.srt", "story.vtt", "render.json", "story.html", "voice/000.wav"}
    before = stamps(story.parent)
    voice = Pips()
    again = render(story, voice=voice)
    assert again.made == ()
    assert again.report == first.report
    assert stamps(story.parent) == before
    assert voice.spoken == []


def test_one_changed_narration_is_spoken_alone(story, render, tmp_path):
    voices = tmp_path / "own"
    voice = Pips()
    render(story, voice=voice, voices=voices)
    assert set(TEXTS) <= set(voice.spoken)
    wavs = [story.parent / f"voice/00{n}.wav" for n in range(3)]
    before = [wav.read_bytes() for wav in wavs]
    data = json.loads(story.read_text())
    data["clips"][1]["narration"] = "Quite another text now."
    story.write_text(json.dumps(data))
    voice = Pips()
    again = render(story, voice=voice, voices=voices)
    assert voice.spoken == ["Quite another text now."]
    assert [wav.read_bytes() == old for wav, old in zip(wavs, before, strict=True)] == [True, False, True]
    assert again.report["clips"][1]["text"] == "Quite another text now."
    assert "Quite another text now." in (story.parent / "story.srt").read_text()


def test_another_volume_speaks_nothing(story, render):
    render(story)
    before = stamps(story.parent)
    voice = Pips()
    again = render(story, voice=voice, original_volume=0.0)
    assert voice.spoken == []
    assert not any(name.startswith("voice/") for name in again.made)
    after = stamps(story.parent)
    assert {name for name in after if after[name] != before[name]} == {
        *("story.mp4", "story.srt", "story.vtt", "story.json", "render.json", "story.html")
    }


def test_what_was_asked_for_is_remembered(story, render):
    render(story, original_volume=0.25)
    assert json.loads(story.read_text())["render"] == {
        "voice": "pips",
        "original_volume": 0.25,
        "burn": False,
        "overflow": "none",
    }
    assert render(story).made == ()
    render(story, original_volume=0.5, overflow="next")
    assert json.loads(story.read_text())["render"]["original_volume"] == 0.5


def test_a_voice_of_the_command_line_is_not_remembered(story, render):
    voice = Pips()
    voice.name, voice.fingerprint = "command:speak --key 123 {text}", "command:speak --key 123 {text} 1"
    out = render(story, voice=voice).folder
    assert "voice" not in json.loads(story.read_text())["render"]
    assert json.loads((out / "render.json").read_text())["voice"]["name"] == "command"
    for name in ("story.json", "render.json", "story.html"):  # they are handed on
        assert "--key" not in (out / name).read_text(encoding="utf-8")


def test_what_failed_is_not_remembered(story, render):
    before = story.read_bytes()
    with pytest.raises(InputError, match="no such font"):
        render(story, burn=True, font=story.parent / "none.ttf")
    assert story.read_bytes() == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"original_volume": "loud"}, "render.original_volume: expected 0 to 4"),
        ({"original_volume": -1}, "render.original_volume: expected 0 to 4"),
        ({"burn": 1}, "render.burn: expected true or false"),
        ({"font": 3}, "render.font: expected the path"),
        ({"overflow": "all"}, "render.overflow: expected none or next"),
    ],
)
def test_damage_in_what_is_remembered_is_named(story, render, value, message):
    change(story, render=value)
    with pytest.raises(InputError, match=message):
        render(story)


def test_another_folder_gets_the_story_too(story, render, tmp_path):
    out = tmp_path / "elsewhere" / "out"
    render(story, out)
    copy = json.loads((out / "story.json").read_text())
    assert (out / copy["video"]).resolve() == tmp_path / "v.mp4"
    assert {**copy, "video": None} == {**json.loads(story.read_text()), "video": None}
    assert not (story.parent / "story.mp4").exists()
    assert render(out).made == ()  # the copy is as good


def test_another_story_is_not_overwritten(story, render, tmp_path):
    out = tmp_path / "out"
    render(story, out)
    other = write_story(tmp_path / "other", tmp_path / "v.mp4", id="other", title="Another film")
    before = stamps(out)
    with pytest.raises(InputError, match="another story"):
        render(other, out)
    assert stamps(out) == before


def test_a_clip_that_is_gone_leaves_no_voice(story, render):
    render(story)
    data = json.loads(story.read_text())
    story.write_text(json.dumps({**data, "clips": data["clips"][:2]}))
    (story.parent / "voice" / "mine.wav").write_bytes(b"mine")
    render(story)
    assert sorted(path.name for path in (story.parent / "voice").iterdir()) == ["000.wav", "001.wav", "mine.wav"]


@pytest.mark.parametrize("name", ["story.mp4", "voice/001.wav", "story.vtt"])
def test_a_file_that_was_damaged_is_made_again(story, render, name):
    render(story)
    whole = (story.parent / name).read_bytes()
    (story.parent / name).write_bytes(whole[: len(whole) // 2])
    again = render(story)
    assert name in again.made
    assert (story.parent / name).stat().st_size == pytest.approx(len(whole), rel=0.01)


def test_a_damaged_report_is_made_again(story, render):
    render(story)
    for text in ("{", "[]", '{"format": 1, "made_from": {}}', '{"format": 1, "made_from": {"files": 3}, "clips": 4}'):
        (story.parent / "render.json").write_text(text)
        assert "story.mp4" in render(story).made
        assert json.loads((story.parent / "render.json").read_text())["clips"]


def test_the_edited_story_is_still_one_of_vn_narrate(story, render):
    """`vn narrate --edit` reads a story that was rendered."""
    from vn.story_file.edit import NOT_A_STORYS

    render(story)
    assert "render" in json.loads(story.read_text())
    assert "render" in NOT_A_STORYS


def test_an_interrupted_rendering_leaves_the_old_film(story, render, monkeypatch):
    render(story)
    before = (story.parent / "story.mp4").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vn.render.mux.add_track", killed)
    with pytest.raises(KeyboardInterrupt):
        render(story, original_volume=0.1)
    assert (story.parent / "story.mp4").read_bytes() == before
    assert not [name for name in os.listdir(story.parent) if name.endswith((".partial", ".lock"))]
    monkeypatch.undo()
    render(story, original_volume=0.1)
    assert len(heard(story.parent / "story.mp4"))


def test_recordings_are_fitted_without_a_measured_pace(story, render, tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for n, text in enumerate(TEXTS):
        write_wav(folder / f"{n:03}.wav", Pips().speak(text, "en"))
    report = render(story, voice=open_voice(f"wavs:{folder}")).report
    assert [clip["text"] for clip in report["clips"]] == list(TEXTS)
    assert [clip["over"] for clip in report["clips"]] == [0, 0, 0]
