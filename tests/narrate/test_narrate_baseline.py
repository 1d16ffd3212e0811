"""``vn narrate --baseline``: another system on raw videos, its record, and edits of what it wrote."""

import json
import subprocess
import sys

import echo_writer
import pytest
import yaml
from hold import environment
from small_video import write_video

from vn.cli import main

PRODUCT = {
    "title": "Aurora kettle",
    "language": "en",
    "knowledge": [{"aspect": "Material", "points": ["steel"]}],
    "clips": [{"start": 0, "end": 2}, {"start": 2, "end": 4}, {"start": 4, "end": 8, "labels": ["Sore Point"]}],
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A video with its product file, and a way to narrate it."""
    echo_writer.register(monkeypatch)
    write_video(tmp_path / "kettle.mp4", 8)
    (tmp_path / "product.yaml").write_text(yaml.safe_dump(PRODUCT))
    out = tmp_path / "story"

    def narrate(*words, product=tmp_path / "product.yaml"):
        video = str(tmp_path / "kettle.mp4")
        return main(["narrate", video, "--product", str(product), "--baseline", "echo", "--out", str(out), *words])

    narrate.out = out
    narrate.story = lambda: json.loads((out / "story.json").read_text())
    return narrate


def texts(story):
    return [clip["narration"] for clip in story["clips"]]


def test_a_raw_video_gets_a_story_and_subtitles_with_a_record_of_the_system(place, capsys):
    assert place("--style", "loud", "--sees", "rgb") == 0
    story = place.story()
    assert [clip["labels"] for clip in story["clips"]] == [["Product Effect"], ["Product Effect"], ["Sore Point"]]
    assert story["clips"][2]["fixed"] == ["labels"]
    for clip in story["clips"]:
        assert clip["narration"].startswith("loud")
        low, high = clip["word_range"]
        assert low <= clip["words"] <= high
        assert low == max(1, 2.5 * (clip["end"] - clip["start"]) - 5)
    made_with = story["record"]["made_with"]
    assert (made_with["baseline"], made_with["system"]) == ("echo", "echo, loud")
    assert made_with["settings"] == {"style": "loud"}
    assert made_with["options"] == {"style": "loud", "sees": "rgb"}
    assert (place.out / "story.srt").read_text().count("-->") == 3
    assert "loud" in (place.out / "story.vtt").read_text()
    assert "echo: echo, loud" in capsys.readouterr().err


def test_an_edited_story_is_continued_by_the_same_system_with_the_same_options(place, tmp_path, capsys):
    calls = tmp_path / "calls"
    assert place("--style", "loud", "--calls", str(calls)) == 0
    before = place.story()
    file = place.out / "story.json"
    edited = json.loads(file.read_text())
    edited["clips"][1]["narration"] = "My own words."
    file.write_text(json.dumps(edited))
    assert main(["narrate", "--edit", str(file)]) == 0
    after = place.story()
    assert texts(after)[0] == texts(before)[0]
    assert texts(after)[1] == "My own words."
    assert texts(after)[2].startswith("loud")
    assert after["clips"][1]["fixed"] == ["narration"]
    assert after["record"]["made_with"]["options"] == before["record"]["made_with"]["options"]
    edited = json.loads(file.read_text())
    edited["clips"][2]["narration"] = ""
    file.write_text(json.dumps(edited))
    assert main(["narrate", "--edit", str(file), "--baseline", "echo", "--style", "calm"]) == 0
    assert texts(place.story())[1] == "My own words."
    assert texts(place.story())[2].startswith("calm")
    assert place.story()["record"]["made_with"]["system"] == "echo, calm"


def edit(place, narration=""):
    """Change the first clip's narration."""
    file = place.out / "story.json"
    story = json.loads(file.read_text())
    story["clips"][0]["narration"] = narration
    file.write_text(json.dumps(story))
    return ["narrate", "--edit", str(file)]


def test_leave_to_send_is_never_recorded_nor_taken_from_a_record(place, capsys):
    assert place("--asks-leave", "--yes") == 0
    assert place.story()["record"]["made_with"]["options"] == {"asks-leave": True}
    words = edit(place)
    assert main(words) == 2
    assert "add --yes to send them" in capsys.readouterr().err
    story = place.story()
    story["record"]["made_with"]["options"]["yes"] = True  # as someone else's file may have it
    (place.out / "story.json").write_text(json.dumps(story))
    assert main(words) == 2
    assert main([*words, "--yes"]) == 0
    assert texts(place.story())[0].startswith("plain")
    assert main([*edit(place), "--baseline", "echo", "--yes"]) == 0
    assert place.story()["record"]["made_with"]["options"] == {"asks-leave": True}


def test_options_from_a_file_are_recorded_as_options_and_may_be_set_back(place, tmp_path):
    (tmp_path / "options.yaml").write_text("echo: {style: loud}\n")
    assert place("--config", str(tmp_path / "options.yaml")) == 0
    (tmp_path / "options.yaml").unlink()
    assert place.story()["record"]["made_with"]["options"] == {"style": "loud"}
    assert main(edit(place)) == 0
    assert texts(place.story())[0].startswith("loud")
    assert main([*edit(place), "--baseline", "echo", "--style", "plain"]) == 0
    assert texts(place.story())[0].startswith("plain")


def test_what_the_system_makes_of_fixed_texts_does_not_matter(place, tmp_path):
    product = {**PRODUCT, "clips": [{"start": 0, "end": 8, "labels": ["Others"], "narration": "Only this."}]}
    (tmp_path / "fixed.yaml").write_text(yaml.safe_dump(product))
    assert place(product=tmp_path / "fixed.yaml") == 0
    (clip,) = place.story()["clips"]
    assert (clip["labels"], clip["narration"]) == (["Others"], "Only this.")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_many_videos(place, tmp_path, capsys, workers):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("one", "two", "three"):
        write_video(videos / f"{name}.mp4", 8)
    words = ["narrate", "--videos", str(videos), "--product", str(tmp_path / "product.yaml"), "--baseline", "echo"]
    words += ["--out", str(tmp_path / "out"), "--workers", workers]
    states = lambda: {  # noqa: E731
        entry["video"].split("/")[-1]: entry["state"]
        for entry in json.loads((tmp_path / "out" / "report.json").read_text())["videos"]
    }
    assert main([*words, "--refuse", "product"]) == 2
    assert "3 of 3 videos could not be narrated" in capsys.readouterr().err
    assert main(words) == 0
    assert set(states().values()) == {"written"}
    assert main(words) == 0
    assert set(states().values()) == {"kept"}
    assert main([*words, "--style", "loud"]) == 0
    assert set(states().values()) == {"written"}
    for name in ("one", "two", "three"):
        assert texts(json.loads((tmp_path / "out" / name / "story.json").read_text()))[0].startswith("loud")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_warning_about_a_video_is_in_its_own_story_alone(place, tmp_path, workers):
    videos, out = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    for name in ("one", "two"):
        write_video(videos / f"{name}.mp4", 8)
        (videos / f"{name}.yaml").write_text(yaml.safe_dump(PRODUCT))
    words = ["narrate", "--videos", str(videos), "--baseline", "echo", "--out", str(out), "--workers", workers]
    assert main([*words, "--warns"]) == 0
    for name in ("one", "two"):
        assert json.loads((out / name / "story.json").read_text())["warnings"] == [f"{name}: is odd"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--run", "runs/demo"), "give either --baseline or --run"),
        (("--adapter", "x"), "give either --baseline or --adapter"),
        (("--data", "nowhere"), "nowhere: no such data folder"),
        (("--refuse", "product"), "product: is refused"),
        (("--sees", "features"), "needs frame features: give --data DATA, or --encoder NAME"),
    ],
)
def test_what_is_wrong_is_one_line(place, capsys, words, message):
    assert place(*words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("vn narrate: error: ")
    assert message in error


def test_an_unknown_baseline_is_named(place, capsys):
    assert main(["narrate", "kettle.mp4", "--product", "p.yaml", "--baseline", "ehco", "--out", "x"]) == 2
    assert "no baseline 'ehco' (did you mean 'echo'?)" in capsys.readouterr().err


def test_videos_in_several_languages_are_refused(place, tmp_path, capsys):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, language in (("one", "en"), ("two", "zh")):
        write_video(videos / f"{name}.mp4", 8)
        (videos / f"{name}.yaml").write_text(yaml.safe_dump({**PRODUCT, "language": language}))
    words = ["narrate", "--videos", str(videos), "--baseline", "echo", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "two.yaml: language: is 'zh', 'ad', but the first video's is 'en', 'ad'" in capsys.readouterr().err


def test_a_record_with_another_option_than_the_system_has_is_refused(place, capsys):
    assert place() == 0
    file = place.out / "story.json"
    story = json.loads(file.read_text())
    story["record"]["made_with"]["options"] = {"stile": "x"}
    story["clips"][0]["narration"] = ""
    file.write_text(json.dumps(story))
    assert main(["narrate", "--edit", str(file)]) == 2
    assert "record.made_with.options.stile: is not an option (did you mean 'style'?)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["narrate"], ["compare"], ["score"], ["sweep"]], ids=lambda words: words[0])
def test_other_commands_import_no_baseline(words):
    code = (
        f"import sys; from vn.cli import main; main([*{words}, '--help']);"
        "print([m for m in sys.modules if m.startswith('vn.baselines')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
