"""An interrupted test resumes; what all ranks wrote is merged and checked."""

import json
import os
import shutil
import signal
from types import SimpleNamespace

import pytest
from hold import Gate
from made_up import damage
from test_kill import start

from vn.errors import InputError
from vn.run_folder.parts import KEPT
from vn.story import Clip, Story
from vn.train.predictions import PredictionWriter


def trainer(rank=0, ranks=1):
    return SimpleNamespace(
        is_global_zero=rank == 0,
        global_rank=rank,
        world_size=ranks,
        strategy=SimpleNamespace(barrier=lambda name: None),
    )


def story(key):
    return Story(key, "t", "en", "ad", (), (Clip(0, 1, None, "Words."), Clip(1, 2, None, "More.")))


def lines(key):
    return [{"video": key, "clip": n} for n in (0, 1)]


def test_stories_are_kept_over_runs_and_ranks_and_half_a_line_is_not(tmp_path):
    one, two = (PredictionWriter(tmp_path, trainer(n, 2), {"seed": 1}) for n in (0, 1))
    one.add("predicted", story("a"), lines("a"))
    two.add("predicted", story("b"), lines("b"))
    two.parts.file.write(b'{"setting": "predicted", "story": {"id": "c"')
    two.parts.close()
    again = PredictionWriter(tmp_path, trainer(), {"seed": 1})  # on one rank
    assert again.done == {("predicted", "a"), ("predicted", "b")}
    again.add("predicted", story("c"), lines("c"))
    again.merge([("predicted", key) for key in "abc"])
    found = [json.loads(line) for line in (tmp_path / "predictions.predicted.jsonl").read_text().splitlines()]
    assert [(x["video"], x["clip"]) for x in found] == [(key, n) for key in "abc" for n in (0, 1)]
    assert len((tmp_path / "stories.jsonl").read_text().splitlines()) == 3
    assert not (tmp_path / "parts").exists()


def test_stories_of_another_test_are_not_kept(tmp_path):
    PredictionWriter(tmp_path, trainer(), {"seed": 1}).add("predicted", story("a"), lines("a"))
    assert not PredictionWriter(tmp_path, trainer(), {"seed": 2}).done


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_others_are_narrated_and_kept_where_a_sample_cannot_be_read(
    experiment, data, tmp_path, monkeypatch, capsys, workers
):
    assert experiment("run", "--trainer.max_epochs", "1") == 0
    whole = experiment.predictions()
    copy = shutil.copytree(data, tmp_path / "copy")
    damage(copy, "test-0-2", split="test")
    args = ("--data.folder", str(copy), "--data.workers", workers)
    capsys.readouterr()
    assert experiment("test", *args) == 2
    error = capsys.readouterr().err
    assert error.count("test-0-2") == 2  # at once, and at the end
    assert "vn test: error: " in error
    assert "what was written is kept" in error
    assert experiment.predictions() == whole, "an earlier test's results stand"
    shutil.rmtree(copy)
    shutil.copytree(data, copy)
    told = []
    monkeypatch.setattr(
        PredictionWriter,
        "add",
        lambda self, setting, story, lines, add=PredictionWriter.add: (
            told.append(story.id),
            add(self, setting, story, lines),
        ),
    )
    assert experiment("test", *args) == 0
    assert set(told) == {"test-0-2"}
    assert experiment.predictions() == whole


def test_a_story_that_nobody_wrote_is_missed(tmp_path):
    writer = PredictionWriter(tmp_path, trainer(), {})
    writer.add("predicted", story("a"), lines("a"))
    with pytest.raises(InputError, match="b: was not written with the storyline predicted"):
        writer.merge([("predicted", "a"), ("predicted", "b")])
    assert not (tmp_path / "predictions.predicted.jsonl").exists()


def test_a_clip_that_stands_twice_is_named(tmp_path):
    writer = PredictionWriter(tmp_path, trainer(), {})
    writer.add("predicted", story("a"), lines("a"))
    writer.add("predicted", story("a"), lines("a"))
    with pytest.raises(InputError, match="a: clip 0 was written twice"):
        writer.merge([])


def test_an_interrupted_predict_ends_as_one_that_was_not(experiment, monkeypatch, tmp_path):
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    adapter = ("--adapter", str(experiment.run_folder() / "adapter"), "--data.videos_at_once", "2")
    assert experiment("predict", *adapter, "--out", str(tmp_path / "whole")) == 0
    added = []
    add = PredictionWriter.add

    def stopped(self, setting, story, lines):
        if len(added) == 4:
            self.parts.file.write(b'{"setting": "given", "sto')
            raise InputError("the machine is taken away")
        added.append((setting, story.id))
        add(self, setting, story, lines)

    monkeypatch.setattr(PredictionWriter, "add", stopped)
    assert experiment("predict", *adapter, "--out", str(tmp_path / "halves")) == 2
    kept = list(added)
    assert not (tmp_path / "halves" / "stories.jsonl").exists()

    def counted(self, setting, story, lines):
        added.append((setting, story.id))
        add(self, setting, story, lines)

    monkeypatch.setattr(PredictionWriter, "add", counted)
    assert experiment("predict", *adapter, "--out", str(tmp_path / "halves")) == 0
    assert len(added) == len(set(added)) == 10  # five videos in two settings, each written once
    assert added[:4] == kept
    assert_same_predictions(tmp_path / "whole", tmp_path / "halves")


def assert_same_predictions(whole, other):
    for name in ("stories.jsonl", "predictions.predicted.jsonl", "predictions.given.jsonl"):
        one, two = ((folder / name).read_text().splitlines() for folder in (whole, other))
        for a, b in zip(map(json.loads, one), map(json.loads, two), strict=True):
            assert a.pop("label_odds", None) == pytest.approx(b.pop("label_odds", None), abs=1e-3)
            assert a == b


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_predict_that_is_killed_again_and_again_ends_as_one_that_was_not(experiment, tmp_path):
    """Real processes, SIGKILL behind the first, the fifth and the seventh story of ten (five videos, in two ways)."""
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    gate = Gate(tmp_path)
    args = ("--adapter", str(experiment.run_folder() / "adapter"), "--data.videos_at_once", "1", *gate.flags)
    assert experiment("predict", *args, "--out", str(tmp_path / "whole")) == 0
    out = tmp_path / "killed"

    def kept():
        file = out / "parts" / KEPT
        return file.read_bytes().count(b"\n") - 1 if file.exists() else 0

    seen = []
    for video in (1, 3, 4):  # where the second story of the one before has been begun
        gate.close(f"video {video}")
        process = start(experiment, "toy", *args, "--out", str(out), command="predict")
        gate.wait(process, "toy")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)
        seen.append(kept())
        assert not (out / "stories.jsonl").exists()
    assert seen == [0, 1, 5], "what was there when each began"
    gate.open()
    assert experiment("predict", *args, "--out", str(out)) == 0
    assert_same_predictions(tmp_path / "whole", out)
    assert not (out / "parts").exists()
