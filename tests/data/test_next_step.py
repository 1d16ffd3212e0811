"""The command that ``vn prepare`` prints at the end works as printed."""

import json
import shlex

import pytest
from made_up import write_data

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.next_step import next_step


def as_if(folder, language, domain):
    file = folder / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "language": language, "domain": domain}))
    return Manifest.load(folder)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("domain", ["ad", "general"])
def test_it_trains_and_tests(tmp_path, tiny_base, monkeypatch, language, domain, capsys):
    """With SmolLM2 replaced by a tiny model, and a few steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vn.io.gguf.smollm2", lambda: str(tiny_base))
    monkeypatch.setattr("vn.adapter.check_window", lambda config, length: None)
    folder = write_data(tmp_path / "my data", train=(2,), val=1, test=1)
    manifest = as_if(folder, language, domain)
    words = shlex.split(next_step(manifest, folder)[0].removeprefix("next: "))
    assert words[:2] == ["vn", "run"]
    few = ["--debug", "fast", "--trainer.accelerator", "cpu", "--test.decoding.max_new_tokens", "4"]
    assert main([*words[1:], *few, "--trainer.enable_progress_bar", "false"]) == 0, capsys.readouterr().err
    assert (tmp_path / "runs" / "my data" / "scores.json").exists()


def test_without_a_test_split_it_trains_only(tmp_path):
    folder = write_data(tmp_path / "d", train=(2,), val=1, test=0)
    assert next_step(Manifest.load(folder), folder)[0] == f"next: vn fit --config own --data.folder {folder} --name d"


def test_without_a_narration_it_says_so(tmp_path):
    folder = write_data(tmp_path / "d", train=(0,), val=0, test=2)
    assert (
        "no clip of the train split has a narration; vn predict --run RUN"
        in next_step(Manifest.load(folder), folder)[0]
    )


def test_a_base_model_that_is_not_installed_is_said(tmp_path, monkeypatch):
    folder = write_data(tmp_path / "d", train=(1,), val=1, test=1)
    monkeypatch.setattr("vn.data.next_step.is_here", lambda name: False)
    assert next_step(Manifest.load(folder), folder)[1].strip() == (
        "(its base model first: pip install 'videonarrator[models]')"
    )
