"""The check for GPU machines runs whole on the CPU, so that no time on a GPU is lost to a slip."""

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

GPU = Path(__file__).parents[1] / "benchmarks" / "gpu"
SECTIONS = {"machine", "equality", "quantized", "commands", "training", "writing", "loading", "compiled"}
pytestmark = pytest.mark.timeout(1800)
EXTRAS = {"ZeRO-2": "deepspeed", "nf4": "bitsandbytes", "int8": "bitsandbytes"}  # part of a trial's name -> its package


def run(*words, timeout=600):
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, env=env, timeout=timeout)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The file of a whole run with the tiny model, and what is in it."""
    file = tmp_path_factory.mktemp("check") / "check.json"
    done = run(GPU / "check.py", "--tiny", "--out", file, "--minutes", "60", timeout=1700)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return file, json.loads(file.read_text(encoding="utf-8"))


def test_every_section_has_results_and_only_what_needs_cuda_is_skipped(results):
    _, found = results
    assert set(found["sections"]) == SECTIONS
    for section, trials in found["sections"].items():
        assert section == "compiled" or any("skipped" not in result for result in trials.values()), section
        for name, result in trials.items():
            assert "error" not in result, (section, name, result)
            assert result.get("ok", True), (section, name, result)
            if "skipped" in result:
                package = next((p for part, p in EXTRAS.items() if part in name), None)
                missing = package is not None and find_spec(package) is None
                assert missing or result["skipped"] in ("CUDA only", "bf16 and fp16 only"), (section, name)


def test_what_is_checked_has_figures(results):
    _, found = results
    sections = found["sections"]
    assert sections["equality"]["grouped heads, float32, sdpa"]["gradients_apart"] < 1e-4
    assert sections["commands"]["fit, stopped and resumed"]["bitwise"]
    assert sections["training"]["ours, sdpa"]["tokens"] < sections["training"]["released"]["tokens"]
    assert sections["training"]["profile, sdpa"]["operators"] > 0
    assert sections["writing"]["released"]["clips_per_s"] > 0
    assert sections["loading"]["wait"]["steps"] > 0


def test_tables_show_every_trial(results):
    file, found = results
    done = run(GPU / "tables.py", file)
    assert done.returncode == 0, done.stderr
    for section in SECTIONS - {"machine"}:
        for name in found["sections"][section]:
            assert f"\n| {name} |" in done.stdout, name
    assert "HF's best, without checkpointing" in done.stdout


def test_a_compiled_decoder_is_called(monkeypatch):
    """What the CPU's run skips, with a backend that compiles nothing."""
    for folder in (GPU, GPU.parent):
        monkeypatch.syspath_prepend(str(folder))
    import contestants as c
    import stories as s
    import torch
    from check import TINY
    from compiled import make
    from place import Place
    from trials import Run

    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    plain = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: plain(function, backend=backend, **options))
    narrator = make(Run(Place("cpu", torch.bfloat16), TINY, TINY, TINY, 0.0, True, Path()))
    c.OURS.prepare(narrator)
    batch = c.OURS.batches([s.made_up_story(2)], s.builder(TINY.vocabulary))[0]
    c.OURS.loss(narrator, batch).backward()
    assert seen


def test_without_time_trials_are_skipped_and_say_so(tmp_path):
    file = tmp_path / "check.json"
    done = run(GPU / "check.py", "--tiny", "--out", file, "--only", "machine,writing", "--minutes", "0.01")
    assert done.returncode == 0, done.stderr
    sections = json.loads(file.read_text(encoding="utf-8"))["sections"]
    assert set(sections) == {"machine", "writing"}
    assert all("s are left" in result["skipped"] for result in sections["writing"].values())


def test_a_section_that_does_not_exist_is_refused(tmp_path):
    done = run(GPU / "check.py", "--tiny", "--out", tmp_path / "check.json", "--only", "unknown")
    assert done.returncode == 2
    assert "no such section: unknown" in done.stderr


def test_a_trial_that_fails_is_kept_and_does_not_stop_the_others(tmp_path, monkeypatch):
    for folder in (GPU, GPU.parent):
        monkeypatch.syspath_prepend(str(folder))
    import check
    from trials import SkippedError, Trial

    def fails():
        raise ValueError("no good")

    def skips():
        raise SkippedError("not here")

    def section(_):
        yield Trial("fails", fails)
        yield Trial("skips", skips)
        yield Trial("works", lambda: {"value": 1})
        raise KeyError("between trials")

    class Run:
        left = staticmethod(lambda: 100.0)
        drop = staticmethod(lambda: None)

        class place:
            free = staticmethod(lambda: None)

    monkeypatch.setitem(check.SECTIONS, "section", section)
    report = check.Report(tmp_path / "check.json", {})
    check.check(Run(), report, ["section"], [""])
    found = json.loads((tmp_path / "check.json").read_text())["sections"]["section"]
    assert found["fails"]["error"] == "ValueError: no good"
    assert "in fails" in found["fails"]["traceback"]
    assert found["skips"]["skipped"] == "not here"
    assert found["works"]["value"] == 1
    assert found["section"]["error"].startswith("KeyError")
    check.check(Run(), again := check.Report(tmp_path / "again.json", {}), ["section"], ["nothing", "n / works"])
    assert set(again.results["sections"]["section"]) == {"works", "section"}  # those chosen by name, and the fault


def test_a_thin_wheel_has_only_the_libraries_asked_for_and_installs(tmp_path):
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    libraries = ("thing/lib_cpu.so", "thing/lib_cuda118.so", "thing/lib_cuda130.so")
    with zipfile.ZipFile(wheel, "w") as file:
        for name in ("thing/__init__.py", *libraries):
            file.writestr(name, f"# {name}")
        file.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        file.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = [*file.namelist(), "thing-1.0.dist-info/RECORD"]
        file.writestr("thing-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in names))
    done = run(GPU / "thin_wheel.py", wheel, "--keep", r"lib_(cpu|cuda130)\.so")
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    done = run("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", site, wheel)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (site / "thing").glob("*.so")) == ["lib_cpu.so", "lib_cuda130.so"]
    record = next(site.glob("*.dist-info")) / "RECORD"
    assert "cuda118" not in record.read_text()
    assert run(GPU / "thin_wheel.py", wheel, "--keep", "other").returncode != 0


def test_lengths_give_stories_as_long_as_those_they_are_of(monkeypatch):
    monkeypatch.syspath_prepend(str(GPU.parent))
    import stories as s

    story = s.made_up_story(5)
    other = s.story_of_lengths(s.lengths_of(story), seed=1)
    assert s.lengths_of(other) == s.lengths_of(story)
    assert other.title != story.title
