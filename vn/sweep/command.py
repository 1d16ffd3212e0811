"""``vn sweep``: the grid of a W&B sweep file, without a server."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from vn.errors import InputError, show
from vn.io.lock import claim
from vn.sweep.dry_run import rehearse_sweep
from vn.sweep.grid import Sweep, command_of, read_sweep
from vn.sweep.runner import Runner, environment_of, shown

EPILOG = """\
Each point is a process with its own run folder, RUNS/NAME/POINT. Finished points are skipped, stopped points
are resumed, and a point that fails does not stop the others. RUNS/NAME/sweep.json has the state of each point, and
POINT/output.log its output.

examples:
  vn sweep demo_ablations --dry-run                       # a shipped sweep by name, or a file of yours
  vn sweep demo_ablations --parallel 2
  vn sweep demo_ablations --name smoke --with --debug fast
  wandb sweep sweeps/demo_ablations.yaml                  # prints ENTITY/PROJECT/SWEEP_ID
  vn sweep sweeps/demo_ablations.yaml --attach ENTITY/PROJECT/SWEEP_ID
  wandb sync runs/demo_ablations/*/wandb/offline-run-*    # adds the runs to that sweep
"""
MOST_PROBLEMS = 20  # at most, that are listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn sweep``."""
    parser.epilog = EPILOG
    parser.add_argument(
        "file", type=Path, help="a sweep file as for wandb sweep, with method: grid; or the name of a shipped one"
    )
    parser.add_argument("--name", help="name of the sweep and its folder (default: the file's)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the sweep's folder is (default: runs)")
    parser.add_argument(
        "--parallel", type=int, default=1, metavar="N", help="runs at a time, one thread each if several"
    )
    parser.add_argument("--attach", metavar="SWEEP_ID", help="the W&B sweep to which wandb sync adds the runs")
    parser.add_argument(
        "--with",
        dest="extra",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="FLAG",
        help="flags for every command: everything that follows, as in --with --debug fast",
    )
    parser.add_argument("--dry-run", action="store_true", help="print every command and what would fail, and run none")


def run(args: argparse.Namespace) -> int:
    """Run a sweep, or print it."""
    if args.parallel < 1:
        raise InputError(f"expected 1 or more, got {args.parallel}", field="--parallel")
    if args.attach is not None and not re.fullmatch(r"([^/\s]+/){0,2}[^/\s]+", args.attach):
        raise InputError(f"expected SWEEP_ID or ENTITY/PROJECT/SWEEP_ID, got {show(args.attach)}", field="--attach")
    if args.name is not None and not re.fullmatch(r"[0-9A-Za-z_+-][0-9A-Za-z._+-]{0,199}", args.name):
        raise InputError(f"expected the name of a folder, got {show(args.name)}", field="--name")
    sweep = read_sweep(args.file, args.name, args.extra)
    folder = args.runs / sweep.name
    if args.dry_run:
        for point in sweep.points:
            command = command_of(sweep, point, folder)
            print(shown(command, environment_of(point, command, args.parallel, args.attach)))
        return _rehearse(sweep, folder)
    _say_cap(sweep)
    with claim(folder, "vn sweep"):
        return Runner(sweep, folder, args.parallel, args.attach).run()


def _say_cap(sweep: Sweep) -> None:
    if len(sweep.points) < sweep.total:
        print(f"run_cap: the first {len(sweep.points)} of {sweep.total:,} points", file=sys.stderr)


def _rehearse(sweep: Sweep, folder: Path) -> int:
    """Print what would fail."""
    _say_cap(sweep)
    problems, notes = rehearse_sweep(sweep, folder)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for problem in problems[:MOST_PROBLEMS]:
        print(f"would fail: {problem}", file=sys.stderr)
    if (more := len(problems) - MOST_PROBLEMS) > 0:
        print(f"... and {more} more problems", file=sys.stderr)
    return 2 if problems else 0
