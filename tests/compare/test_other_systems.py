"""Runs of other systems, and folders of predictions alone, beside narrators of ours."""

import shutil

import pytest
from finished_runs import GRID, make_stories, write_grid, write_run

from vn.cli import main
from vn.compare.main_effects import main_effects
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.score.settings import ScoreSettings


@pytest.fixture(scope="module")
def stories():
    return make_stories(8)


def write_system(folder, stories, system="chat, 3 examples", seed=0, wrong=0.6, **settings):
    """A run of a baseline."""
    own = {"baseline": system.split(",")[0], "system": system, "settings__model": "x", **settings}
    return write_run(folder, stories, seed=seed, wrong=wrong, salt=system, **own)


def write_plain(folder, stories, wrong=0.3):
    """Predictions and stories of another program."""
    write_run(folder, stories, wrong=wrong, salt=folder.name)
    (folder / "config.yaml").unlink()
    (folder / "metrics.jsonl").unlink()
    return folder


def compared(*paths, **options):
    return study(*find_runs(list(paths)), ScoreSettings(), **options)


def test_a_baselines_variant_is_its_system_and_its_seeds_are_one_variant(tmp_path, stories):
    write_run(tmp_path / "full-seed0", stories, wrong=0.1)
    for seed in range(2):
        write_system(tmp_path / f"chat-{seed}", stories, seed=seed, settings__examples_seed=seed)
    write_system(tmp_path / "zero", stories, system="chat, zero-shot")
    found = compared(tmp_path)
    assert [(v.name, [r.seed for r in v.runs]) for v in found.variants] == [
        ("full", [0]),
        ("chat, 3 examples", [0, 1]),
        ("chat, zero-shot", [0]),
    ]
    assert not found.left_out


def test_one_system_with_two_settings_is_two_variants(tmp_path, stories):
    write_system(tmp_path / "a", stories, settings__model="small")
    write_system(tmp_path / "b", stories, settings__model="large")
    assert [v.name for v in compared(tmp_path).variants] == [
        "chat, 3 examples, settings.model=large",
        "chat, 3 examples, settings.model=small",
    ]


def test_a_folder_of_predictions_alone_is_a_variant_named_after_it(tmp_path, stories):
    write_run(tmp_path / "runs" / "full-seed0", stories, wrong=0.1)
    plain = write_plain(tmp_path / "gvmf", stories)
    for seed in (1, 2):
        write_plain(tmp_path / f"theirs-seed{seed}", stories)
    found = compared(tmp_path / "runs", plain, tmp_path / "theirs-seed1", tmp_path / "theirs-seed2")
    assert [(v.name, [r.seed for r in v.runs]) for v in found.variants] == [
        ("full", [0]),
        ("gvmf", [0]),
        ("theirs", [1, 2]),
    ]
    assert found.numbers["predicted"]["gvmf"]["bleu_1"].mean > 0
    shutil.copytree(plain, tmp_path / "other" / "gvmf")
    both = compared(tmp_path / "runs", plain, tmp_path / "other" / "gvmf")
    assert {v.name for v in both.variants} == {"full", f"{tmp_path.name}/gvmf", "other/gvmf"}


def test_a_folder_of_such_folders_is_read_as_one(tmp_path, stories):
    for name in ("one", "two"):
        write_plain(tmp_path / name, stories)
    assert [v.name for v in compared(tmp_path).variants] == ["one", "two"]


def test_without_full_the_first_narrator_of_ours_is_the_reference_and_a_note_says_so(tmp_path, stories, capsys):
    ours = write_run(tmp_path / "no_memory-seed0", stories, "no_memory")
    other = write_system(tmp_path / "a-chat", stories)
    found = compared(other, ours)
    assert found.baseline.name == "no_memory"
    assert "no run is the variant full: differences are from no_memory; --baseline chooses another" in found.notes
    notes = compared(other, ours, baseline="chat, 3 examples").notes
    assert not any("no run is the variant" in note for note in notes)
    assert compared(other).notes == ()
    words = [str(other), str(ours), "--out", str(tmp_path / "out"), "--no-pictures"]
    assert main(["compare", *words]) == 0
    assert "note: no run is the variant full" in capsys.readouterr().err
    assert "chat, 3 examples" in (tmp_path / "out" / "compare.html").read_text()


def test_settings_of_other_systems_are_no_factors(tmp_path, stories):
    write_grid(tmp_path / "grid", stories, seeds=1)
    write_system(tmp_path / "chat", stories)
    alone, both = compared(tmp_path / "grid"), compared(tmp_path / "grid", tmp_path / "chat")
    names = [effect.name for effect in both.effects["predicted"]]
    assert names == [effect.name for effect in alone.effects["predicted"]]
    assert any(name.startswith(next(iter(GRID))) for name in names)
    assert main_effects(both.variants, both.numbers["predicted"], "chat, 3 examples") == ()
