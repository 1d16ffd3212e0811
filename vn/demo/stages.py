"""The stages of the demo: numbered, timed, with the commands that a user would type; two of them side by side."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from vn.errors import InputError

COUNT = 5
VN = (sys.executable, "-m", "vn.cli")
NICE = 5  # for the processes in front: what is beside them takes longer, so it gets a whole core
PATIENCE = 30.0  # seconds that a process has to end as it was asked, e.g. to write a checkpoint

Progress = Callable[[int, int], None]


class Beside:
    """Another process of `vn`, which works beside this one and shows nothing until it is waited for.

    Its stdout has its progress, a line ``DONE ALL`` now and then, few enough to wait in the pipe. Its stderr is shown
    if it fails.

    Args:
        words: the words after ``vn``.
    """

    def __init__(self, words: list[str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by `end`)
        self.process = subprocess.Popen(
            [*VN, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def check(self) -> None:
        """Pass on its failure, if it has failed.

        Raises:
            SystemExit: with its exit code, after what it had to say.
            InputError: it was killed.
        """
        code = self.process.poll()
        if not code:
            return
        self._errors.seek(0)
        sys.stderr.write(self._errors.read())
        if code < 0:
            name = signal.Signals(-code).name
            raise InputError(f"the process that trains the base model was ended by {name}; repeat the command")
        raise SystemExit(code)

    def wait(self, progress: Progress) -> None:
        """Wait until it is done; raises as `check` does.

        Args:
            progress: called with what is done and everything.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            done, everything = line.split()
            progress(int(done), int(everything))
        self.process.wait()
        self.check()

    def end(self) -> None:
        """End it, if it has not ended."""
        _end(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


class Stages:
    """Numbers the stages, and prints their commands and how long each took.

    Args:
        cores: processors; with one, everything runs in this process.
    """

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.count = 0
        self.beside: Beside | None = None

    @contextlib.contextmanager
    def __call__(self, title: str) -> Iterator[None]:
        """A stage."""
        self.count += 1
        print(f"\n[{self.count}/{COUNT}] {title}", flush=True)
        began = time.monotonic()
        yield
        print(f"      {time.monotonic() - began:.0f} s", flush=True)

    @contextlib.contextmanager
    def with_beside(self, words: list[str]) -> Iterator[Beside | None]:
        """A block beside which `vn` does something else in another process, unless there is but one core.

        However the block ends, the other process has ended then too.

        Args:
            words: the words after ``vn``.
        """
        if self.cores < 2:
            yield None
            return
        with _sigterm_exits():
            self.beside = Beside(words)
            try:
                yield self.beside
            finally:
                self.beside.end()
                self.beside = None

    def check(self) -> None:
        """Stop if what runs beside has failed."""
        if self.beside is not None:
            self.beside.check()

    def vn(self, *words: Any, own_process: bool = False) -> None:
        """Run a command as a user would.

        Args:
            words: the words after ``vn``.
            own_process: start a process for it, if there is more than one core: it starts others itself, or runs
                while something is at work beside it.
        """
        argv = [str(word) for word in words]
        print("      $ vn " + shlex.join(argv), flush=True)
        if own_process and self.cores > 1:
            code = self._process(argv)
        else:
            from vn.cli import main

            code = main(argv)
        if code:
            raise SystemExit(code)  # the command has printed what was wrong

    def _process(self, argv: list[str]) -> int:
        with _sigterm_exits():
            process = subprocess.Popen([*VN, *argv])
            try:
                if self.beside is not None:
                    os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        code = process.wait(0.2)
                        return code if code >= 0 else 128 - code
                    self.check()
            finally:
                _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and kill it if it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _sigterm_exits() -> Iterator[None]:
    """Leave the block on SIGTERM like on any error, so that the processes that it started are ended."""

    def leave(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
