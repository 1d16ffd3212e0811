"""Progress on stderr: a bar in a terminal, an occasional line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 10.0  # seconds between two lines if stderr is not a terminal


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show the progress of work with a known number of steps.

    Args:
        what: what is counted, e.g. ``clips``.
        total: how many there are.

    Returns:
        A context whose value is called once per step.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
        return
    began = last = time.monotonic()
    done = 0

    def step() -> None:
        nonlocal done, last
        done += 1
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            print(f"{what}: {done} of {total} after {now - began:.0f} s", file=sys.stderr, flush=True)

    yield step
