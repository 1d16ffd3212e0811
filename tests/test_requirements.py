"""Every extra of setup.cfg can be installed with the versions of constraints.txt."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALONE = {"lavis"}  # in an environment of its own, without constraints


def extras():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return sorted(set(config["options.extras_require"]) - ALONE)


def pip(*words):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=ROOT)


@pytest.fixture(scope="module")
def index():
    found = pip("install", "--dry-run", "--no-deps", "--ignore-installed", "iniconfig")
    if found.returncode:
        pytest.skip(f"no package index is reachable: {found.stderr.strip().splitlines()[-1]}")


def requirements(extra):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    text = config["options"]["install_requires"] + "\n" + config["options.extras_require"][extra]
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.mark.slow
@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("extra", extras())
def test_an_extra_resolves_with_the_constraints(extra, tmp_path):
    (tmp_path / "wanted.txt").write_text("\n".join(requirements(extra)))
    done = pip(
        *("install", "--dry-run", "--ignore-installed", "--quiet", "--use-pep517", "-c", "constraints.txt"),
        *("-r", str(tmp_path / "wanted.txt")),
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_all_extras_together_resolve_with_the_constraints(tmp_path):
    """As make installs them; those packages of which only a model is used bring no dependencies there."""
    wanted = [line for extra in extras() if extra not in ("models", "shots") for line in requirements(extra)]
    (tmp_path / "wanted.txt").write_text("\n".join(wanted))
    done = pip(
        *("install", "--dry-run", "--ignore-installed", "--quiet", "--use-pep517", "-c", "constraints.txt"),
        *("-r", str(tmp_path / "wanted.txt")),
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_pinned_version_is_pinned_once():
    names = [
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert len(names) == len(set(names))
