"""A missing library gives one sentence with the pip command, for every command; the table has every import."""

import ast
import configparser
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from finished_runs import make_stories, write_run

from vn.cli import COMMANDS
from vn.extras import LIBRARIES, USUAL, explain_missing, pip_command

ROOT = Path(__file__).parents[1]
CORE = [name for name, extras in LIBRARIES.items() if not extras]
# Brought by others that are required: their extra has no line for them.
BROUGHT = {"tokenizers", "huggingface_hub", "markupsafe", "accelerate", "google", "urllib3"}


def blocked(libraries, commands, folder):
    """How commands end, in a fresh process, where these libraries are not there."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "blocked.py"), ",".join(libraries)],
        input="\n".join(json.dumps(words) for words in commands),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def imports():
    """Every library that a module of vn imports: name -> files."""
    found = {}
    for file in (ROOT / "vn").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for name in {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"vn"}:
                found.setdefault(name, []).append(file.name)
    return found


def requirements():
    """Extra -> the distributions it requires, in small letters."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    return {
        extra: {re.match(r"[\w.-]+", x)[0].lower().replace("_", "-") for x in text.split("\n") if x and x[0] != "#"}
        for extra, text in lines.items()
    }


def test_every_import_is_in_the_table():
    assert {name: files for name, files in imports().items() if name not in LIBRARIES} == {}


def test_the_table_agrees_with_the_package():
    required, known = requirements(), packages_distributions()
    for name, extras in LIBRARIES.items():
        if name in BROUGHT or name not in known:  # one that is not installed here is not judged
            continue
        distributions = {each.lower().replace("_", "-") for each in known[name]}
        for extra in extras or ("",):
            assert distributions & required[extra], f"{name} is not in {extra or 'install_requires'}"
    for extra in {extra for extras in (*LIBRARIES.values(), *USUAL.values()) for extra in extras}:
        assert extra in required


@pytest.fixture(scope="module")
def with_core_alone(tmp_path_factory):
    """Every command where only the core is installed: name -> how it ended."""
    folder = tmp_path_factory.mktemp("core")
    write_run(folder / "run", make_stories(2))
    (folder / "video.mp4").touch()
    for n in range(2):
        (folder / f"test-0000{n}.mp4").touch()
    (folder / "product.yaml").write_text("title: Kettle\nlanguage: en\n")
    (folder / "stories").mkdir()
    story = {"id": "a", "title": "Kettle", "language": "en", "domain": "ad", "video": "a.mp4", "knowledge": []}
    (folder / "stories" / "a.json").write_text(json.dumps({**story, "clips": [{"start": 0, "end": 2}]}))
    commands = {
        "annotate": ["video.mp4", "--language", "en", "--out", "annotated"],
        "demo": ["--size", "smoke"],
        "prepare": ["stories", "--reader", "stories", "--out", "data"],
        "fit": ["--config", "demo"],
        "validate": ["--run", "run"],
        "test": ["--run", "run"],
        "predict": ["--run", "run"],
        "run": ["--config", "demo"],
        "baseline": ["--help"],  # what is needed depends on the baseline
        "narrate": ["video.mp4", "--product", "product.yaml", "--run", "run", "--out", "story"],
        "render": ["stories/a.json", "--voice", "none"],
        "order": ["a.mp4", "b.mp4", "--product", "product.yaml", "--run", "run"],
        "voice": ["check", "espeak-ng", "--language", "en"],
        "studio": ["--run", "run"],
        "review": ["page", "stories"],
        "sweep": ["demo_ablations", "--dry-run"],
        "score": ["run"],
        "compare": ["run"],
        "rate": ["make", "run", "--stories", "1", "--videos", ".", "--out", "kit"],
        "stats": ["stories"],
        "export": ["run", "--to", "peft", "--out", "exported"],
        "import-released": ["x", "--base-model", "b", "--out", "y"],
        "doctor": ["run"],
        "experiments": [],
    }
    assert set(commands) == set(COMMANDS)
    out = blocked(set(LIBRARIES) - set(CORE), [[name, *words] for name, words in commands.items()], folder)
    return dict(zip(commands, out, strict=True))


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"score", "rate", "experiments", "baseline"}))
def test_a_missing_library_is_one_sentence_with_the_pip_command(with_core_alone, command):
    done = with_core_alone[command]
    extras = ",".join(USUAL.get(command, ("train",)))
    assert done["code"] == 2, done
    assert len(done["error"].splitlines()) == 1
    assert done["error"].startswith(f"vn {command}: error: needs the package ")
    assert done["error"].endswith(f"which is not installed: pip install 'videonarrator[{extras}]'\n")
    assert done["out"] == ""  # before any work


