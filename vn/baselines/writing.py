"""Writes the stories of many videos, each kept as soon as it is finished."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from vn.errors import InputError
from vn.io.retries import Unreachable

Job = TypeVar("Job")
Done = TypeVar("Done")

GRACE = 10.0  # seconds that an interrupted command waits for answers that were paid for


def write_each(
    jobs: Sequence[Job], write: Callable[[Job], Done], keep: Callable[[Job, Done | InputError], None], workers: int
) -> None:
    """Write all jobs, several side by side.

    If the block is interrupted, no new job is begun; those that end within `GRACE` seconds are kept.

    Args:
        jobs: what is to be written.
        write: writes one, in a thread of its own if there are several workers.
        keep: gets what was written, or why it could not be, in the calling thread and in the order of completion.
        workers: how many jobs at once.

    Raises:
        Unreachable: what is asked cannot be reached, which is not the fault of one job.
        Exception: whatever else `write` raises.
    """
    if workers <= 1:
        for job in jobs:
            keep(job, _attempt(write, job))
        return
    left: queue.SimpleQueue[Job] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, Done | InputError]] = queue.SimpleQueue()
    for job in jobs:
        left.put(job)
    broken: list[BaseException] = []
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()  # one entry per job that has ended, however

    def work() -> None:
        while not broken:
            try:
                job = left.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((job, _attempt(write, job)))
            except BaseException as error:  # raised again in the calling thread
                broken.append(error)
            ended.put(None)

    # Daemons: a server that does not answer must not keep the process from ending.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            ended.get()
            if broken:
                raise broken[0]
            keep(*done.get())
    except BaseException as error:
        broken.append(error)
        end = time.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        while not done.empty():
            keep(*done.get())
        raise


def _attempt(write: Callable[[Job], Done], job: Job) -> Done | InputError:
    try:
        return write(job)
    except Unreachable:
        raise
    except InputError as error:
        return error
