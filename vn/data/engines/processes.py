"""``vn prepare --jobs N``: processes of this machine encode videos, and this process writes the shards.

    thread 1 of this process  --job-->     process 1, thread 1     a seat: one connection to one thread
                              <--video--
    thread 2                  --job-->     process 1, thread 2
    thread 3                  --job-->     process 2, thread 1

The processes are spawned, not forked, because torch and FFmpeg have threads here already. They have no state, so Ctrl-C
ends them at once, and a process that dies is replaced.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from vn.data.engines import Loader, write_in_order
from vn.data.frames import FrameEncoder
from vn.data.prepare_plan import EncodedVideo, PlannedShard, VideoJob
from vn.data.read_ahead import Dropped, check_wanted, use_processors
from vn.data.shard_records import Records
from vn.data.torch_threads import one_thread_each
from vn.data.write_shard import OnVideo, ProcessDied, share_each
from vn.errors import InputError
from vn.io.children import end_with_parent

logger = logging.getLogger(__name__)

ATTEMPTS = 3  # at a video whose process dies; from the second on, in a process of its own
PAUSE = 0.2  # seconds between two looks at whether the result is still wanted
SPAWN = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine, each with an encoder and several threads.

    Attributes:
        load: loads the encoder in each process.
        jobs: number of processes.
        threads: videos that each encodes at once.
    """

    load: Loader
    jobs: int
    threads: int = 1

    def write(self, shards: Sequence[PlannedShard], encoder: FrameEncoder, records: Records, on_video: OnVideo) -> None:
        """See `vn.data.engines.Engine.write`."""
        total = self.jobs * self.threads
        try:
            share = share_each(total, sum(len(shard.jobs) for shard in shards))
            with Pool(self.load, self.jobs, self.threads, share) as pool:
                write_in_order(shards, pool.encode, total, encoder.width, records, on_video)
        except _Failed as failed:
            raise failed.error from None


class Pool:
    """Processes that encode videos; a context manager that ends them on exit.

    Args:
        load: loads the encoder.
        jobs: number of processes.
        threads: threads of each.
        share: processors that a video may use, for decoding.
    """

    def __init__(self, load: Loader, jobs: int, threads: int, share: int = 1) -> None:
        self._load = load
        self._share = share
        self._jobs = jobs
        self._threads = threads
        self._workers: list[_Worker] = []
        self._free: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False  # processes that end from now on were ended here

    def __enter__(self) -> Pool:
        for _ in range(self._jobs):
            self._workers.append(self._worker(self._threads))
        for number in range(self._threads):  # processes take turns, so that none is idle while another has two videos
            for worker in self._workers:
                self._free.put(worker.seats[number])
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()

    def encode(self, job: VideoJob) -> EncodedVideo:
        """Encode a video in one of the processes; called in several threads at once.

        Raises:
            InputError: as raised there; `ProcessDied` if this video ended its process each time.
        """
        seat = self._take()
        for attempt in range(ATTEMPTS):
            try:
                kind, value = seat.ask(job)
            except (EOFError, OSError):
                how = self._bury(seat.worker, job)
                if attempt + 1 < ATTEMPTS:
                    # In a process of its own, so that only the video that ends its process is counted as bad.
                    with self._open():
                        self._workers.append(self._worker(1))
                        seat = self._workers[-1].seats[0]
                continue
            if attempt:
                seat.worker.end()
            else:
                self._free.put(seat)
            if kind == "encoded":
                video: EncodedVideo = value
                return video
            raise value if kind == "bad" else _Failed(value)
        message = f"the process that encoded it ended {ATTEMPTS} times, the last time it {how}"
        raise ProcessDied(message, file=job.video, sample=job.source.story.id)

    def _worker(self, threads: int) -> _Worker:
        return _Worker(self._load, threads, self._share)

    def _take(self) -> _Seat:
        while True:
            check_wanted()
            try:
                seat = self._free.get(timeout=PAUSE)
            except queue.Empty:
                continue
            if not seat.worker.dead:
                return seat

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Around what changes the processes: `Dropped` is raised if they are being ended."""
        with self._lock:
            if self._closed:
                raise Dropped
            yield

    def _bury(self, worker: _Worker, job: VideoJob) -> str:
        """Replace a process that has died, once, and say how it ended."""
        with self._open():
            if not worker.dead:
                worker.process.join(PAUSE)  # so that its own exit code is seen
                worker.end()
                pid, sample = worker.process.pid, job.source.story.id
                logger.warning(
                    "the process %s %s while it encoded %s; another one takes its place", pid, worker.how, sample
                )
                if worker in self._workers[: self._jobs]:
                    place = self._workers.index(worker)
                    self._workers[place] = self._worker(self._threads)
                    for seat in self._workers[place].seats:
                        self._free.put(seat)
            return worker.how


class _Failed(Exception):
    """What a process raised that is not the fault of a video."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Seat:
    """A connection to one thread of a process, used by one thread here at a time."""

    def __init__(self, worker: _Worker, connection: Connection) -> None:
        self.worker = worker
        self.connection = connection

    def ask(self, job: VideoJob) -> tuple[str, Any]:
        """What the process answers: ``encoded``, ``bad`` or ``failed``, and the video or the error.

        Raises:
            EOFError, OSError: the process has died.
        """
        self.connection.send(job)
        while not self.connection.poll(PAUSE):
            check_wanted()
        answer: tuple[str, Any] = self.connection.recv()
        return answer


class _Worker:
    """A process and the seats in it.

    Attributes:
        dead: whether it was found dead, or has been ended.
        how: how it ended, e.g. ``was killed by signal 9``.
    """

    def __init__(self, load: Loader, threads: int, share: int) -> None:
        ours, theirs = zip(*(SPAWN.Pipe() for _ in range(threads)), strict=True)
        self.dead = False
        self.how = ""
        self.seats = [_Seat(self, connection) for connection in ours]
        self.process = SPAWN.Process(target=_serve, args=(load, theirs, share), daemon=True)
        # Ctrl-C is for this process, which ends the others: blocked there from their first moment on. The tracker that
        # Python starts before the first of them would unblock it.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for connection in theirs:
            connection.close()  # so that its end is noticed here

    def end(self) -> None:
        """End the process; it has nothing to save."""
        self.process.kill()
        self.process.join()
        code = self.process.exitcode or 0
        self.how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self.dead = True
        for seat in self.seats:
            seat.connection.close()


def _serve(load: Loader, connections: Sequence[Connection], share: int) -> None:
    """The life of a process: an encoder, and a thread per seat that answers until this one is ended."""
    end_with_parent()
    encoder: FrameEncoder | Exception
    try:
        encoder = load()
    except Exception as error:
        encoder = _portable(error)
    with one_thread_each():
        threads = [threading.Thread(target=_answer, args=(each, encoder, share)) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _answer(connection: Connection, encoder: FrameEncoder | Exception, share: int) -> None:
    use_processors(share)
    while True:
        try:
            job: VideoJob = connection.recv()
        except EOFError:
            return
        if isinstance(encoder, Exception):
            connection.send(("failed", encoder))
            continue
        try:
            answer: tuple[str, Any] = ("encoded", job.encode(encoder))
        except InputError as error:
            answer = ("bad", error)
        except Exception as error:
            answer = ("failed", _portable(error))
        connection.send(answer)


def _portable(error: Exception) -> Exception:
    """An error that can be sent: those of other packages may not survive it, so they become text."""
    if isinstance(error, InputError | ImportError | OSError):
        return error
    return RuntimeError(f"in another process:\n{''.join(traceback.format_exception(error))}")
