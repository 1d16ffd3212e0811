"""The unit of work of ``vn prepare``: one shard. Its tar and its record are written here, whatever runs it.

    videos of the shard -> decode, encode (threads here, or other processes) -> train-00000.tar -> its record

A shard is a pure function of its stories, their videos and the encoder, so it has the same bytes from any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from vn.data.feature_statistics import Sums
from vn.data.frames import FrameEncoder
from vn.data.prepare_plan import EncodedVideo, PlannedShard, VideoJob
from vn.data.read_ahead import ReadAhead, use_processors
from vn.data.shard_records import Records, ShardRecord
from vn.data.shard_writer import ShardWriter
from vn.data.torch_threads import one_thread_each
from vn.errors import InputError
from vn.io.atomic import atomic_write

OnVideo = Callable[[str, int, str | None], None]
"""Called after each video with its id, its frames, and why it could not be used, if so."""
Videos = Iterator[Iterator[EncodedVideo]]
"""The videos of one or several shards in order; an `InputError` is raised where the video is taken."""


class ProcessDied(InputError):
    """The process that encoded a video died, several times: counted as a bad video, and tried again by the next run."""


def write_shard(
    shard: PlannedShard, videos: Videos, width: int, records: Records, on_video: OnVideo | None = None
) -> ShardRecord:
    """Write a shard and its record.

    Several processes may write the same shard at once, such as those of a lost machine and of the one that replaces
    it: each writes a file of its own, and the first one to finish wins.

    Args:
        shard: what to write.
        videos: its videos; only those of this shard are taken.
        width: D of the features.
        records: receives the shard's record, when its file is complete.
        on_video: called after each video.

    Raises:
        InputError: the data folder cannot be written into, or now has other data.
    """
    record = ShardRecord(shard.videos, None, Sums.zero(width))
    path = records.data / f"{shard.name}.tar"
    lasting = True
    try:
        with atomic_write(path, own=True) as file:
            writer = ShardWriter(file, path.name, 0)
            for job in shard.jobs:
                count, fault = 0, None
                try:
                    video = next(next(videos))
                    writer.add(video.story, video.frames.features, video.frames.seconds, video.frames.thumbs)
                    record.sums += video.sums
                    record.warnings += video.warnings
                    count = len(video.frames.seconds)
                except InputError as error:
                    fault = str(error)
                    record.bad.append(fault)
                    lasting = lasting and not isinstance(error, ProcessDied)
                if on_video:
                    on_video(job.source.story.id, count, fault)
            entry = writer.close()
            _refuse_late(shard, records)
    except _WrittenMeanwhile as found:
        return found.record
    record.entry = entry if entry.samples else None
    if record.entry is None:
        path.unlink(missing_ok=True)
    if lasting:
        records.save(shard.name, record)
    return record


@contextmanager
def encoded(jobs: Sequence[VideoJob], encode: Callable[[VideoJob], EncodedVideo], threads: int) -> Iterator[Videos]:
    """Encode videos in threads, in order and a bounded number ahead.

    Args:
        jobs: the videos.
        encode: called for each, in several threads at once.
        threads: how many; with fewer videos each has its share of these threads, for decoding.

    Returns:
        A context whose value gives the videos.
    """
    sources = [partial(_one, encode, job, share_each(threads, len(jobs))) for job in jobs]
    with ReadAhead(sources, threads=threads, window=4 * threads) as ahead:
        yield iter(ahead)


def run_shard(shard: PlannedShard, encoder: FrameEncoder, records: Records, threads: int = 1) -> ShardRecord:
    """Encode and write one shard in this process: the task of a cluster.

    Args:
        shard: what to write.
        encoder: encodes its videos.
        records: records of the data folder, which this process shares with the one that planned the shard.
        threads: videos to encode at once.

    Raises:
        InputError: see `write_shard`.
    """
    with one_thread_each(), encoded(shard.jobs, lambda job: job.encode(encoder), threads) as videos:
        return write_shard(shard, videos, encoder.width, records)


class _WrittenMeanwhile(Exception):
    def __init__(self, record: ShardRecord) -> None:
        super().__init__()
        self.record = record


def share_each(threads: int, videos: int) -> int:
    """The threads that each of some videos has, if there are fewer videos than threads."""
    return max(1, threads // max(1, videos))


def _one(encode: Callable[[VideoJob], EncodedVideo], job: VideoJob, processors: int) -> Iterator[EncodedVideo]:
    use_processors(processors)
    yield encode(job)


def _refuse_late(shard: PlannedShard, records: Records) -> None:
    """Raise if another process has written this shard meanwhile, or the folder now has other data."""
    if not records.is_current():
        raise InputError("has other data by now: another run has replaced these", file=records.place)
    if earlier := records.load(shard.name, shard.videos):
        raise _WrittenMeanwhile(earlier)
