"""The process of a command, from its console script to its end: it imports and ends without useless work.

Importing torch and Lightning makes a million objects that live as long as the process: Python's garbage collector
walks them again and again, and at the end the interpreter takes apart every module. `run` saves both.
"""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

_own = False  # whether this process belongs to a command, so that what it has imported may stay until its end


def is_own() -> bool:
    """Whether this process belongs to one command (`run`), so that all of vn was imported for it, a moment ago."""
    return _own


@contextmanager
def importing() -> Iterator[None]:
    """Around imports of large libraries: no garbage collection, which would find nothing there."""
    before, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if _own and len(sys.modules) > modules:
            gc.freeze()
        if before:
            gc.enable()


def run(main: Callable[[], int]) -> NoReturn:
    """Call a command's main function as this process's only work, and end the process with its exit code.

    The end is Python's own, up to the last exit handler: threads other than daemons are waited for, and whatever
    libraries registered with `atexit` runs, the last first: loggers are flushed, temporary folders removed, workers
    stopped, W&B's service ended. Ours was registered first, so it runs last: it flushes standard output and ends the
    process before Python takes every module apart, unless somebody has left a file open, which Python's own end closes.

    Args:
        main: gives the exit code.
    """
    global _own
    _own = True
    end = _End()
    _register_first(end)
    code = main()
    end.code = code
    sys.exit(code)


def _register_first(end: Callable[[], None]) -> None:
    """Register an exit handler that runs last, unless something is at work here that counts on being the last.

    The module logging, imported above, has registered its own one: it moves behind ours.
    """
    if atexit._ncallbacks() == 1:
        atexit.unregister(logging.shutdown)
        atexit.register(end)
        atexit.register(logging.shutdown)


class _End:
    """The exit handler that ends the process, once the exit code is known; after an uncaught error it does nothing."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.code: int | None = None

    def __call__(self) -> None:
        if self.code is None or os.getpid() != self.process:  # a forked child ends as Python does
            return
        if _file_is_open():
            return
        try:
            for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe: Python's own end reports it (exit code 120)
            return
        if "ctypes" in sys.modules:
            sys.modules["ctypes"].CDLL(None).fflush(None)  # what libraries in C have printed
        os._exit(self.code)


def _file_is_open() -> bool:
    """Whether a file is open for writing, whose last lines may be in a buffer somewhere: of text, gzip, a ZIP archive.

    Objects that `importing` has frozen are not listed: they are those of libraries, before any work.
    """
    return any(type(each) is io.FileIO and _writes(each) for each in gc.get_objects())


def _writes(file: io.FileIO) -> bool:
    """Whether a file is on a disk and open for writing; pipes and standard output, wherever it goes, are not meant."""
    try:
        return file.writable() and file.fileno() > 2 and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError):  # closed
        return False
