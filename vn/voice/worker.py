"""A program that speaks many texts: a line to it, a line back. To load a voice costs seconds, to speak with it less."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from vn.environment import for_child
from vn.errors import InputError

TAIL = 300  # characters of its last output that a message shows
LONGEST = 1 << 16  # bytes of a line that is read
WAITING = 1000  # lines that may wait to be read; a program that prints for ever is held up by them


class Worker:
    """A running program; it ends with this object, and when this process ends, because its input then does.

    Args:
        words: the program and its arguments.
        name: what it is in messages.
        reply: what a reply looks like; every other line that it prints is kept for messages only.
        folder: the folder that it runs in.
        variables: its own environment variables, besides those of this process.

    Raises:
        InputError: it cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        name: str,
        reply: re.Pattern[str],
        folder: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._name, self._reply = name, reply
        self._last: deque[str] = deque(maxlen=20)
        self._lines: queue.Queue[bytes] = queue.Queue(WAITING)
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=for_child(variables),
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )
        except OSError as error:
            raise InputError(f"{name} cannot be started: {words[0]}: {error.strerror}") from None
        threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
        self._end = weakref.finalize(self, _end, self._process)

    @property
    def running(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, line: str, timeout: float) -> re.Match[str]:
        """Send a line and wait for the reply.

        Raises:
            InputError: it takes longer than `timeout` seconds or ends without one; it does not run afterwards.
        """
        assert self._process.stdin is not None
        with suppress(OSError):  # why it ended is reported when its reply is missing
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        end = time.monotonic() + timeout
        while True:
            try:
                given = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                self.close()
                raise InputError(f"{self._name} was ended: it took longer than {timeout:g} s") from None
            if not given:
                self._process.wait()
                raise InputError(f"{self._name} ended ({self._how()}): {self._tail()}")
            text = given.decode(errors="replace").rstrip()
            if found := self._reply.search(text):
                return found
            self._last.append(text)

    def close(self) -> None:
        """End it."""
        self._end()

    def _how(self) -> str:
        code = self._process.returncode
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def _tail(self) -> str:
        return "\n".join(self._last)[-TAIL:]


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """In a thread: its lines, then an empty one."""
    assert process.stdout is not None
    with suppress(ValueError, OSError):
        while line := process.stdout.readline(LONGEST):
            lines.put(line)
    lines.put(b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # with what it started: the program may be a script around another
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
