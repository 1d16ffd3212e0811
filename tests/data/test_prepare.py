"""``vn prepare`` end to end: what it writes, resumes, counts and refuses."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from colour_encoder import ColourEncoder
from hold import environment, wait_for
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import as_format_1
from rendered_videos import counting_video, render_video
from test_shots import COLOURS, shot

from vn import cli
from vn.data.feature_statistics import Sums, statistics
from vn.data.frames import encode_video
from vn.data.manifest import Manifest
from vn.data.shards import read_sample, read_thumbs, verify
from vn.story_reader import parse_story

HERE = Path(__file__).parent


def clips(*times: tuple[float, float]) -> list[dict]:
    return [{"start": start, "end": end, "narration": f"From {start} on."} for start, end in times]


def contents(folder: Path) -> dict[str, bytes]:
    """Everything a user gets, byte by byte."""
    files = sorted(file for place in (folder, folder / "samples") for file in place.glob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def digest(data: dict) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


@pytest.fixture
def world(tmp_path, write_stories) -> Path:
    """Seven stories with a video each, of 2 to 5 seconds; five in train, one in val, one in test."""
    (tmp_path / "videos").mkdir()
    for number in range(7):
        name = f"v{number}"
        counting_video(tmp_path / "videos" / f"{name}.mp4", 20 + 5 * number)
        split = {5: "val", 6: "test"}.get(number, "train")
        seconds = 2 + 0.5 * number
        write_stories(
            {"id": name, "clips": clips((0, seconds / 2), (seconds / 2, seconds))}, folder=tmp_path / "s" / split
        )
    return tmp_path


def prepare(world: Path, out: str = "data", *more: str, encoder: str = "colour") -> int:
    source = ["prepare", str(world / "s"), "--reader", "stories", "--encoder", encoder]
    return cli.main([*source, "--videos", str(world / "videos"), "--out", str(world / out), "--shard-size", "2", *more])


@pytest.mark.usefixtures("colour")
class TestWhatItWrites:
    def test_shards_and_manifest(self, world, colour, capsys):
        assert prepare(world) == 0
        data = world / "data"
        shards = [name for name in sorted(contents(data)) if not name.startswith("samples/")]
        assert shards == [
            "manifest.json",
            *("test-00000.tar", "train-00000.tar", "train-00001.tar", "train-00002.tar", "val-00000.tar"),
        ]
        assert verify(data) == 5
        manifest = Manifest.load(data)
        assert (manifest.tokens, manifest.width, manifest.standardise, manifest.similarity_threshold) == (
            2,
            3,
            True,
            0.9,
        )
        assert manifest.encoder == {"id": "colour", "settings": {"size": 8, "fps": 1.0}, "weights_sha256": "0" * 64}
        assert (manifest.language, manifest.domain, manifest.warnings) == ("en", "ad", [])
        assert [[s.key for s in manifest.samples(split)] for split in ("train", "val", "test")] == [
            ["v0", "v1", "v2", "v3", "v4"],
            ["v5"],
            ["v6"],
        ]
        for entry in manifest.samples("train"):
            story, frames, seconds = read_sample(data / entry.shard, entry)
            video = world / "videos" / f"{entry.key}.mp4"
            alone = encode_video(video, colour)
            np.testing.assert_array_equal(frames, alone.features)
            np.testing.assert_array_equal(seconds, alone.seconds)
            assert len(read_thumbs(data / entry.shard, entry)) == entry.frames == len(seconds)
            assert story == parse_story(json.loads((world / "s" / "train" / f"{entry.key}.json").read_text()))
        out = capsys.readouterr().out
        assert "Encoded 7 videos, 26 frames" in out
        assert "a frame is 2 tokens x 3 (colour)" in out
        assert str(data / "manifest.json") in out

    def test_statistics_are_those_of_the_train_split(self, world):
        prepare(world)
        manifest = Manifest.load(world / "data")
        frames = [read_sample(world / "data" / e.shard, e)[1] for e in manifest.samples("train")]
        tokens = np.concatenate(frames).reshape(-1, 3).astype(np.float64)
        np.testing.assert_allclose(manifest.statistics["mean"], tokens.mean(0), rtol=1e-12)
        np.testing.assert_allclose(manifest.statistics["std"], tokens.std(0), rtol=1e-9)

    def test_two_runs_give_the_same_bytes(self, world):
        assert prepare(world, "one") == prepare(world, "two", "--threads", "4") == 0
        assert contents(world / "one") == contents(world / "two")

    def test_clips_are_found_where_a_story_has_none(self, tmp_path, write_stories):
        (tmp_path / "videos").mkdir()
        render_video(tmp_path / "videos" / "cut.mp4", shot(COLOURS[0], 20) + shot(COLOURS[1], 15))
        write_stories({"id": "cut"}, folder=tmp_path / "s")
        assert prepare(tmp_path) == 0
        data = tmp_path / "data"
        (entry,) = [e for split in ("train", "val") for e in Manifest.load(data).samples(split)]
        story, _, _ = read_sample(data / entry.shard, entry)
        assert [(c.start, c.end) for c in story.clips] == [(0, 2.0), (2.0, 3.5)]

    def test_a_clip_without_a_frame_is_told(self, tmp_path, write_stories, capsys):
        (tmp_path / "videos").mkdir()
        counting_video(tmp_path / "videos" / "v.mp4", 30)
        write_stories({"id": "v", "clips": clips((0, 2.2), (2.2, 2.8), (5, 9))}, folder=tmp_path / "s")
        assert prepare(tmp_path) == 0
        lines = Manifest.load(tmp_path / "data").warnings
        assert lines == [
            f"{tmp_path / 's' / 'v.json'}: v: clips[2]: 5 to 9 s is beyond the end: the video has 3 s; the frame "
            "nearest to it is used",
            "v: clips[1]: no frame from 2.2 to 2.8 s; the nearest one is used",
        ]
        assert "2 warnings:" in capsys.readouterr().err

    def test_videos_beside_the_stories_and_mixed_languages(self, tmp_path, write_stories):
        folder = write_stories(
            {"id": "a", "clips": clips((0, 1))},
            {"id": "b", "clips": clips((0, 1)), "video": None},
            {"id": "c", "clips": clips((0, 1)), "video": "https://example.org/x.mp4", "language": "zh"},
        )
        counting_video(folder / "a.mp4", 12)
        counting_video(folder / "b.webm", 12, codec="libvpx-vp9")
        counting_video(folder / "c.mkv", 12)
        out = tmp_path / "d"
        command = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--val-share", "0"]
        assert cli.main([*command, "--out", str(out)]) == 0
        manifest = Manifest.load(out)
        assert (len(manifest.samples("train")), manifest.language) == (3, "en")
        assert manifest.warnings == ["the stories mix languages (en: 2, zh: 1); the manifest records en"]


@pytest.mark.usefixtures("colour")
class TestGoingOn:
    def test_finished_data_are_left_alone(self, world, capsys):
        prepare(world)
        before = contents(world / "data")
        times = {f: (world / "data" / f).stat().st_mtime_ns for f in before if f.endswith(".tar")}
        assert prepare(world) == 0
        assert "Nothing to do" in capsys.readouterr().out
        assert contents(world / "data") == before
        assert {f: (world / "data" / f).stat().st_mtime_ns for f in times} == times

    def test_finished_data_with_a_manifest_of_format_1_is_left_as_it_is(self, world, capsys):
        prepare(world)
        as_format_1(world / "data")
        before = contents(world / "data")
        capsys.readouterr()
        assert prepare(world) == 0
        assert "Nothing to do" in capsys.readouterr().out
        assert contents(world / "data") == before
        counting_video(world / "videos" / "v2.mp4", 33)
        assert prepare(world) == 0
        assert "samples/frames.npy" in contents(world / "data")

    def test_overwriting_removes_the_columns_of_earlier_data(self, world):
        prepare(world)
        column = world / "data" / "samples" / "frames.npy"
        column.write_bytes(b"damaged")
        assert prepare(world, "data", "--overwrite", "--val-share", "0.5") == 0
        assert len(Manifest.load(world / "data").samples("train")) == 5
        assert np.load(column).sum() == 26

    def test_a_video_that_changed_costs_its_shard_only(self, world, capsys):
        prepare(world)
        before = contents(world / "data")
        counting_video(world / "videos" / "v2.mp4", 33)
        capsys.readouterr()
        assert prepare(world) == 0
        assert "Encoded 2 videos" in capsys.readouterr().out
        after = contents(world / "data")
        changed = [name for name in before if before[name] != after[name]]
        assert [name for name in changed if "/" not in name] == ["manifest.json", "train-00001.tar"]
        assert prepare(world, "anew") == 0
        assert contents(world / "anew") == after

    def test_a_lost_shard_is_made_again(self, world):
        prepare(world)
        before = contents(world / "data")
        (world / "data" / "train-00002.tar").unlink()
        (world / "data" / "train-00000.tar").write_bytes(b"short")
        (world / "data" / ".prepare" / "test-00000.json").write_text("{")
        assert prepare(world) == 0
        assert contents(world / "data") == before

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (["--fps", "2"], r"another configuration (encoder.settings.fps was 1.0, now 2.0)"),
            (["--shard-size", "3"], r"another configuration (shard_size was 2, now 3)"),
            (["--test-ids", "ids"], r"another configuration (other stories or splits)"),
        ],
    )
    def test_another_configuration_is_refused(self, world, capsys, change, message):
        prepare(world)
        before = contents(world / "data")
        (world / "ids").write_text("v0\n")
        change = [str(world / "ids") if word == "ids" else word for word in change]
        assert prepare(world, "data", *change) == 2
        assert message in capsys.readouterr().err
        assert contents(world / "data") == before
        assert prepare(world, "data", *change, "--overwrite") == 0
        assert prepare(world, "anew", *change) == 0
        assert contents(world / "data") == contents(world / "anew")

    def test_data_that_an_earlier_version_finished_stay_finished(self, world, capsys):
        """Shots and times of some videos have changed since: what is there is used as it is, and never mixed."""
        shutil.copy(world / "s" / "train" / "v0.json", world / "s" / "train" / "w.json")
        uncut = json.loads((world / "s" / "train" / "w.json").read_text()) | {"id": "w", "clips": []}
        (world / "s" / "train" / "w.json").write_text(json.dumps(uncut))
        assert prepare(world) == 0
        file = world / "data" / ".prepare" / "configuration.json"
        old = json.loads(file.read_text()) | {"version": 1}
        assert old.pop("shots") == {"detector": "combined", "threshold": 3.0}
        file.write_text(json.dumps(old))
        for record in (world / "data" / ".prepare").glob("*-*.json"):  # as that version wrote them
            data = json.loads(record.read_text()) | {"configuration": digest(old)}
            data.pop("sum_of_this")
            record.write_text(json.dumps(data | {"sum_of_this": digest(data)}))
        before = contents(world / "data")
        capsys.readouterr()
        assert prepare(world) == 0
        assert "Nothing to do" in capsys.readouterr().out
        assert contents(world / "data") == before
        assert prepare(world, "data", "--shots", "content") == 2
        assert "another configuration (shots was None, now " in capsys.readouterr().err
        counting_video(world / "videos" / "v2.mp4", 33)
        assert prepare(world) == 2
        error = capsys.readouterr().err
        assert "made by an earlier version of vn; 1 of its shards must be rebuilt" in error
        assert contents(world / "data") == before
        (world / "data" / "manifest.json").unlink()
        assert prepare(world) == 2
        assert "another configuration (" in capsys.readouterr().err
        assert prepare(world, "data", "--overwrite") == 0

    def test_other_shots_are_another_configuration(self, tmp_path, write_stories, capsys):
        (tmp_path / "videos").mkdir()
        render_video(tmp_path / "videos" / "cut.mp4", shot(COLOURS[0], 20) + shot(COLOURS[1], 15))
        write_stories({"id": "cut"}, folder=tmp_path / "s")
        assert prepare(tmp_path, "data", "--shots", "content", "--shot-threshold", "250") == 0
        (entry,) = [e for split in ("train", "val") for e in Manifest.load(tmp_path / "data").samples(split)]
        assert entry.clips == 1
        assert prepare(tmp_path, "data", "--shots", "content") == 2
        assert "another configuration (shots.threshold was 250.0, now 27.0)" in capsys.readouterr().err
        assert prepare(tmp_path, "data", "--shots", "contents") == 2
        assert "--shots: no shot detector 'contents' (did you mean 'content'?)" in capsys.readouterr().err
        assert prepare(tmp_path, "data", "--shot-threshold", "-1") == 2
        assert "--shot-threshold: expected above 0, up to 100, for combined, got -1" in capsys.readouterr().err

    def test_shots_do_not_matter_to_stories_with_clips(self, world, capsys):
        assert prepare(world) == prepare(world, "data", "--shots", "content") == 0
        assert "Nothing to do" in capsys.readouterr().out

    def test_strangers_are_never_removed(self, world, capsys):
        data = world / "data"
        data.mkdir()
        (data / "notes.txt").write_text("mine")
        (data / "train-00000.tar").write_text("old")
        assert prepare(world) == 2
        assert "holds other files already (notes.txt)" in capsys.readouterr().err
        assert (data / "train-00000.tar").read_text() == "old"
        assert prepare(world, "data", "--overwrite") == 0
        assert (data / "notes.txt").read_text() == "mine"
        (world / "file").write_text("")
        assert prepare(world, "file") == 2
        assert "is a file" in capsys.readouterr().err

    def test_one_at_a_time(self, world, capsys, monkeypatch):
        begun, go_on, original = threading.Event(), threading.Event(), ColourEncoder.encode

        def encode(self, inputs):
            begun.set()
            assert go_on.wait(timeout=300)
            return original(self, inputs)

        monkeypatch.setattr(ColourEncoder, "encode", encode)
        other = threading.Thread(target=prepare, args=(world,))
        other.start()
        assert begun.wait(timeout=300)
        assert prepare(world) == 2
        go_on.set()
        other.join()
        assert "is at work in this folder" in capsys.readouterr().err
        assert prepare(world) == 0


@pytest.mark.usefixtures("colour")
class TestBadVideos:
    def test_missing_videos_are_told_before_any_work(self, world, capsys):
        (world / "videos" / "v3.mp4").unlink()
        (world / "videos" / "v4.mp4").unlink()
        assert prepare(world) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert (
            "v3.json: 2 of 7 videos are missing, the first is that of v3 (looked for v3.mp4), also as v3 with" in error
        )
        assert not (world / "data").exists()

    def test_unreadable_videos_are_listed_and_the_rest_is_done(self, world, capsys):
        (world / "videos" / "v1.mp4").write_text("a page that says 404")
        assert prepare(world) == 2
        error = capsys.readouterr().err
        assert "v1.mp4: v1: not a video that can be read" in error.splitlines()[-1]
        assert "--max-bad 1" in error
        assert not (world / "data" / "manifest.json").exists()
        # Nothing is encoded twice once it is allowed ...
        assert prepare(world, "data", "--max-bad", "1") == 0
        out = capsys.readouterr().out
        assert "Nothing to do" in out
        assert "1 could not be used and were left out" in out
        manifest = Manifest.load(world / "data")
        assert [e.key for e in manifest.samples("train")] == ["v0", "v2", "v3", "v4"]
        assert [line for line in manifest.warnings if "left out:" in line and "v1.mp4" in line]
        # ... or mended.
        counting_video(world / "videos" / "v1.mp4", 15)
        assert prepare(world) == 0
        assert prepare(world, "anew") == 0
        assert contents(world / "data") == contents(world / "anew")

    def test_a_shard_of_bad_videos_is_left_out(self, world):
        for name in ("v0", "v1"):
            (world / "videos" / f"{name}.mp4").write_text("no video")
        assert prepare(world, "data", "--max-bad", "2") == 0
        manifest = Manifest.load(world / "data")
        assert [s.file for s in manifest.splits["train"]] == ["train-00001.tar", "train-00002.tar"]
        assert verify(world / "data") == 4
        assert prepare(world, "data", "--max-bad", "2") == 0

    def test_bad_stories_count_too(self, world, capsys):
        (world / "s" / "train" / "w.json").write_text('{"id": "w", "title": "t", "language": "de"}')
        assert prepare(world) == 2
        assert "w.json: w: language: expected 'zh' or 'en', got 'de'" in capsys.readouterr().err.splitlines()[-1]
        assert not (world / "data").exists()
        assert prepare(world, "data", "--max-bad", "1") == 0
        assert "w.json" in Manifest.load(world / "data").warnings[0]

    def test_no_usable_video_at_all(self, tmp_path, write_stories, capsys):
        (tmp_path / "videos").mkdir()
        (tmp_path / "videos" / "v.mp4").write_text("no video")
        write_stories({"id": "v", "clips": clips((0, 1))}, folder=tmp_path / "s")
        assert prepare(tmp_path, "data", "--max-bad", "1") == 2
        assert "no video could be used" in capsys.readouterr().err

    def test_a_story_without_clips_and_video(self, tmp_path, write_stories, capsys):
        write_stories({"id": "a"}, folder=tmp_path / "s")
        np.save(tmp_path / "a_001.jpg.npy", np.zeros((2, 2), np.float32))
        assert prepare(tmp_path, "data", "--features", str(tmp_path), encoder="features") == 2
        assert "1 of 1 videos are missing" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--val-share", "1.5"], "--val-share: expected 0.0 to 0.9, got 1.5"),
            (["--shard-size", "0"], "--shard-size: expected 1 or more, got 0"),
            (["--encoder", "color"], "no frame encoder 'color' (did you mean 'colour'?)"),
            (["--reader", "esync"], "no reader 'esync'"),
            (["--fps", "-1"], "fps: expected frames per second above 0"),
        ],
    )
    def test_bad_options(self, world, capsys, words, message):
        assert prepare(world, "data", *words) == 2
        assert message in capsys.readouterr().err


@given(st.lists(st.integers(-60000, 60000), min_size=1, max_size=40), st.integers(1, 5))
@settings(deadline=None)
def test_sums_give_mean_and_deviation_however_they_are_grouped(values, groups):
    features = (np.array(values, dtype=np.float64) / 7).astype(np.float16).reshape(-1, 1, 1)
    total = Sums.zero(1)
    for part in np.array_split(features, groups):
        sums = Sums.zero(1)
        if len(part):
            sums.add(part)
        total += sums
    found = statistics(total)
    exact = features.astype(np.float64)
    np.testing.assert_allclose(found["mean"][0], exact.mean(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["std"][0], max(exact.std(), 1e-6), rtol=1e-6, atol=1e-3)


def test_a_dimension_that_hardly_varies_does_not_blow_up():
    random = np.random.default_rng(0)
    features = random.standard_normal((100, 1, 5)) * np.array([1, 1, 1, 1, 1e-5])
    sums = Sums.zero(5)
    sums.add(features)
    assert statistics(sums)["std"][4] == pytest.approx(0.05, rel=0.2)


class TestKills:
    SCRIPT = (
        "import colour_encoder, sys; from pathlib import Path;"
        "colour_encoder.register(Path(sys.argv.pop(1)), int(sys.argv.pop(1)));"
        "from vn.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def command(self, world: Path, out: Path, hold: Path, hold_at: int = 0) -> list[str]:
        script = [sys.executable, "-c", self.SCRIPT, str(hold), str(hold_at)]
        source = ["prepare", str(world / "s"), "--reader", "stories", "--videos", str(world / "videos")]
        threads = ["--threads", "1"] if hold_at else []
        return [*script, *source, "--encoder", "colour", "--out", str(out), "--shard-size", "2", *threads]

    def test_killed_at_random_moments_it_ends_in_the_same_bytes(self, tmp_path, write_stories):
        (tmp_path / "videos").mkdir()
        first = counting_video(tmp_path / "videos" / "v00.mp4", 60)
        for number in range(24):
            name = f"v{number:02d}"
            if number:
                shutil.copy(first, tmp_path / "videos" / f"{name}.mp4")
            write_stories({"id": name, "clips": clips((0, 3), (3, 6))}, folder=tmp_path / "s")
        own = environment(PYTHONPATH=os.pathsep.join([str(HERE), *filter(None, sys.path)]))
        options = {"env": own, "stderr": subprocess.PIPE, "text": True}
        dice, out = random.Random(0), tmp_path / "killed"
        for kill in range(5):
            # Two batches a video. It waits in the fifth video of 24 at the latest, so that five kills find it at work.
            hold, shards = tmp_path / f"hold{kill}", len(list(out.glob("*.tar")))
            process = subprocess.Popen(self.command(tmp_path, out, hold, 10), stdout=subprocess.DEVNULL, **options)
            # Kills while it starts teach nothing: wait until it writes, then a moment more.
            wait_for(
                process,
                lambda shards=shards: list(out.glob("*.partial")) and len(list(out.glob("*.tar"))) > shards,
            )
            time.sleep(dice.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            _, error = process.communicate(timeout=300)
            assert process.returncode == -signal.SIGKILL, error
            assert not (out / "manifest.json").exists()
        for target in (out, tmp_path / "whole"):
            done = subprocess.run(self.command(tmp_path, target, tmp_path / "free"), **options, timeout=300)
            assert done.returncode == 0, done.stderr
        assert contents(out) == contents(tmp_path / "whole")

    @pytest.mark.usefixtures("colour")
    def test_an_interrupt_leaves_no_manifest(self, world, monkeypatch, capsys):
        original = ColourEncoder.encode

        def encode(self, inputs):
            if len(inputs) == 4:  # v3, in the second shard
                raise KeyboardInterrupt
            return original(self, inputs)

        monkeypatch.setattr(ColourEncoder, "encode", encode)
        assert prepare(world) == 130
        assert "interrupted" in capsys.readouterr().err
        assert sorted(contents(world / "data")) == ["train-00000.tar"]
        monkeypatch.undo()
        assert prepare(world) == 0


def test_released_features(tmp_path, real_data, capsys):
    random = np.random.default_rng(0)
    stories = json.loads((real_data / "esyncvidstory_sample.json").read_text("utf-8"))
    names = list(stories)
    for name in names:
        seconds = max(frame["time"][1] for frame in stories[name]["frames"])
        for number in range(1, seconds + 1):
            array = random.standard_normal((2, 4)).astype(np.float16)
            np.save(tmp_path / f"{name.removesuffix('.mp4')}_{number:03d}.jpg.npy", array)
    (tmp_path / "ids.txt").write_text("\n".join(names[:4]))
    source = ["prepare", str(real_data / "esyncvidstory_sample.json"), "--reader", "esyncvidstory"]
    options = ["--encoder", "features", "--features", str(tmp_path), "--test-ids", str(tmp_path / "ids.txt")]
    assert cli.main([*source, *options, "--out", str(tmp_path / "data")]) == 0
    manifest = Manifest.load(tmp_path / "data")
    splits = {split: manifest.samples(split) for split in ("train", "val", "test")}
    assert sorted(e.key for e in splits["test"]) == sorted(name.removesuffix(".mp4") for name in names[:4])
    assert sum(map(len, splits.values())) == 40
    assert sum(e.clips for entries in splits.values() for e in entries) == 271
    assert (manifest.language, manifest.domain, manifest.standardise, manifest.warnings) == ("zh", "ad", False, [])


def test_released_features_of_videos_with_several_stories(tmp_path, capsys):
    """Video Storytelling: the features are named by videos, the stories ``video5_1`` and ``video5_2``."""
    (tmp_path / "wedding").mkdir()
    for n, video in enumerate(("video5", "video5", "video6")):
        (tmp_path / "wedding" / f"s{n}.txt").write_text(f"{video}.mp4\n00:00 00:02 a guest\n00:02 00:03 the bride\n")
    for video, count in (("video5", 3), ("video6", 4)):
        for number in range(1, count + 1):
            np.save(tmp_path / f"{video}_{number:03d}.jpg.npy", np.full((2, 4), number, np.float16))
    command = ["prepare", str(tmp_path / "wedding"), "--reader", "video-storytelling", "--encoder", "features"]
    command += ["--features", str(tmp_path), "--out", str(tmp_path / "data"), "--val-share", "0"]
    assert cli.main(command) == 0
    assert {e.key: e.frames for e in Manifest.load(tmp_path / "data").samples("train")} == {
        "video5_1": 3,
        "video5_2": 3,
        "video6": 4,
    }
    for file in tmp_path.glob("video5_*.npy"):
        file.unlink()
    capsys.readouterr()
    assert cli.main([*command, "--overwrite"]) == 2
    assert "no features video5_1_001.jpg.npy or video5_001.jpg.npy and following" in capsys.readouterr().err


def test_help_says_how(capsys):
    assert cli.main(["prepare", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--reader stories --videos videos/ --out data/mine" in out
    assert "--max-bad" in out


def test_findings_of_a_damaged_video_reach_the_manifest(tmp_path, write_stories, colour):
    (tmp_path / "videos").mkdir()
    path = counting_video(tmp_path / "videos" / "v.mkv", 60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    write_stories({"id": "v", "clips": clips((0, 2)), "video": "v.mkv"}, folder=tmp_path / "s" / "train")
    assert prepare(tmp_path) == 0
    (line,) = Manifest.load(tmp_path / "data").warnings
    assert "v.mkv: v: can be read up to" in line
