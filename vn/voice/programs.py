"""Runs a program once: no shell, a time limit, and a limit to what it may write."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vn.errors import InputError
from vn.voice.wav import LARGEST

TAIL = 300  # characters of its last output that a message shows
LOOK = 0.02  # seconds between two looks at it


def run_program(words: Sequence[str], name: str, text: str = "", out: Path | None = None, timeout: float = 120) -> str:
    """Run a program to its end, with all that it starts.

    Args:
        words: the program and its arguments.
        name: what it is in messages.
        text: its standard input.
        out: a file that it may write, watched for its size; None if there is none.
        timeout: seconds that it may take.

    Returns:
        What it printed.

    Raises:
        InputError: it cannot be started, takes too long, writes too much, or fails.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        given.write(text.encode())
        given.seek(0)
        try:
            process = subprocess.Popen(words, stdin=given, stdout=printed, stderr=errors, start_new_session=True)
        except (OSError, ValueError) as error:  # ValueError: a null character in an argument
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{name} cannot be started: {words[0]}: {reason}") from None
        try:
            end = time.monotonic() + timeout
            while process.poll() is None:
                if time.monotonic() > end:
                    raise InputError(f"{name} was ended: it took longer than {timeout:g} s")
                sizes = [os.fstat(file.fileno()).st_size for file in (printed, errors)]
                if max(*sizes, out.stat().st_size if out is not None and out.exists() else 0) > LARGEST:
                    raise InputError(f"{name} was ended: it wrote more than {LARGEST >> 20} MB")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started may still run
            process.wait()
        if process.returncode:
            raise InputError(f"{name} failed ({_how(process.returncode)}): {_end_of(errors) or _end_of(printed)}")
        printed.seek(0)
        return printed.read(LARGEST).decode(errors="replace")


def _how(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"killed by signal {-code}"


def _end_of(file: BinaryIO) -> str:
    """The last words of what was printed."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 4 * TAIL))
    return file.read().decode(errors="replace").strip()[-TAIL:]
