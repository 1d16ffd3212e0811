"""`vn narrate --voice` and `--length spoken`, with a program that speaks tones."""

import json
import sys

import pytest
import yaml

from vn.cli import main
from vn.narrate.spoken import SpokenLength
from vn.story import Clip
from vn.voice.names import open_voice
from vn.voice.pace import pace_of

TONES = '''
"""Speaks each word as a tone of half a second, and a long word as one of a whole second."""
import sys, wave, math, array
words = open(sys.argv[1], encoding="utf-8").read().split()
samples = array.array("h")
for word in words:
    for n in range(8000 if len(word) < 9 else 16000):
        samples.append(int(9000 * math.sin(n / 5) * min(1, n / 400)))
    samples.extend([0] * 800)
with wave.open(sys.argv[2], "wb") as out:
    out.setparams((1, 2, 16000, 0, "NONE", ""))
    out.writeframes(samples.tobytes())
'''


@pytest.fixture
def tones(tmp_path):
    """The name of a voice of less than two words per second."""
    (tmp_path / "tones.py").write_text(TONES)
    return f"command:{sys.executable} {tmp_path / 'tones.py'} {{text_file}} {{out}}"


@pytest.fixture
def narrate(smoke_demo, tmp_path):
    """Narrates the demo's new video in four clips."""
    product = yaml.safe_load((smoke_demo / "world" / "narrate" / "product.yaml").read_text())
    product["clips"] = [{"start": i, "end": i + 2} for i in (0, 3, 6, 9)]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(product))
    video = next((smoke_demo / "world" / "narrate").glob("*.mp4"))

    def run(*more):
        words = ["--product", str(tmp_path / "p.yaml"), "--run", str(smoke_demo / "runs" / "demo")]
        return main(["narrate", str(video), *words, "--out", str(tmp_path / "out"), *more])

    run.file = tmp_path / "out" / "story.json"
    run.read = lambda: json.loads(run.file.read_text(encoding="utf-8"))
    return run


@pytest.fixture
def rendered(monkeypatch):
    """Folders that were rendered; rendering itself is tested elsewhere."""
    folders = []
    for module in ("command", "many"):
        monkeypatch.setattr(f"vn.narrate.{module}.render", lambda folder, *args, **more: folders.append(folder))
    return folders


def test_narrations_are_as_long_as_the_voice_can_say(narrate, tones, tmp_path, rendered, capsys):
    kept = ["--voice", tones, "--voice-cache", str(tmp_path / "kept")]
    assert narrate(*kept, "--length", "spoken") == 0
    story = narrate.read()
    voice = open_voice(tones)
    pace = pace_of(voice, "en", tmp_path / "kept")
    judge = SpokenLength(voice, "en", pace)
    assert pace.units_per_second < 2
    for clip in story["clips"]:
        low, high = clip["word_range"]
        assert low <= clip["words"] <= high <= 2 * pace.high * judge.most * 1.1
        assert judge.speed(Clip(clip["start"], clip["end"]), clip["narration"]) <= judge.most
    assert story["warnings"] == []
    assert rendered == [tmp_path / "out"]
    made = story["record"]["made_with"]
    assert (made["length"], made["voice"]) == ("spoken", "command")  # not the program, which a story may not name
    assert str(tmp_path) not in json.dumps(made["voice"])

    # An edit goes on alike, with the same voice, which has to be named again.
    story["clips"][1]["narration"] = "Mine, all mine, and much too long for any voice that takes its time over words."
    story["render"] = {"voice": "none", "original_volume": 0.5}
    narrate.file.write_text(json.dumps(story))
    capsys.readouterr()
    assert main(["narrate", "--edit", str(narrate.file)]) == 2
    error = capsys.readouterr().err
    assert "record.made_with.voice: was written for a voice command:" in error
    assert "name it again with --voice" in error
    assert main(["narrate", "--edit", str(narrate.file), *kept]) == 0
    edited = narrate.read()
    assert edited["clips"][0] == story["clips"][0]
    assert edited["clips"][1]["narration"] == story["clips"][1]["narration"]
    assert any("clips[1].narration: is too long for the voice command: it" in line for line in edited["warnings"])
    assert "tones.py" not in narrate.file.read_text(encoding="utf-8")
    assert edited["render"] == story["render"]
    assert edited["record"]["made_with"]["length"] == "spoken"
    for clip in edited["clips"][2:]:
        assert judge.speed(Clip(clip["start"], clip["end"]), clip["narration"]) <= judge.most

    # Another length control, and the voice does not count any more.
    edited["clips"][2]["labels"] = ["Others"]
    narrate.file.write_text(json.dumps(edited))
    assert main(["narrate", "--edit", str(narrate.file), "--length", "exact"]) == 0
    made = narrate.read()["record"]["made_with"]
    assert (made["length"], made.get("voice")) == ("exact", None)
    assert rendered == 2 * [tmp_path / "out"]


