"""The shipped experiments and sweeps, by name and by path, from any folder; and copies of them."""

import os
from types import SimpleNamespace

import pytest

from vn.cli import main
from vn.errors import InputError
from vn.shipped import find, home, names
from vn.train.arguments import expand


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", ["demo", "experiments/demo.yaml"])
def test_a_name_or_path_stands_for_the_shipped_file(given):
    assert find("experiments", given) == home("experiments") / "demo.yaml"
    assert expand(["--config", given])[1] == str(home("experiments") / "demo.yaml")
    assert expand([f"--config={given}", "--ablation", "no_memory"])[3] == str(
        home("experiments") / "ablations" / "no_memory.yaml"
    )


def test_a_file_here_comes_first(elsewhere):
    (elsewhere / "experiments" / "ablations").mkdir(parents=True)
    mine = elsewhere / "experiments" / "demo.yaml"
    mine.touch()
    for given in ("demo", "experiments/demo.yaml"):
        assert find("experiments", given).resolve() == mine
    overlay = elsewhere / "experiments" / "ablations" / "no_memory.yaml"
    overlay.touch()
    words = expand(["--config", "demo", "--ablation", "no_memory"])
    assert elsewhere / words[3] == overlay
    (elsewhere / "demo").touch()
    assert find("experiments", "demo").resolve() == elsewhere / "demo"


def test_an_overlay_is_shipped_for_an_experiment_of_ones_own(elsewhere):
    (elsewhere / "mine.yaml").write_text("{}\n")
    words = expand(["--config", "mine.yaml", "--ablation", "no_lora"])
    assert words[:2] == ["--config", "mine.yaml"]
    assert words[3] == str(home("experiments") / "ablations" / "no_lora.yaml")


def test_an_unknown_name_is_a_sentence_with_those_there_are(capsys):
    with pytest.raises(InputError, match=r"dmeo: no such file, and no shipped experiment has this name \(did you mean"):
        find("experiments", "dmeo")
    assert main(["run", "--config", "dmeo"]) == 2
    error = capsys.readouterr().err
    assert all(name in error for name in names("experiments"))
    assert main(["sweep", "demo_ablation", "--dry-run"]) == 2
    assert "did you mean 'demo_ablations'" in capsys.readouterr().err
    assert main(["run", "--config", "no/such.yaml"]) == 2
    assert "no/such.yaml: No such file" in capsys.readouterr().err
    assert find("experiments", "experiments/../demo.yaml").parts[0] == "experiments"  # nothing outside is shipped


def test_they_are_listed(capsys):
    assert main(["experiments"]) == 0
    out = capsys.readouterr().out
    for name in (*names("experiments"), *names("sweeps"), "no_memory", "slurm.sh", "torchrun.sh"):
        assert f"  {name} " in out


def test_copies_can_be_changed_and_are_never_written_over(elsewhere, capsys):
    assert main(["experiments", "--copy", "here"]) == 0
    for kind in ("experiments", "sweeps"):
        for file in home(kind).rglob("*"):
            if file.suffix in (".yaml", ".sh"):
                copy = elsewhere / "here" / kind / file.relative_to(home(kind))
                assert copy.read_bytes() == file.read_bytes()
                assert os.access(copy, os.X_OK) or file.suffix != ".sh"
    assert main(["experiments", "--copy", "here"]) == 0  # they are the same
    changed = elsewhere / "here" / "experiments" / "own.yaml"
    changed.write_text("{}\n")
    (elsewhere / "here" / "sweeps" / "ablations.yaml").unlink()
    capsys.readouterr()
    assert main(["experiments", "--copy", "here"]) == 2
    assert "own.yaml: exists already with different content; nothing was copied" in capsys.readouterr().err
    assert changed.read_text() == "{}\n"
    assert not (elsewhere / "here" / "sweeps" / "ablations.yaml").exists()


def test_the_demo_finds_its_experiment_anywhere(monkeypatch):
    """Its stages are left out: what they would be called with is looked at."""
    from vn.demo import command, stages

    called = []
    world = SimpleNamespace(**dict.fromkeys(("stories", "video", "product"), command.HOME))
    monkeypatch.setattr(command, "cores", lambda: 1)  # nothing beside
    monkeypatch.setattr(command, "_render", lambda *args: world)
    monkeypatch.setattr(command, "_base_lm", lambda *args: None)
    monkeypatch.setattr(command, "_packing", lambda *args: None)
    vn = lambda self, *words, own_process=False: called.append([str(word) for word in words])  # noqa: E731
    monkeypatch.setattr(stages.Stages, "vn", vn)
    assert main(["demo", "--size", "smoke"]) == 0
    run = next(words for words in called if words[0] == "run")
    assert expand(run[1:])[1] == str(home("experiments") / "demo.yaml")
