"""``vn prepare --over ray``: each shard is a task of a Ray cluster. Ray runs the tasks, and only the task is ours.

    this process: plan, claim of the data folder --shard--> a worker: decode, encode, write the tar and the record
                  progress, manifest             <-record--

All machines must see the videos and the data folder by the same paths. A shard that was complete when this process was
killed is found by its record.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vn.data.encoders import check_encoder, encoder_entry
from vn.data.engines import Loader
from vn.data.frames import FrameEncoder
from vn.data.prepare_plan import PlannedShard, fingerprints
from vn.data.shard_records import Records, ShardRecord
from vn.data.write_shard import OnVideo, run_shard
from vn.environment import cores, set_ray_variables
from vn.errors import InputError
from vn.extras import require

logger = logging.getLogger(__name__)

ATTEMPTS = 4  # at a shard whose worker dies
PAUSE = 0.5  # seconds between two looks at the tasks, in which Ctrl-C is noticed
CONNECT = 10  # seconds for an address to answer
FIELD = "--over"
Done = tuple[str, ShardRecord | InputError]
"""The worker's host, and the record, or why the worker cannot write the shard."""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A Ray cluster.

    Attributes:
        load: loads the encoder on each worker.
        address: address of a running cluster; None: one is started on this machine, and stopped at the end.
        threads: videos that each task encodes at once; Ray counts as many CPUs for it.
    """

    load: Loader
    address: str | None = None
    threads: int = 1

    def write(self, shards: Sequence[PlannedShard], encoder: FrameEncoder, records: Records, on_video: OnVideo) -> None:
        """See `vn.data.engines.Engine.write`."""
        import ray

        with _connected(self.address):
            _refuse_too_many(self.threads)
            wanted = (encoder_entry(encoder), encoder.tokens, encoder.width)
            # In a list, so that Ray does not send its contents along with each task.
            common = ([ray.put(self.load)], wanted, records, self.threads, os.getcwd())
            # A task is sent again by us, and not by Ray, so that it can be reported.
            task = ray.remote(num_cpus=self.threads, max_retries=0)(work)
            waiting = {task.remote(shard, *common): (shard, 1) for shard in shards}
            while waiting:
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=PAUSE)
                for each in ready:
                    shard, attempt = waiting.pop(each)
                    try:
                        done: Done = ray.get(each)
                    except ray.exceptions.RayTaskError:
                        raise
                    except ray.exceptions.RayError as error:
                        reason = type(error).__name__
                        if attempt == ATTEMPTS:
                            message = f"its worker died {ATTEMPTS} times ({reason}); the same command goes on from here"
                            raise InputError(message, file=records.place / f"{shard.name}.tar") from None
                        logger.warning("the worker of %s died (%s); another one takes its place", shard.name, reason)
                        waiting[task.remote(shard, *common)] = (shard, attempt + 1)
                        continue
                    shard.record = _received(shard, done, records)
                    for outcome in shard.record.outcomes():
                        on_video(*outcome)


def work(
    shard: PlannedShard,
    load: Sequence[Any],
    wanted: tuple[dict[str, Any], int, int],
    records: Records,
    threads: int,
    folder: str,
) -> Done:
    """The task: one shard, on a worker.

    Args:
        shard: what to write.
        load: one reference to what loads the encoder.
        wanted: its entry in the manifest, T and D.
        records: records of the data folder.
        threads: videos to encode at once.
        folder: current folder of the process that planned the shard, to which its paths are relative.
    """
    host = socket.gethostname()
    try:
        with suppress(OSError):  # a worker without it needs absolute paths
            os.chdir(folder)
        if not records.is_current():
            raise InputError("is not the folder that is being prepared: all machines must see it", file=records.place)
        encoder = _encoder(load[0])
        check_encoder(wanted[0], encoder, *wanted[1:])
        _refuse_unseen(shard, encoder)
        return host, run_shard(shard, encoder, records, threads)
    except InputError as error:
        return host, error
    except OSError as error:
        return host, InputError(error.strerror or str(error), file=error.filename or records.place)


@lru_cache(maxsize=1)
def _encoder(load: Any) -> FrameEncoder:
    import ray

    encoder: FrameEncoder = ray.get(load)()
    return encoder


def _refuse_unseen(shard: PlannedShard, encoder: FrameEncoder) -> None:
    """Raise if this machine sees other videos than the one that planned the shard."""
    for job, ours, theirs in zip(shard.jobs, fingerprints(shard.jobs, encoder), shard.videos, strict=True):
        if ours != theirs:
            missing = job.video is not None and not job.video.exists()
            message = "is not there" if missing else "is not the file that was planned"
            raise InputError(f"{message}: all machines must see the videos", file=job.video, sample=ours[0])


def _received(shard: PlannedShard, done: Done, records: Records) -> ShardRecord:
    """The record of a shard, if the shard is in the data folder as this machine sees it."""
    host, record = done
    if isinstance(record, InputError):
        raise InputError(f"on the worker {host}: {record}")
    if records.load(shard.name, shard.videos) is None:
        message = f"was written by the worker {host}, but is not here: all machines must see the data folder"
        raise InputError(message, file=records.place / f"{shard.name}.tar")
    return record


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """A connection to a cluster; one that is started here listens on loopback alone, and is stopped at the end."""
    require("ray", what=f"{FIELD} ray")
    if address is not None:
        _refuse_silence(address)
    set_ray_variables(alone=address is None)
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own: dict[str, Any] = {"address": "local", "include_dashboard": False, "dashboard_host": "127.0.0.1"}
    own |= {"_node_ip_address": "127.0.0.1", "num_cpus": cores()}
    try:
        ray.init(**(own if address is None else {"address": address}), **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address or 'this machine'}: {error}", field=FIELD) from None
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_silence(address: str) -> None:
    """Raise if nothing answers at an address, for which Ray would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return  # auto, or in a form of its own
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Ray cluster at {address}: {error}", field=FIELD) from None


def _refuse_too_many(threads: int) -> None:
    import ray

    most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if threads > most:
        raise InputError(
            f"expected at most {most:g}, the CPUs of the largest machine, got {threads}", field="--threads"
        )
