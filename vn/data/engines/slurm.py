"""``vn prepare --over slurm``: scripts for SLURM, which the user submits.

DATA/.prepare/slurm/array.sbatch       an array of jobs: each writes every N-th shard (``vn prepare --part K/N``)
DATA/.prepare/slurm/manifest.sbatch    after them: whatever they have not written, and the manifest
DATA/.prepare/slurm/submit.sh          submits both

They are in ./slurm-NAME if DATA is remote.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from vn.data.frames import FrameEncoder
from vn.data.prepare import Plan
from vn.errors import InputError
from vn.io.atomic import write_text

FOLDER = "slurm"
MANIFEST = "manifest"  # as a part: what follows all others
MOST_PARTS = 1000  # jobs in an array: SLURM allows 1,001 unless it is set up otherwise

JOB = """\
#!/bin/bash
#SBATCH --job-name={name}
{options}
set -e
cd -- {folder}
exec {command}
"""
SUBMIT = """\
#!/bin/bash
# Submits both; the logs are written here.
set -e
cd -- {folder}
array=$(sbatch --parsable array.sbatch)
sbatch --dependency="afterany:${{array%%;*}}" manifest.sbatch
"""


def write_scripts(
    plan: Plan, encoder: FrameEncoder, words: Sequence[str], parts: int | None, cpus: int, overwrite: bool = False
) -> tuple[Path, int]:
    """Claim the data folder for these data, and write the scripts.

    Args:
        plan: all shards.
        encoder: fingerprints the videos.
        words: command line of this ``vn prepare``, without ``prepare``; the jobs get it with a part.
        parts: number of the array's jobs; None: one per shard, up to 1,000.
        cpus: CPUs of each job.
        overwrite: replace data of another configuration now; the jobs do not.

    Returns:
        The script that submits the others, and how many jobs the array has.

    Raises:
        InputError: the folder cannot be used.
    """
    count = min(parts or MOST_PARTS, MOST_PARTS, len(plan.shards))
    folder = _folder(plan)
    with plan.state.claim(overwrite):
        if plan.open_shards(encoder):
            plan.state.unfinish()
        folder.mkdir(exist_ok=True)
        one = [f"#SBATCH --cpus-per-task={cpus}"]
        array = [f"#SBATCH --array=0-{count - 1}", *one]
        write_text(folder / "array.sbatch", _job("vn-prepare", array, words, f'"$SLURM_ARRAY_TASK_ID/{count}"'))
        write_text(folder / "manifest.sbatch", _job("vn-prepare-manifest", one, words, MANIFEST))
        write_text(folder / "submit.sh", SUBMIT.format(folder=shlex.quote(str(folder))))
    return folder / "submit.sh", count


def _folder(plan: Plan) -> Path:
    """Where the scripts are: in the data folder, or in the current one if the data folder is remote."""
    place = plan.state.place
    if isinstance(place, Path):
        return plan.state.records.folder.absolute() / FOLDER
    return Path(f"{FOLDER}-{str(place).rpartition('/')[2]}").absolute()


def _job(name: str, options: Sequence[str], words: Sequence[str], part: str) -> str:
    # The part comes first and counts more than --over, so that the user's words need no change.
    command = f"{shlex.quote(sys.executable)} -m vn.cli prepare --part {part} {shlex.join(words)}"
    return JOB.format(name=name, options="\n".join(options), folder=shlex.quote(os.getcwd()), command=command)


def parse_part(text: str) -> tuple[int, int] | None:
    """The number of a part and how many there are, from ``K/N``; None for the last job, which writes the manifest.

    Raises:
        InputError: it is something else.

    Example:
        >>> parse_part("3/8"), parse_part("manifest")
        ((3, 8), None)
    """
    if text == MANIFEST:
        return None
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not int(match[1]) < int(match[2]):
        raise InputError(f"expected K/N with K from 0 to N-1, or {MANIFEST}, got {text!r}", field="--part")
    return int(match[1]), int(match[2])
