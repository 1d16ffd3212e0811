"""``vn narrate --videos``: many videos, one load, resuming after an interruption."""

import json
import shutil

import pytest
import yaml

import vn.narrate.write
from vn.cli import main
from vn.narrate.job import Job


@pytest.fixture
def place(smoke_demo, tmp_path):
    """Three short videos with product files beside them, and a way to narrate them all."""
    world = smoke_demo / "world" / "narrate"
    product = yaml.safe_load((world / "product.yaml").read_text())
    videos = tmp_path / "videos"
    videos.mkdir()
    for number, name in enumerate(("one", "two", "three")):
        shutil.copy(next(world.glob("*.mp4")), videos / f"{name}.mp4")
        product["clips"] = [{"start": 2 * i, "end": 2 * i + 2} for i in range(number + 1)]
        (videos / f"{name}.yaml").write_text(yaml.safe_dump(product))

    def narrate(*more, videos=videos, out=tmp_path / "out"):
        return main(
            ["narrate", "--videos", str(videos), "--run", str(smoke_demo / "runs/demo"), "--out", str(out), *more]
        )

    narrate.videos, narrate.out, narrate.product, narrate.demo = videos, tmp_path / "out", product, smoke_demo
    narrate.states = lambda: {
        entry["story"].split("/")[-2]: entry["state"]
        for entry in json.loads((narrate.out / "report.json").read_text())["videos"]
    }
    return narrate


def story(file):
    """A story.json without where it was written."""
    data = json.loads(file.read_text(encoding="utf-8"))
    del data["record"], data["video"], data["id"]
    return data


def test_many_videos_are_written_as_each_alone_with_one_load(place, tmp_path, monkeypatch):
    loads = []
    load = vn.narrate.write.load_adapter
    monkeypatch.setattr(vn.narrate.write, "load_adapter", lambda *a, **b: loads.append(a) or load(*a, **b))
    assert place() == 0
    assert len(loads) == 1
    assert place.states() == {"one": "written", "two": "written", "three": "written"}
    for name in ("one", "two", "three"):
        video, product = place.videos / f"{name}.mp4", place.videos / f"{name}.yaml"
        where = ["--run", str(place.demo / "runs/demo"), "--out", str(tmp_path / name)]
        assert main(["narrate", str(video), "--product", str(product), *where]) == 0
        assert story(tmp_path / name / "story.json") == story(place.out / name / "story.json")
        for subtitles in ("story.srt", "story.vtt"):
            assert (tmp_path / name / subtitles).read_bytes() == (place.out / name / subtitles).read_bytes()


def test_an_interrupted_call_goes_on_and_finished_stories_are_not_written_again(place, monkeypatch, capsys):
    finish, finished = Job.finish, []

    def interrupt(job, written):
        if finished:
            raise KeyboardInterrupt
        finished.append(job.out.name)
        finish(job, written)

    with monkeypatch.context() as patch:
        patch.setattr(Job, "finish", interrupt)
        assert place("--videos-at-once", "1") == 130
    assert sorted(place.states().values()) == ["not reached", "not reached", "written"]
    before = (place.out / finished[0] / "story.json").stat().st_mtime_ns
    assert place() == 0
    assert place.states() == {name: "kept" if name in finished else "written" for name in ("one", "two", "three")}
    assert (place.out / finished[0] / "story.json").stat().st_mtime_ns == before
    monkeypatch.setattr(vn.narrate.write, "load_adapter", None)  # nothing is left to do, so nothing is loaded
    assert place() == 0
    assert set(place.states().values()) == {"kept"}


def test_what_was_asked_anew_is_written_again_and_edits_are_kept(place):
    assert place() == 0
    product = yaml.safe_load((place.videos / "one.yaml").read_text())
    product["title"] = "Another title altogether"
    (place.videos / "one.yaml").write_text(yaml.safe_dump(product))
    edited = place.out / "two" / "story.json"
    mine = json.loads(edited.read_text())
    mine["clips"][0]["narration"] = "These words are mine."
    edited.write_text(json.dumps(mine))
    (place.videos / "two.yaml").write_text((place.videos / "one.yaml").read_text())
    assert place() == 0
    assert place.states() == {"one": "written", "two": "edited", "three": "kept"}
    assert json.loads((place.out / "one" / "story.json").read_text())["title"] == "Another title altogether"
    assert json.loads(edited.read_text()) == mine
    assert main(["narrate", "--edit", str(edited)]) == 0  # and when the edit has been followed, it is still kept
    assert place() == 0
    assert place.states() == {"one": "kept", "two": "edited", "three": "kept"}
    assert place("--overwrite", "--seed", "3") == 0
    assert set(place.states().values()) == {"written"}
    assert "mine" not in edited.read_text()