def test_scores_of_words_pages_for_raters_and_lists_need_the_core_alone(with_core_alone):
    done = with_core_alone["score"]
    assert done["code"] == 0, done
    assert "bleu_4" in done["out"]
    assert "Traceback" not in done["error"]
    assert with_core_alone["experiments"]["code"] == 0
    assert with_core_alone["baseline"]["code"] == 0
    assert with_core_alone["rate"] == {"code": 0, "out": with_core_alone["rate"]["out"], "error": ""}


def test_an_import_that_fails_is_explained():
    assert explain_missing(ModuleNotFoundError("No module named 'vn.x'", name="vn.x"), "fit") is None
    assert explain_missing(ImportError("cannot import name 'x' from 'vn.story'", name="vn.story"), "fit") is None
    other = explain_missing(ModuleNotFoundError("No module named 'tqdm_x'", name="tqdm_x"), "fit")
    assert str(other) == "needs the Python module tqdm_x, which is not installed"
    assert pip_command() == "pip install videonarrator"


def test_what_a_library_says_in_its_own_words(monkeypatch):
    monkeypatch.setattr("vn.extras.is_here", lambda name: name != "sentencepiece")
    error = explain_missing(ImportError("LlamaTokenizer requires the sentencepiece library"), "run")
    assert str(error) == "needs the package sentencepiece, which is not installed: pip install 'videonarrator[train]'"


def test_extras_of_one_use(tmp_path):
    """Without its extra alone: prepare without video, compare without its page, a judge, quantised weights."""
    write_run(tmp_path / "run", make_stories(2), settings=("predicted", "given"))
    video = [name for name, extras in LIBRARIES.items() if extras == ("video",)]
    (tmp_path / "stories").mkdir()
    story = {"id": "a", "title": "Kettle", "language": "en", "domain": "ad", "video": "a.mp4", "knowledge": []}
    (tmp_path / "stories" / "a.json").write_text(json.dumps({**story, "clips": [{"start": 0, "end": 2}]}))
    (tmp_path / "stories" / "a.mp4").touch()
    prepare, compare, workspace, judge = blocked(
        [*video, "plotly", "sklearn", "wandb_workspaces"],
        [
            ["prepare", "stories", "--reader", "stories", "--out", "data"],
            ["compare", "run"],
            ["compare", "run", "--wandb", "me/mine"],
            ["score", "run", "--judge", "classifier", "--training", "run/stories.jsonl", "--sentences", "none"],
        ],
        tmp_path,
    )
    assert prepare["code"] == 2
    assert prepare["error"].endswith("which is not installed: pip install 'videonarrator[video]'\n")
    for done in (compare, workspace):
        assert done["code"] == 2
        assert "needs the package plotly, which is not installed: pip install 'videonarrator[compare]'" in done["error"]
    assert judge["code"] == 0
    assert "needs the package sklearn, which is not installed: pip install 'videonarrator[judge]'" in (
        judge["out"] + judge["error"]
    )


TRAIN = sorted(name for name, extras in LIBRARIES.items() if "train" in extras)


@pytest.mark.slow
@pytest.mark.parametrize("library", TRAIN)
def test_any_library_of_training_may_be_missing(experiment, library):
    """Each alone: a command either does without it, or says so in one sentence."""
    run = str(experiment.run_folder())
    config = ["--config", str(experiment.config), "--runs", str(experiment.folder / "runs"), "--name", "toy"]
    commands = [
        ["run", *config, "--trainer.max_epochs", "1", "--trainer.logger", "null"],
        ["test", *config],
        ["doctor", run],
        ["export", run, "--to", "merged"],
        ["score", run],
        ["sweep", "demo_ablations", "--dry-run"],
    ]
    for words, done in zip(commands, blocked([library], commands, experiment.folder), strict=True):
        assert done["code"] is not None, (words, done)
        if "which is not installed" in done["error"]:
            assert done["code"] == 2
            assert re.search(r"pip install 'videonarrator\[[a-z,]+\]'$", done["error"].strip().splitlines()[-1]), done
