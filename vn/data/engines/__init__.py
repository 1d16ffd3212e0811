"""Engines of ``vn prepare``: what runs the work. All write shards by `vn.data.write_shard`, so the bytes are the same.

Threads      in this process
processes    on this machine: they encode videos, this process writes
ray_cluster  on the machines of a Ray cluster: each task encodes and writes a shard
slurm        not an engine: a script, whose jobs each call ``vn prepare`` for a part of the shards
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vn.data.frames import FrameEncoder
from vn.data.prepare_plan import EncodedVideo, PlannedShard, VideoJob
from vn.data.shard_records import Records
from vn.data.torch_threads import one_thread_each
from vn.data.write_shard import OnVideo, encoded, write_shard

Loader = Callable[[], FrameEncoder]
"""Loads the encoder in another process, to which it is sent: a partial of `vn.data.encoders.load_encoder`."""


class Engine(Protocol):
    """Encodes and writes shards."""

    def write(self, shards: Sequence[PlannedShard], encoder: FrameEncoder, records: Records, on_video: OnVideo) -> None:
        """Write shards, and set the record of each.

        Args:
            shards: those that are not complete.
            encoder: the encoder as loaded in this process.
            records: receives a record for each shard as soon as its file is complete.
            on_video: called in this thread after each video.

        Raises:
            InputError: a shard cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Threads:
    """This process, with videos in threads; the result does not depend on their number."""

    threads: int = 1

    def write(self, shards: Sequence[PlannedShard], encoder: FrameEncoder, records: Records, on_video: OnVideo) -> None:
        """See `Engine.write`."""

        def encode(job: VideoJob) -> EncodedVideo:
            return job.encode(encoder)

        with one_thread_each():
            write_in_order(shards, encode, self.threads, encoder.width, records, on_video)


def write_in_order(
    shards: Sequence[PlannedShard],
    encode: Callable[[VideoJob], EncodedVideo],
    threads: int,
    width: int,
    records: Records,
    on_video: OnVideo,
) -> None:
    """Write shards one after another in this process, with the next shard's videos on their way meanwhile."""
    jobs = [job for shard in shards for job in shard.jobs]
    with encoded(jobs, encode, threads) as videos:
        for shard in shards:
            shard.record = write_shard(shard, videos, width, records, on_video)
