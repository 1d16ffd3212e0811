"""The sound of a video, decoded block by block onto a player's clock (`vn.data.clock`).

Whatever the codec, number of channels and rate, this is stereo at `RATE`, or what the caller asks for. Sound that
starts late has silence before it, a gap is silent, and what overlaps is left out, so that sample n is played at
n / `RATE` seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from vn.data.clock import start_of
from vn.errors import InputError

RATE = 48_000  # samples per second of everything that is mixed
BLOCK = RATE  # samples of a block
SLACK = 0.04  # seconds by which a timestamp may differ from the end of what came before: rounding, not a gap
BEYOND = 10.0  # a timestamp this many seconds after the end is damaged
MOST_ERRORS = 1000  # after this many, what follows is noise


class OriginalSound:
    """The first audio track of a video.

    Args:
        path: the video.
        rate: samples per second.
        channels: 1 mixes all of them, 2 is stereo.

    Attributes:
        exists: whether there is a track that can be decoded.
        tracks: number of audio tracks.
        damaged: whether something could not be decoded, after `blocks` was read.
    """

    def __init__(self, path: Path, rate: int = RATE, channels: int = 2) -> None:
        self.path, self.rate, self.channels = path, rate, channels
        self.damaged = False
        with self._open() as container:
            self.tracks = len(container.streams.audio)
            self.exists = self.tracks > 0 and container.streams.audio[0].codec_context is not None

    def blocks(self) -> Iterator[np.ndarray]:
        """All of it, from 0 s on, in blocks of a second; the last one may be shorter.

        Yields:
            ``[channels, n]`` float32.
        """
        if self.exists:
            yield from blocks_of(self._placed(), self.channels, self.rate)

    def _placed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Decoded pieces, each with the number of its first sample."""
        with self._open() as container:
            stream = container.streams.audio[0]
            zero = start_of(container) or 0.0
            latest = None if container.duration is None else container.duration / av.time_base + BEYOND
            run: _Run | None = None
            for frame in self._frames(container, stream):
                time = None if frame.time is None else frame.time - zero
                if time is not None and latest is not None and time > latest:
                    self.damaged = True
                    continue
                try:
                    if run is None or not run.goes_on(frame, time):
                        if run is not None:
                            yield from run.finish()
                        at = time if time is not None else run.end if run is not None else 0.0
                        run = _Run(frame, at, self.rate, self.channels)
                    yield from run.add(frame)
                except (av.error.FFmpegError, ValueError):  # a layout that cannot be mixed down, a damaged frame
                    self.damaged, run = True, None
            if run is not None:
                yield from run.finish()

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        errors = 0
        packets = container.demux(stream)
        while errors < MOST_ERRORS:
            try:
                packet = next(packets)
                frames = packet.decode()
            except (StopIteration, av.error.EOFError):
                return
            except (av.error.FFmpegError, IndexError) as error:
                errors += 1
                self.damaged = True
                if isinstance(error, IndexError):  # raised by PyAV if damage looks like one more stream
                    packets = container.demux(stream)
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame) and frame.samples)

    def _open(self) -> InputContainer:
        try:
            # An absolute path, since FFmpeg takes 'name:' at the start of a path as a protocol.
            return av.open(os.path.abspath(self.path), metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise InputError(f"not a video that can be read ({error.strerror})", file=self.path) from None


class _Run:
    """Frames of one format that follow each other without a gap.

    Args:
        first: its first frame, which is still to be added.
        time: when that is played, in seconds.
        rate: samples per second that come out.
        channels: 1 or 2 that come out.
    """

    def __init__(self, first: AudioFrame, time: float, rate: int, channels: int) -> None:
        self._kind = _kind(first)
        self._resampler = av.AudioResampler(format="fltp", layout="mono" if channels == 1 else "stereo", rate=rate)
        self._at = round(time * rate)  # the number of the next sample that comes out
        self.end = time  # seconds, of what went in

    def goes_on(self, frame: AudioFrame, time: float | None) -> bool:
        """Whether a frame continues it."""
        return _kind(frame) == self._kind and (time is None or abs(time - self.end) <= SLACK)

    def add(self, frame: AudioFrame) -> Iterator[tuple[int, np.ndarray]]:
        """Resample a frame."""
        self.end += frame.samples / frame.sample_rate
        frame.pts = None  # the times are ours
        yield from self._out(frame)

    def finish(self) -> Iterator[tuple[int, np.ndarray]]:
        """What the resampler still has."""
        yield from self._out(None)

    def _out(self, frame: AudioFrame | None) -> Iterator[tuple[int, np.ndarray]]:
        for made in self._resampler.resample(frame):
            samples = made.to_ndarray()
            yield self._at, samples
            self._at += samples.shape[1]


def blocks_of(placed: Iterable[tuple[int, np.ndarray]], channels: int = 2, size: int = BLOCK) -> Iterator[np.ndarray]:
    """Put pieces of sound one after another into blocks.

    Args:
        placed: number of the first sample, and samples ``[channels, n]``; what is before the end of the piece before
            it is left out.
        channels: number of channels.
        size: samples of a block.

    Yields:
        ``[channels, size]`` float32; the last one may be shorter.
    """
    block = np.zeros((channels, size), np.float32)
    filled = begun = 0  # samples in this block, and in all blocks before it
    for start, samples in placed:
        samples = samples[:, max(0, begun + filled - start) :]
        if not samples.shape[1]:
            continue
        start = max(start, begun + filled)
        while start >= begun + size:  # silence up to there
            yield block
            block, filled, begun = np.zeros((channels, size), np.float32), 0, begun + size
        filled = start - begun
        while samples.shape[1]:
            piece, samples = samples[:, : size - filled], samples[:, size - filled :]
            block[:, filled : filled + piece.shape[1]] = piece
            filled += piece.shape[1]
            if filled == size:
                yield block
                block, filled, begun = np.zeros((channels, size), np.float32), 0, begun + size
    if filled:
        yield block[:, :filled]


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
