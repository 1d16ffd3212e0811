"""Bad input is refused in one sentence, and what was rendered before stays."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from played import Pips, heard, make_video, write_story
from small_disk import SmallDisk

from vn import cli
from vn.errors import InputError
from vn.io.lock import claim
from vn.voice.speech import Speech


@pytest.fixture
def story(tmp_path):
    return write_story(tmp_path / "story", make_video(tmp_path / "v.mp4", sound=(0, 6)))


class Broken(Pips):
    """A voice that fails from its n-th text on."""

    def __init__(self, result: object, after: int = 0) -> None:
        super().__init__(fingerprint=f"{result!r} {after}")
        self.result, self.after = result, after

    def speak(self, text, language, speed=1.0):
        if text in ("One two three four.", "Five six seven.", "Eight nine."):
            self.after -= 1
            if self.after < 0:
                if isinstance(self.result, Exception):
                    raise self.result
                return Speech(self.result, self.rate)
        return super().speak(text, language, speed)


@pytest.mark.parametrize(
    "result",
    [np.zeros(0, np.float32), np.zeros(22_050, np.float32), InputError("the program was killed")],
    ids=["nothing", "silence", "killed"],
)
def test_a_voice_that_fails_half_way_leaves_the_old_film(story, render, result):
    render(story)
    before = (story.parent / "story.mp4").read_bytes()
    with pytest.raises(InputError):
        render(story, voice=Broken(result, after=1))
    assert (story.parent / "story.mp4").read_bytes() == before
    assert render(story, voice=Pips()).report["clips"]


def test_no_narration_no_video_no_story(tmp_path, render, story):
    for data, message in (
        (write_story(tmp_path / "a", tmp_path / "v.mp4", texts=(None, None, None)), "no clip has a narration"),
        (write_story(tmp_path / "b", tmp_path / "gone.mp4"), "the video is not found"),
        (tmp_path / "gone", "no such story"),
        (tmp_path, "has no story.json"),
    ):
        with pytest.raises(InputError, match=message):
            render(data)


def test_a_narration_beyond_the_end_is_refused(tmp_path, render):
    video = make_video(tmp_path / "v.mp4")
    with pytest.raises(InputError, match=r"clips\[2\].*beyond the end"):
        render(write_story(tmp_path / "story", video, ((0, 2), (2, 4), (8, 9))))


def test_punctuation_alone_is_not_spoken(tmp_path, render):
    video = make_video(tmp_path / "v.mp4")
    done = render(write_story(tmp_path / "story", video, texts=("One two.", "...", "?!")))
    assert [clip["clip"] for clip in done.report["clips"]] == [0]
    assert [each.file for each in done.clips] == ["voice/000.wav", None, None]
    done = render(write_story(tmp_path / "none", video, texts=("...", "-", "?!")))
    assert done.report["clips"] == []


def test_numbers_and_latin_words_in_chinese(tmp_path, render):
    texts = ("仅199.9元起！", "iPhone 15 Pro，50% off", "<b>&amp;</b>")
    done = render(write_story(tmp_path / "story", make_video(tmp_path / "v.mp4"), texts=texts, language="zh"))
    assert [clip["text"] for clip in done.report["clips"]] == list(texts)
    with av.open(str(tmp_path / "story" / "story.mp4")) as container:
        assert container.streams.subtitles[0].metadata["language"] == "zho"
        assert container.streams.audio[0].metadata["language"] == "zho"


def test_hostile_text_in_subtitles(tmp_path, render):
    texts = (r"{\an8}up \N down", "<i>x</i> & 5 < 6 --> 7", "a\u202eb\x07\u2028c [Script Info]")
    render(write_story(tmp_path / "story", make_video(tmp_path / "v.mp4"), texts=texts))
    folder = tmp_path / "story"
    with av.open(str(folder / "story.mp4")) as container:
        shown = [p.decode() for p in container.demux(container.streams.subtitles[0]) if p.size > 2]
    lines = [each.ass.split(b",,", 1)[1].split(b",", 3)[-1].decode() for (each,) in shown]
    assert len(lines) == 3
    assert not [line for line in lines if "{" in line or "\\an" in line]
    assert "｛＼an8｝" in lines[0]
    assert "5 < 6" in lines[1]
    assert "&lt;i&gt;x&lt;/i&gt; &amp; 5 &lt; 6" in (folder / "story.vtt").read_text()
    assert (folder / "story.srt").read_text().count(" --> ") == 3


def test_a_full_disk_leaves_the_old_film(story, render, tmp_path):
    disk = SmallDisk(tmp_path / "disk", 2000)
    with disk as folder:
        render(story, folder)
        old = (folder / "story.mp4").read_bytes()
        filler = folder / "filler"
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        filler.write_bytes(b"x" * max(0, free - 30_000))
        with pytest.raises(InputError, match="No space left on device"):
            render(story, folder, original_volume=0.5)
        assert (folder / "story.mp4").read_bytes() == old
        assert not list(folder.glob("*.partial"))
        filler.unlink()
        assert "story.mp4" in render(story, folder, original_volume=0.5).made


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(story, render):
    story.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(InputError, match="Permission denied"):
            render(story)
    finally:
        story.parent.chmod(0o755)


def test_a_file_for_the_folder(story, render, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        render(story, tmp_path / "file")


def test_two_renders_at_once(story, render):
    with claim(story.parent, "vn render"), pytest.raises(InputError, match=r"vn render .* is at work in this folder"):
        render(story)


def test_a_killed_render_leaves_nothing_in_the_way(story, render, voices):
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from played import Pips\n"
        "import vn.render.mux as mux; mux._encoded_sound = lambda *_: (print('here', flush=True), time.sleep(60))\n"
        "from vn.render.make import render_story; from vn.render.settings import RenderSettings\n"
        "render_story(Path(sys.argv[2]), None, RenderSettings(voices=Path(sys.argv[3])), Pips())\n"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).parent), str(story), str(voices)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.kill()
    time.sleep(0.1)
    assert (story.parent / "story.mp4.partial").exists()
    render(story)
    assert len(heard(story.parent / "story.mp4"))
    assert not (story.parent / "story.mp4.partial").exists()


def test_the_command_refuses_in_one_line(story, capsys, tmp_path):
    for words, message in (
        ([], "no voice given; use --voice NAME"),
        (["--voice", "nobody"], "no voice 'nobody'"),
        (["--voice", "none", "--original-volume", "9"], "expected 0 to 4"),
        (["--voice", "none", "--editors", "oto"], "no kind 'oto' (did you mean 'otio'?)"),
        (["--voice", "none", "--burn", "--font", str(story)], "not a font"),
    ):
        assert cli.main(["render", str(story), *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith("vn render: error: ")
        assert message in error
        assert error.count("\n") == 1


def test_the_command(story, capsys):
    assert cli.main(["render", str(story.parent), "--voice", "none"]) == 0
    assert "story.mp4" in capsys.readouterr().out
    assert cli.main(["render", str(story.parent)]) == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert json.loads(story.read_text())["render"]["voice"] == "none"


def test_a_program_named_in_a_story_is_not_run(story, capsys, tmp_path):
    data = json.loads(story.read_text())
    story.write_text(json.dumps({**data, "render": {"voice": f"command:touch {tmp_path / 'run'}"}}))
    assert cli.main(["render", str(story)]) == 2
    assert "no voice given" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
