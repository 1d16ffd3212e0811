"""Virtual environments for what cannot be installed beside our libraries: created once per machine."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vn.environment import for_child
from vn.errors import InputError
from vn.io.lock import claim

logger = logging.getLogger(__name__)
TAIL = 300  # characters of a failed process' last output


def is_created(folder: Path, requirements: Sequence[str]) -> bool:
    """Whether a folder has a complete environment with just these requirements."""
    complete = folder / "complete"
    return complete.exists() and complete.read_text() == "\n".join(requirements)


def own_environment(folder: Path, requirements: Sequence[str], whose: str, cost: str) -> Path:
    """The Python of an environment, which is created if it is incomplete or has other requirements.

    Args:
        folder: where it is.
        requirements: what pip installs.
        whose: whose environment it is, in messages: ``LAVIS'``.
        cost: what creating it takes, in messages.

    Raises:
        InputError: it cannot be created, or another process is creating it.
    """
    place = folder / "environment"
    python = place / "bin" / "python"
    if is_created(folder, requirements):
        return python
    with claim(folder, f"creating {whose} environment"):
        logger.info("creating %s environment in %s, once: %s", whose, folder, cost)
        (folder / "complete").unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        for words in (
            [sys.executable, "-m", "venv", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", *requirements],
        ):
            done = subprocess.run(words, capture_output=True, text=True, env=for_child({"PIP_NO_INPUT": "1"}))
            if done.returncode:
                last = (done.stderr or done.stdout).strip()[-TAIL:]
                raise InputError(f"{whose} environment cannot be created: {last}", file=folder)
        (folder / "complete").write_text("\n".join(requirements))
    return python