def test_a_bad_video_does_not_stop_the_others(place, capsys):
    (place.videos / "one.mp4").write_text("not a video")
    assert place("--videos-at-once", "1") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn narrate: error: 1 of 3 videos could not be narrated, the first: ")
    assert "one.mp4" in error
    assert place.states() == {"one": "failed", "two": "written", "three": "written"}
    shutil.copy(place.videos / "two.mp4", place.videos / "one.mp4")
    assert place() == 0
    assert place.states() == {"one": "written", "two": "kept", "three": "kept"}


def test_a_story_that_cannot_be_written_does_not_stop_those_beside_it(place, capsys):
    words = " ".join(["and so on"] * 4000)
    product = place.product | {"clips": [{"start": 0, "end": 2, "narration": words}, {"start": 2, "end": 4}]}
    (place.videos / "two.yaml").write_text(yaml.safe_dump(product | {"title": words}))
    assert place() == 2
    assert "two.mp4" in capsys.readouterr().err.strip().splitlines()[-1]
    assert place.states() == {"one": "written", "two": "failed", "three": "written"}


def test_a_list_of_videos_with_clips_from_subtitles(place, tmp_path):
    names = tmp_path / "list.txt"
    (tmp_path / "lamp.yaml").write_text(yaml.safe_dump(place.product | {"clips": []}))
    names.write_text("# two of them\nvideos/one.mp4\tlamp.yaml\n\nvideos/two.mp4\n")
    times = tmp_path / "times"
    times.mkdir()
    (times / "one.srt").write_text("1\n00:00:01,000 --> 00:00:03,500\nHello\n")
    assert place("--clips", str(times), videos=names) == 0
    clips = json.loads((place.out / "one" / "story.json").read_text())["clips"]
    assert [(clip["start"], clip["end"]) for clip in clips] == [(1, 3.5)]
    assert set(place.states()) == {"one", "two"}


def test_clips_of_one_video_from_times_as_people_write_them(place, tmp_path):
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(place.product | {"clips": []}))
    (tmp_path / "chapters.txt").write_text("0:00 Intro\n0:02.5 Offer\n")
    video, run = place.videos / "one.mp4", place.demo / "runs" / "demo"
    where = [str(video), "--product", str(tmp_path / "p.yaml"), "--run", str(run)]
    assert main(["narrate", *where, "--out", str(tmp_path / "a"), "--clips", str(tmp_path / "chapters.txt")]) == 0
    clips = json.loads((tmp_path / "a" / "story.json").read_text())["clips"]
    assert [clip["start"] for clip in clips] == [0, 2.5]
    assert clips[1]["end"] > 2.5  # the video's end
    text = (tmp_path / "p.yaml").read_text().replace("clips: []", "clips: [{start: '0:01', end: '00:03.5'}]")
    (tmp_path / "p.yaml").write_text(text)
    assert main(["narrate", *where, "--out", str(tmp_path / "b")]) == 0
    (clip,) = json.loads((tmp_path / "b" / "story.json").read_text())["clips"]
    assert (clip["start"], clip["end"]) == (1, 3.5)


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (lambda p: shutil.rmtree(p.videos), [], "no such folder or list of videos"),
        (lambda p: [f.unlink() for f in p.videos.glob("*.mp4")], [], "no video in this folder"),
        (lambda p: (p.videos / "one.yaml").unlink(), [], "1 of 3 videos have no product file, the first is"),
        (lambda p: (p.videos / "one.yaml").write_text("title: [\n"), [], "one.yaml: not YAML"),
        (lambda p: shutil.copy(p.videos / "one.mp4", p.videos / "one.mkv"), [], "several videos have the name one"),
        (lambda p: None, ["--storyline", "s.yaml"], "--videos cannot be combined with --storyline"),
        (lambda p: None, ["--clips", "none"], "none: --clips: expected a folder of files with clip times"),
    ],
)
def test_a_bad_request_is_refused_before_anything_is_loaded(place, monkeypatch, capsys, change, more, message):
    monkeypatch.setattr(vn.narrate.write, "load_adapter", None)
    change(place)
    assert place(*more) == 2
    assert message in capsys.readouterr().err
    assert not place.out.exists()


def test_a_damaged_story_is_not_written_over(place, capsys):
    assert place() == 0
    (place.out / "two" / "story.json").write_text('{"clips": [')
    assert place() == 2
    assert "two/story.json: not JSON" in capsys.readouterr().err
    assert (place.out / "two" / "story.json").read_text() == '{"clips": ['
    assert place("--overwrite") == 0
