"""Stories whose clips overlap, from their annotations to a scored and compared run."""

import json

import numpy as np
import pytest
from toy_experiment import Experiment

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.shards import read_story
from vn.visual.plan import clip_frames

PLAIN = [(0, 4), (4, 8), (9, 12)]
OVERLAPPING = [  # by 4, 7 and 11 s, one of them within another, and one out of order
    [(0, 10), (6, 12), (12, 15)],
    [(0, 11), (4, 8), (11, 15)],
    [(0, 15), (4, 9), (9, 15)],
    [(6, 10), (2, 6), (10, 14)],
]
LABELS = ["外观设计", "产品功效", "引导购买"]


@pytest.fixture
def ads(tmp_path):
    """Eight Chinese stories with features of 15 frames each; half of them overlap, and three of those are tested."""
    content = {}
    (tmp_path / "features").mkdir()
    random = np.random.default_rng(0)
    for n, times in enumerate([PLAIN] * 4 + OVERLAPPING):
        frames = [
            {"time": list(time), "label": label, "new_text": f"这款水壶很好用{'啊' * i}。"}
            for i, (time, label) in enumerate(zip(times, LABELS, strict=True))
        ]
        content[f"v{n}.mp4"] = {"p_name": "水壶", "p_info": "外观：白色、小巧", "frames": frames}
        for number in range(1, 16):
            array = random.normal(size=(2, 6)).astype(np.float16)
            np.save(tmp_path / "features" / f"v{n}_{number:03d}.jpg.npy", array)
    (tmp_path / "ads.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "ids.txt").write_text("v4\nv5\nv7\n")
    return tmp_path


def prepare(folder, out, *more, reader="esyncvidstory"):
    command = ["prepare", str(folder / "ads.json"), "--reader", reader, "--out", str(folder / out)]
    command += ["--encoder", "features", "--features", str(folder / "features"), "--val-share", "0"]
    return main([*command, "--test-ids", str(folder / "ids.txt"), *more])


def times_of(data):
    manifest = Manifest.load(data)
    stories = [read_story(data / e.shard, e) for split in ("train", "test") for e in manifest.samples(split)]
    return {story.id: [(c.start, c.end) for c in story.clips] for story in stories}


def test_the_released_corpus_keeps_them_and_counts_them(ads, capsys):
    assert prepare(ads, "data") == 0
    said = capsys.readouterr().err
    assert "4 stories have clips that overlap, by up to 11 s, the first is v4.mp4; they are kept as they are" in said
    assert "ads.json: v7.mp4: frames[1].time: starts 8 s before clip 0 ends" in said
    assert {name: spans for name, spans in times_of(ads / "data").items() if spans != PLAIN} == {
        f"v{n}": spans for n, spans in enumerate(OVERLAPPING, 4)
    }
    assert main(["doctor", str(ads / "data")]) == 0


def test_trimmed_they_end_where_the_next_one_starts_and_what_is_too_short_is_bad(ads, capsys):
    assert prepare(ads, "data", "--overlap", "trim") == 2
    said = capsys.readouterr().err
    assert "v7.mp4: frames[0].time: --overlap trim would leave nothing of 6 to 10 s: clip 1 starts at 2 s" in said
    assert "--max-bad 1" in said
    assert prepare(ads, "data", "--overlap", "trim", "--max-bad", "1") == 0
    said = capsys.readouterr().err
    assert "3 stories have clips that overlap, by up to 11 s, the first is v4.mp4; they are trimmed" in said
    times = times_of(ads / "data")
    assert times["v4"] == [(0, 6), (6, 12), (12, 15)]
    assert times["v5"] == [(0, 4), (4, 8), (11, 15)]
    assert "v7" not in times


def test_refused_each_is_bad(ads, capsys):
    assert prepare(ads, "data", "--overlap", "refuse") == 2
    said = capsys.readouterr().err
    assert "v6.mp4: frames[1].time: starts 11 s before clip 0 ends; --overlap trim" in said
    assert "4 videos cannot be used" in said.splitlines()[-1]
    assert prepare(ads, "data", "--overlap", "refuse", "--max-bad", "4") == 0
    assert set(times_of(ads / "data")) == {"v0", "v1", "v2", "v3"}


@pytest.mark.parametrize("reader", ["stories", "video-storytelling"])
def test_other_readers_refuse_them_unless_asked(tmp_path, capsys, reader):
    if reader == "stories":
        clips = [{"start": 0, "end": 5, "narration": "a"}, {"start": 2, "end": 9, "narration": "b"}]
        source = tmp_path / "v.json"
        source.write_text(json.dumps({"title": "t", "language": "en", "clips": clips}))
    else:
        source = tmp_path / "v.txt"
        source.write_text("v.mp4\n00:00 00:05 a\n00:02 00:09 b\n")
    for number in range(1, 10):
        np.save(tmp_path / f"v_{number:03d}.jpg.npy", np.zeros((2, 6), np.float16))
    command = ["prepare", str(source), "--reader", reader, "--encoder", "features", "--features", str(tmp_path)]
    assert main([*command, "--out", str(tmp_path / "refused")]) == 2
    assert "starts 3 s before clip 0 ends; --overlap trim ends that clip there" in capsys.readouterr().err
    for choice, end in (("keep", 5), ("trim", 2)):
        assert main([*command, "--out", str(tmp_path / choice), "--val-share", "0", "--overlap", choice]) == 0
        assert times_of(tmp_path / choice) == {"v": [(0, end), (2, 9)]}
        assert "1 story has clips that overlap, by up to 3 s" in capsys.readouterr().err


def test_kept_they_are_trained_tested_scored_and_compared(ads, tiny_base, capsys):
    assert prepare(ads, "data") == 0
    (ads / "toy").mkdir()
    toy = Experiment(ads / "toy", tiny_base, ads / "data")
    assert toy("run") == 0
    for setting in ("predicted", "given"):
        clips = [(p["video"], p["start"], p["end"]) for p in toy.predictions(setting)]
        assert clips == [(f"v{n}", *span) for n in (4, 5, 7) for span in OVERLAPPING[n - 4]]
        for line in toy.predictions(setting):
            words = 5 * (line["end"] - line["start"])
            assert line["word_range"] == [max(1, words - 3), words + 3]
    run = toy.run_folder()
    assert main(["score", str(run)]) == 0
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert scores["given"]["word_length_accuracy"]["value"] is not None
    assert main(["doctor", str(run)]) == 0
    assert main(["compare", str(run.parent), "--out", str(ads / "page")]) == 0
    assert "v4" in (ads / "page" / "compare.html").read_text(encoding="utf-8")


def test_frames_of_clips_that_overlap_are_each_clips_own():
    seconds = np.arange(15.0)
    for spans in OVERLAPPING:
        for start, end in spans:
            assert list(clip_frames(seconds, start, end)) == list(range(start, end))
