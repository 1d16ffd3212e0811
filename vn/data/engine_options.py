"""How ``vn prepare`` shares out its work: its options, which change nothing about the data."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vn.environment import cores
from vn.errors import InputError
from vn.extras import require

if TYPE_CHECKING:
    from vn.data.engines import Engine, Loader

FIELD = "--over"


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """``--jobs``, ``--threads``, ``--over`` and ``--part``."""
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes that encode videos, on this machine (default: 1)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="videos that each process encodes at once (default: its share of the cores; 1 in a task of Ray); jobs "
        "times threads is never more than the cores: what is above is lowered, with a note",
    )
    parser.add_argument(
        "--over",
        default="here",
        metavar="ENGINE",
        help="here (default) | ray: shards as tasks of a Ray that is started on this machine | ray:ADDRESS: of a "
        "running Ray cluster | slurm[:N]: write scripts for an array of N jobs (default: one per shard)",
    )
    parser.add_argument(
        "--part",
        metavar="K/N",
        help="write every N-th shard, from the K-th on (counted from 0), and no manifest; 'manifest': write what the "
        "parts have left, and the manifest. The scripts of --over slurm call it",
    )


@dataclass(frozen=True, slots=True)
class Over:
    """What ``--over`` asks for.

    Attributes:
        engine: what runs the work.
        address: address of the Ray cluster; None: one is started.
        parts: jobs of SLURM's array; None: one per shard.
    """

    engine: Literal["here", "ray", "slurm"] = "here"
    address: str | None = None
    parts: int | None = None

    @classmethod
    def parse(cls, text: str) -> Over:
        """Read ``--over``.

        Raises:
            InputError: there is no such engine.

        Example:
            >>> Over.parse("ray:10.0.0.1:6379").address, Over.parse("slurm:20").parts
            ('10.0.0.1:6379', 20)
        """
        engine, colon, rest = text.partition(":")
        if text == "here":
            return cls()
        if engine == "ray" and bool(rest) == bool(colon):
            return cls("ray", address=rest or None)
        if engine == "slurm" and (not colon or (rest.isascii() and rest.isdigit() and int(rest) > 0)):
            return cls("slurm", parts=int(rest) if rest else None)
        raise InputError(f"expected here, ray, ray:ADDRESS, slurm or slurm:N, got {text!r}", field=FIELD)


def check_engine_options(args: argparse.Namespace) -> Over:
    """Refuse options that contradict each other, or need what is not installed, before any work.

    Raises:
        InputError: naming the option.
    """
    # A part of an array has the user's whole command line, and is not shared out once more.
    over = Over.parse(args.over) if args.part is None else Over()
    if over.engine == "ray":
        if args.jobs:
            raise InputError("is for processes on one machine; Ray uses all CPUs of the cluster", field="--jobs")
        require("ray", field=f"{FIELD} ray", command="prepare")
    return over


def make_engine(args: argparse.Namespace, over: Over, load: Loader) -> Engine:
    """What encodes and writes, on this machine or on a Ray cluster.

    Args:
        args: the command line.
        over: its ``--over``.
        load: loads the encoder.
    """
    from vn.data.engines import Threads

    most = cores()
    if over.engine == "ray":
        from vn.data.engines.ray_cluster import RayCluster

        threads = args.threads or 1
        if over.address is None and threads > most:
            _, threads, note = share(1, threads, most)
            print(note, file=sys.stderr)
        return RayCluster(load, over.address, threads)
    jobs, threads, note = share(args.jobs, args.threads, most)
    if note:
        print(note, file=sys.stderr)
    if jobs == 1:
        return Threads(threads)
    from vn.data.engines.processes import Processes

    return Processes(load, jobs, threads)


def share(jobs: int | None, threads: int | None, cores: int) -> tuple[int, int, str | None]:
    """How many processes with how many threads each: together at most the cores.

    Args:
        jobs: processes asked for; None: one.
        threads: threads asked for; None: each process' share of the cores.
        cores: cores that this process may use.

    Returns:
        Both numbers, and a note if they are lower than asked for.

    Example:
        >>> share(None, None, 8), share(2, None, 8), share(4, 2, 8)
        ((1, 8, None), (2, 4, None), (4, 2, None))
        >>> share(3, 4, 8)
        (3, 2, '--jobs 3 with --threads 4 is more than the 8 cores: 3 with 2 each are used')
    """
    fitting = min(jobs or 1, cores)
    most = cores // fitting
    each = min(threads or most, most)
    if fitting == (jobs or 1) and each == (threads or most):
        return fitting, each, None
    asked = " with ".join(f"--{name} {n}" for name, n in (("jobs", jobs), ("threads", threads)) if n)
    note = f"{asked} is more than the {cores} core{'s' if cores > 1 else ''}: {fitting} with {each} each are used"
    return fitting, each, note
