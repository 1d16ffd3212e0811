"""Runs the points of a sweep as processes, several at a time, and stops them cleanly."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from vn.environment import for_child, is_set
from vn.io.atomic import write_text
from vn.sweep.best import best_point
from vn.sweep.grid import Command, Point, Sweep, command_of
from vn.sweep.record import Record

LOG = "output.log"
PARAMETERS = "wandb-parameters.yaml"  # a point's parameters, as W&B's agent passes them to its client
STOPPED = (128 + signal.SIGTERM, -signal.SIGTERM, 130, -signal.SIGINT)
PAUSE = 0.1  # seconds between two polls of the processes


def environment_of(point: Point, command: Command, parallel: int, attach: str | None) -> dict[str, str]:
    """Environment variables of a point's process, besides the user's own, which take precedence for W&B's mode.

    Args:
        point: the point.
        command: its command.
        parallel: runs at a time; several have one thread each, since they share the cores.
        attach: the server's sweep that the runs belong to: SWEEP, PROJECT/SWEEP or ENTITY/PROJECT/SWEEP.
    """
    own = {"WANDB_RUN_ID": point.id, **command.environment}
    if not is_set("WANDB_MODE"):
        own["WANDB_MODE"] = "offline"
    if attach:
        *place, own["WANDB_SWEEP_ID"] = attach.split("/")
        own["WANDB_SWEEP_PARAM_PATH"] = str((command.folder / PARAMETERS).absolute())
        own |= dict(zip(("WANDB_PROJECT", "WANDB_ENTITY"), reversed(place), strict=False))
        if "WANDB_PROJECT" not in own and not is_set("WANDB_PROJECT"):
            own["WANDB_PROJECT"] = "vn"  # W&B ignores the project that a run of a sweep asks for in code
    if parallel > 1 and not is_set("OMP_NUM_THREADS"):
        own["OMP_NUM_THREADS"] = "1"
    return own


def shown(command: Command, environment: Mapping[str, str]) -> str:
    """A command as a shell takes it."""
    return " ".join([*(f"{key}={shlex.quote(value)}" for key, value in environment.items()), shlex.join(command.words)])


@dataclass
class Job:
    """A point's process."""

    point: Point
    command: Command
    process: subprocess.Popen[bytes]
    log: BinaryIO
    began: float
    told: int = 0  # how many of the stop signals were passed on to it


class Runner:
    """Runs the unfinished points of a sweep.

    Args:
        sweep: the grid.
        folder: folder of the sweep, with one folder per point.
        parallel: runs at a time.
        attach: see `environment_of`.
    """

    def __init__(self, sweep: Sweep, folder: Path, parallel: int = 1, attach: str | None = None) -> None:
        self.sweep = sweep
        self.folder = folder
        self.parallel = parallel
        self.attach = attach
        self.record = Record(folder, sweep)
        self.running: list[Job] = []
        self.signals: list[int] = []  # those that asked to stop

    def run(self) -> int:
        """Run the sweep.

        Returns:
            0 when all points are finished, 1 when one failed, 130 or 143 when a signal stopped them.
        """
        queue = self._unfinished()
        with self._listening():
            while self.running or (queue and not self.signals):
                while queue and len(self.running) < self.parallel and not self.signals:
                    self._start(queue.pop(0))
                time.sleep(PAUSE)
                self._pass_on()
                for job in [job for job in self.running if job.process.poll() is not None]:
                    self.running.remove(job)
                    self._end(job)
        self._summary()
        if self.signals:
            return 128 + self.signals[0]
        return 0 if len(self.record.names("finished")) == len(self.sweep.points) else 1

    def _unfinished(self) -> list[Point]:
        queue = []
        for point in self.sweep.points:
            if command_of(self.sweep, point, self.folder).finished.exists():
                self.record.points[point.name].state = "finished"
            else:
                queue.append(point)
        self.record.write()
        if done := len(self.sweep.points) - len(queue):
            self._say(f"{done} of {len(self.sweep.points)} points were finished before")
        return queue

    def _start(self, point: Point) -> None:
        command = command_of(self.sweep, point, self.folder)
        environment = environment_of(point, command, self.parallel, self.attach)
        folder = command.folder
        folder.mkdir(parents=True, exist_ok=True)
        if self.attach:
            values = {key: {"desc": None, "value": value} for key, value in point.parameters.items()}
            write_text(folder / PARAMETERS, json.dumps({"wandb_version": 1, **values}) + "\n")
        if command.parameters_file:
            write_text(command.parameters_file, json.dumps(point.parameters) + "\n")
        log = open(folder / LOG, "ab")  # noqa: SIM115 (closed when the process has ended)
        log.write(f"$ {shown(command, environment)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "vn.cli", *command.words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=for_child(environment),
            start_new_session=True,  # a terminal's Ctrl-C comes here and is passed on as SIGTERM, on which a run saves
        )
        self.running.append(Job(point, command, process, log, time.monotonic()))
        self.record.set(point.name, "running")
        self._say(f"{point.name}: started")

    def _end(self, job: Job) -> None:
        job.log.close()
        code, name, seconds = job.process.returncode, job.point.name, time.monotonic() - job.began
        if code == 0 and job.command.finished.exists():
            self.record.set(name, "finished", seconds)
            self._say(f"{name}: finished in {seconds:.0f} s")
        elif code in STOPPED:
            self.record.set(name, "stopped", seconds)
            self._say(f"{name}: stopped after {seconds:.0f} s")
        else:
            error = _why(code, self.folder / name / LOG, job.command.finished)
            self.record.set(name, "failed", seconds, error)
            self._say(f"{name}: failed after {seconds:.0f} s: {error}")

    def _say(self, text: str) -> None:
        done = len(self.record.names("finished"))
        print(f"[{done}/{len(self.sweep.points)}] {text}", flush=True)

    def _summary(self) -> None:
        record = self.record
        states = {"finished": "finished", "failed": "failed", "stopped": "stopped", "pending": "not started"}
        counts = [f"{len(names)} {word}" for state, word in states.items() if (names := record.names(state))]
        print(f"{self.sweep.name}: {', '.join(counts)}; all in {self.folder}")
        for name in record.names("failed"):
            print(f"failed: {name}: {record.points[name].error} (see {self.folder / name / LOG})", file=sys.stderr)
        if line := best_point(self.sweep.metric, self.folder, record.names("finished")):
            print(line)
        if self.signals:
            print("vn sweep: stopped; the same command resumes it", file=sys.stderr)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Handle Ctrl-C and SIGTERM; however the block ends, no process is left running."""
        main = threading.current_thread() is threading.main_thread()
        before = {s: signal.signal(s, self._hear) for s in (signal.SIGINT, signal.SIGTERM)} if main else {}
        try:
            yield
        finally:
            for job in self.running:
                job.process.kill()
                job.process.wait()
                job.log.close()
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self.signals.append(signum)

    def _pass_on(self) -> None:
        """After the first signal, let each run save and exit; after the second, kill them."""
        for job in self.running:
            if len(self.signals) > job.told:
                job.told = len(self.signals)
                job.process.send_signal(signal.SIGTERM if job.told == 1 else signal.SIGKILL)


def _why(code: int, log: Path, finished: Path) -> str:
    """Why a process failed: its last words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    printed = [line for line in lines if line and not line.startswith(("$ ", "wandb:"))]
    if code == 0:
        return f"ended without {finished}"
    return f"{printed[-1]} (exit code {code})" if printed else f"exit code {code}"
