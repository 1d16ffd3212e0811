"""The help of the Lightning commands is kept as text, on real processes."""

import os
import subprocess
import sys

import pytest

from vn.environment import parsing_is_plain

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def vn(tmp_path_factory):
    """Runs ``vn`` with a home folder of its own; gives what it printed, and whether torch was imported."""
    home = tmp_path_factory.mktemp("home")

    def call(*words, code=0, **variables):
        env = {**os.environ, "PYTHONPATH": ROOT, "HOME": str(home), "COLUMNS": "80", "PYTHONPROFILEIMPORTTIME": "1"}
        words = [sys.executable, "-c", "from vn.cli import program; program()", *words]
        done = subprocess.run(words, env={**env, **variables}, capture_output=True, text=True, timeout=300)
        assert done.returncode == code
        imported = {
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")
        }
        said = "".join(f"{line}\n" for line in done.stderr.splitlines() if not line.startswith("import time"))
        return done.stdout, said, "torch" in imported

    return call


@pytest.fixture(scope="module")
def first(vn):
    """The help as it is made."""
    text, _, torch = vn("fit", "--help")
    assert torch
    return text


def test_the_second_help_is_the_first_one_and_imports_little(vn, first):
    assert vn("fit", "--help") == (first, "", False)
    assert "--model.lora.rank" in first


def test_another_width_is_another_text_also_where_nothing_can_be_kept(vn, first):
    wide, _, torch = vn("fit", "-h", COLUMNS="200", HOME="/dev/null/none")
    assert torch
    assert max(map(len, wide.splitlines())) > max(map(len, first.splitlines()))


@pytest.mark.usefixtures("first")
def test_a_slip_is_refused_without_torch(vn):
    """The signatures were kept when the help was made."""
    for words, sentence in [
        (["fit", "--modl.x", "1"], "unrecognized arguments: --modl.x 1 (did you mean 'model'?)"),
        (["test", "--run", "no-such-run"], "no-such-run: no run here (config.yaml is missing)"),
        (
            ["run", "--config", "demo", "--data.folder", "no-such-folder", "--name", "no-such-run"],
            "no-such-folder: no such data folder; create one with vn prepare",
        ),
    ]:
        assert vn(*words, code=2) == ("", f"vn {words[0]}: error: {sentence}\n", False)


def test_variables_of_the_parser_turn_all_of_it_off(monkeypatch):
    monkeypatch.delenv("JSONARGPARSE_DEFAULT_ENV", raising=False)
    assert parsing_is_plain()
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "false")
    assert not parsing_is_plain()
