"""What users have keeps working: data, runs, adapters and stories of earlier builds (tests/kept/README.md)."""

import json
import tarfile
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from vn.cli import main

BUILDS = sorted((Path(__file__).parent / "kept").glob("*.tar.xz"))


@pytest.fixture(params=BUILDS, ids=lambda path: path.name.removesuffix(".tar.xz"))
def kept(request, tmp_path, monkeypatch):
    """The folder of an earlier build's files, as the current one."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_run_stopped_half_way_goes_on_to_the_same_weights(kept):
    half, finished = kept / "runs/half", kept / "runs/finished"
    done = lines(half / "metrics.jsonl")
    assert main(["run", "--config", "toy.yaml", "--name", "half", "--resume", "auto"]) == 0
    logged = lines(half / "metrics.jsonl")
    assert logged[: len(done)] == done  # the steps made before were not made again
    assert [line["step"] for line in logged] == [line["step"] for line in lines(finished / "metrics.jsonl")]
    for name in ("narrator.safetensors", "adapter_model.safetensors"):
        # Another machine may sum in another order, so not bit for bit.
        ours, theirs = load_file(half / "adapter" / name), load_file(finished / "adapter" / name)
        assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_finished_run_says_so(kept, capsys):
    before = (kept / "runs/finished/metrics.jsonl").read_bytes()
    assert main(["fit", "--config", "toy.yaml", "--name", "finished"]) == 0
    assert "finished" in capsys.readouterr().out
    assert (kept / "runs/finished/metrics.jsonl").read_bytes() == before


def test_a_finished_run_is_tested_again(kept):
    file = kept / "runs/finished/predictions.predicted.jsonl"
    before = lines(file)
    file.unlink()
    assert main(["test", "--run", "runs/finished"]) == 0
    again = lines(file)
    assert [(x["video"], x["clip"], x["reference"]) for x in again] == [
        (x["video"], x["clip"], x["reference"]) for x in before
    ]
    assert again[0].keys() == before[0].keys()


def test_a_finished_run_is_scored_and_compared(kept):
    file = kept / "runs/finished/scores.json"
    before = json.loads(file.read_text())
    file.unlink()
    assert main(["score", "runs/finished"]) == 0
    again = json.loads(file.read_text())
    assert again["predicted"]["cider"]["value"] == pytest.approx(before["predicted"]["cider"]["value"])
    assert main(["compare", "runs/finished", "--out", "compared"]) == 0
    assert "full" in (kept / "compared/compare.csv").read_text()


def test_doctor_reads_all_of_it(kept, capsys):
    assert main(["doctor", "runs/finished"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert main(["doctor", "data"]) == 2
    found = capsys.readouterr()
    assert "checked: 4 shards, 12 videos, 106 frames" in found.out
    assert all("statistics" in line for line in found.err.splitlines())  # they were made up as 0 and 1


def test_an_adapter_narrates_and_its_story_is_edited(kept):
    assert (
        main(
            [
                "narrate",
                "new/kettle.mp4",
                "--product",
                "new/product.yaml",
                "--adapter",
                "runs/seen/adapter",
                "--out",
                "out",
            ]
        )
        == 0
    )
    file = kept / "new/story/story.json"
    before, again = json.loads(file.read_text()), json.loads((kept / "out/story.json").read_text())
    assert [(x["start"], x["end"]) for x in again["clips"]] == [(x["start"], x["end"]) for x in before["clips"]]
    before["clips"][1]["narration"] = "It boils the tea."
    file.write_text(json.dumps(before))
    assert main(["narrate", "--edit", str(file), "--adapter", "runs/seen/adapter"]) == 0
    edited = json.loads(file.read_text())
    assert edited["clips"][0] == before["clips"][0]
    assert edited["clips"][1]["narration"] == "It boils the tea."
