"""``vn doctor``: finds damage in a data or run folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vn.errors import Findings, InputError
from vn.io.remote import open_folder

EXAMPLES = """\
examples:
  vn doctor data/mine                       hashes, counts, shapes and numbers of every shard
  vn doctor runs/demo                       the adapter, its base model, and whether it fits the data it was trained on
  vn doctor runs/demo --data data/mine      the same for data that have moved

Exit code 0: nothing is wrong; 2: problems are listed, one per line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vn doctor``."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", metavar="DATA|RUN", help="a data folder, a run folder or an adapter")
    parser.add_argument("--data", help="for a run: the data it was trained on, if they have moved")
    parser.add_argument("--base-model", help="for a run: where the base model is, if it has moved")


def run(args: argparse.Namespace) -> int:
    """Examine the folder, and list problems."""
    folder = open_folder(args.folder)
    findings = Findings()
    if isinstance(folder, Path) and not folder.is_dir():
        raise InputError("no such folder", file=folder)
    if not isinstance(folder, Path) or (folder / "manifest.json").exists() or any(folder.glob("*.tar")):
        from vn.doctor.data import examine_data

        manifest = examine_data(folder, findings, _say)
        splits = [manifest.samples(split) for split in manifest.splits]
        videos, frames = sum(map(len, splits)), sum(int(samples.column("frames").sum()) for samples in splits)
        done = f"{len(list(manifest.shards()))} shards, {videos} videos, {frames} frames, statistics"
    elif any((folder / name).exists() for name in ("config.yaml", "adapter", "narrator.json")):
        from vn.doctor.run import examine_run

        done = ", ".join(examine_run(folder, findings, open_folder(args.data) if args.data else None, args.base_model))
    else:
        raise InputError("is neither a data folder (manifest.json) nor a run (config.yaml, adapter)", file=folder)
    for line in findings.lines:
        print(line, file=sys.stderr)
    wrong = len(findings)
    verdict = "nothing is wrong" if not wrong else f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong"
    print(f"{folder}: {verdict} (checked: {done})" if done else f"{folder}: {verdict}")
    return 2 if wrong else 0


def _say(shard: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{shard}\033[K", end="\r", file=sys.stderr)
