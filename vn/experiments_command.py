"""``vn experiments``: the shipped experiments and sweeps, and copies of them to edit."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import get_args

from vn.errors import InputError
from vn.shipped import Kind, home

EPILOG = """\
A NAME means experiments/NAME.yaml or sweeps/NAME.yaml in the current folder if it exists, else the shipped file.

examples:
  vn experiments                        what is shipped, and where it is
  vn experiments --copy .               experiments/ and sweeps/ to edit, for wandb sweep, torchrun and SLURM
  vn run --config demo --ablation no_memory
  vn sweep demo_ablations --dry-run
"""
GROUPS: tuple[tuple[str, Kind, str], ...] = (
    ("experiments: vn run --config NAME", "experiments", "*.yaml"),
    ("ablations: --ablation NAME", "experiments", "ablations/*.yaml"),
    ("options of vn baseline: --config experiments/baselines/NAME.yaml", "experiments", "baselines/*.yaml"),
    ("templates for several machines: copy them first", "experiments", "launch/*.sh"),
    ("sweeps: vn sweep NAME", "sweeps", "*.yaml"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vn experiments``."""
    parser.epilog = EPILOG
    parser.add_argument("--copy", type=Path, metavar="FOLDER", help="copy them all to this folder")


def run(args: argparse.Namespace) -> int:
    """List, or copy."""
    if args.copy is not None:
        return _copy(args.copy)
    for title, kind, pattern in GROUPS:
        print(title)
        files = sorted(home(kind).glob(pattern))
        width = max(len(_name(file)) for file in files)
        for file in files:
            print(f"  {_name(file):{width}}  {_summary(file)}")
        print()
    print(f"They are in {home('experiments')} and {home('sweeps')}.")
    return 0


def _name(file: Path) -> str:
    return file.stem if file.suffix == ".yaml" else file.name


def _summary(file: Path) -> str:
    """The first line of a file's header comment."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((x.lstrip("# ").rstrip(" :") for x in lines if x.startswith("# ")), "")


def _copy(target: Path) -> int:
    """Copy all files, replacing none.

    Raises:
        InputError: a file exists and differs; nothing is copied.
    """
    files = {
        target / kind / file.relative_to(home(kind)): file
        for kind in get_args(Kind)
        for file in sorted(home(kind).rglob("*"))
        if file.suffix in (".yaml", ".sh")
    }
    for copy, file in files.items():
        if copy.exists() and not (copy.is_file() and copy.read_bytes() == file.read_bytes()):
            raise InputError("exists already with different content; nothing was copied", file=copy)
    for copy, file in files.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copyfile(file, copy)
            if file.suffix == ".sh":
                copy.chmod(copy.stat().st_mode | 0o111)
    print(f"{len(files)} files are in {target / 'experiments'} and {target / 'sweeps'}")
    return 0