def test_a_voice_alone_changes_no_word(narrate, tones, rendered, tmp_path):
    assert narrate() == 0
    plain = narrate.file.read_bytes()
    assert narrate("--voice", tones, "--force-voice") == 0
    assert narrate.file.read_bytes() == plain
    assert rendered == [tmp_path / "out"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--length", "spoken"], "--length: spoken needs a voice: --voice NAME"),
        (["--length", "spoken", "--voice", "none"], "--length: spoken needs a voice"),
        (["--voice", "nobody:at-all"], "--voice: no voice 'nobody:at-all'"),
        (["--voice", "command:true"], "expected {out}"),
    ],
)
def test_a_wrong_voice_is_named_before_anything_slow(narrate, words, message, capsys, monkeypatch):
    monkeypatch.setattr("vn.narrate.trained.Trained.load", lambda self: pytest.fail("nothing slow"))
    assert narrate(*words) == 2
    assert message in capsys.readouterr().err
    assert not narrate.file.exists()


def test_other_systems_do_not_write_for_a_voice(narrate, tones, capsys, tmp_path):
    product = ["--product", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "other")]
    words = [
        "narrate",
        str(tmp_path / "p.yaml"),
        *product,
        "--baseline",
        "chat",
        "--length",
        "spoken",
        "--voice",
        tones,
    ]
    assert main([*words, "--force-voice"]) == 2
    assert "--length: only a trained narrator (--run, --adapter) writes for a voice" in capsys.readouterr().err


def test_many_videos_are_rendered_and_remade_for_another_voice(smoke_demo, tones, tmp_path, rendered, capsys):
    source = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    product = smoke_demo / "world" / "narrate" / "product.yaml"
    (tmp_path / "list.txt").write_text(f"{source}\t{product}\n")
    run = ["narrate", "--videos", str(tmp_path / "list.txt"), "--run", str(smoke_demo / "runs" / "demo")]
    run += ["--out", str(tmp_path / "out"), "--length", "spoken", "--voice-cache", str(tmp_path / "kept")]
    assert main([*run, "--voice", tones]) == 0
    assert "1 written" in capsys.readouterr().out
    assert main([*run, "--voice", tones]) == 0
    assert "1 kept" in capsys.readouterr().out
    (tmp_path / "tones.py").write_text(TONES.replace("8000", "4000"))
    assert main([*run, "--voice", tones]) == 0
    assert "1 written" in capsys.readouterr().out
    assert rendered == 3 * [tmp_path / "out" / source.stem]


def test_videos_become_films_with_an_index(smoke_demo, tones, tmp_path, capsys):
    source = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    product = smoke_demo / "world" / "narrate" / "product.yaml"
    (tmp_path / "list.txt").write_text(f"{source}\t{product}\n")
    run = ["narrate", "--videos", str(tmp_path / "list.txt"), "--run", str(smoke_demo / "runs" / "demo")]
    assert main([*run, "--out", str(tmp_path / "out"), "--voice", tones, "--force-voice"]) == 0
    folder = tmp_path / "out" / source.stem
    report = json.loads((folder / "render.json").read_text())
    assert report["streams"]["video"] == "copied"
    assert all((folder / clip["file"]).is_file() for clip in report["clips"])
    assert {"story.mp4", "story.html", "story.vtt"} <= {path.name for path in folder.iterdir()}
    index = (tmp_path / "out" / "index.html").read_text()
    assert f"{source.stem}/story.html" in index
    capsys.readouterr()
