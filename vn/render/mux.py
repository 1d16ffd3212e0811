"""Writes the film: the video's own packets or encoded frames, the mixed sound, and the subtitle track, as one mp4."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vn.data.clock import is_cover, start_of
from vn.errors import InputError
from vn.io.atomic import atomic_write, disk_fault
from vn.render.encode import Encoder
from vn.render.loudness import audio_frame
from vn.render.original import RATE
from vn.render.subtitle_track import LANGUAGES, add_track
from vn.story import Language
from vn.subtitles.cues import Cue

BIT_RATE = 192_000  # bits per second of the sound
MOST_WITHOUT = 16  # packets at the start that may lack a decoding time: codecs reorder no more
FIXED_SHAPE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")  # formats whose frames rarely change their size


class CannotCopy(Exception):
    """Why the video's packets cannot be copied into an mp4 file."""


@dataclass(frozen=True, slots=True)
class Film:
    """What a film is made of.

    Attributes:
        video: the video.
        title: title in the file's metadata.
        language: language of narrations and subtitles.
        cues: the subtitles; None for no track.
        sound: gives the blocks of the mixed sound, ``[2, n]`` float32; None for a film without sound.
        spoken: whether the sound has a voice.
        drawn: gives the subtitles to be drawn into the frames; None to draw nothing.
    """

    video: Path
    title: str
    language: Language
    cues: Sequence[Cue] | None
    sound: Callable[[], Iterable[np.ndarray]] | None
    spoken: bool = False
    drawn: Encoder | None = None


def write_film(film: Film, out: Path) -> str | None:
    """Write a film, whole or not at all.

    Args:
        film: what it is made of.
        out: the file.

    Returns:
        None if the video's packets were copied, else why they were not.

    Raises:
        InputError: the video cannot be read, or the file cannot be written.
    """
    why = None if film.drawn is None else "subtitles are drawn into the frames"
    if why is None:
        try:
            with _open(film.video) as source:
                _check_shape(source, _video(source, film.video))
            _write(film, out, None)
            return None
        except CannotCopy as error:
            why = str(error)
    _write(film, out, film.drawn or Encoder(film.video))
    return why


def _write(film: Film, out: Path, encoder: Encoder | None) -> None:
    # The file is opened again by its name, since FFmpeg must read what it has written to put the index first.
    with atomic_write(out) as file:
        try:
            with (
                closing(_open(film.video)) as source,
                av.open(os.path.abspath(file.name), "w", format="mp4", options={"movflags": "+faststart"}) as container,
            ):
                container.metadata["title"] = film.title
                _mux(film, source, container, encoder)
        except (av.error.FFmpegError, OSError) as error:
            fault = disk_fault(error) or os.strerror(error.errno or 0)
            raise InputError(f"cannot be written: {fault}", file=out) from None


def _mux(film: Film, source: InputContainer, container: OutputContainer, encoder: Encoder | None) -> None:
    streams: list[Iterator[Packet[Any]]] = []
    if encoder is None:
        streams.append(_copied(source, _video(source, film.video), container))
    else:
        streams.append(encoder.add_to(container))
    if film.sound is not None:
        streams.append(_encoded_sound(film, container, film.sound()))
    if film.cues is not None:
        streams.append(add_track(container, film.language, film.cues))
    if encoder is None:
        try:
            container.start_encoding()
        except av.error.FFmpegError as error:
            raise CannotCopy(f"its video cannot go into mp4 ({error.strerror})") from None
    for packet in heapq.merge(*streams, key=_time):
        container.mux_one(packet)


def _time(packet: Packet[Any]) -> float:
    assert packet.dts is not None
    assert packet.time_base is not None
    return float(packet.dts * packet.time_base)


def _copied(source: InputContainer, stream: VideoStream, container: OutputContainer) -> Iterator[Packet[Any]]:
    """The video's packets, with the timestamps of a player's clock."""
    name = stream.codec_context.name
    if stream.codec_context.codec.canonical_name not in container.supported_codecs:
        raise CannotCopy(f"{name} video cannot go into mp4")
    try:
        target = container.add_stream_from_template(stream)
    except (av.error.FFmpegError, ValueError):
        raise CannotCopy(f"{name} video cannot go into mp4") from None
    zero = start_of(source) or 0.0

    def packets() -> Iterator[Packet[Any]]:
        last: int | None = None
        for packet in _with_dts(packet for packet in source.demux(stream) if packet.size):
            shift = round(Fraction(zero) / packet.time_base)
            packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift
            if last is not None and packet.dts <= last:
                raise CannotCopy("its timestamps go back")
            last = packet.dts
            packet.stream = target
            yield packet

    return packets()


def _with_dts(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Packets with decoding times: in Matroska the first ones have none if frames are stored in another order."""
    first = []
    for packet in packets:
        if packet.pts is None:
            raise CannotCopy("its frames have no timestamps")
        first.append(packet)
        if packet.dts is not None or len(first) > MOST_WITHOUT:
            break
    if first and first[-1].dts is None:
        raise CannotCopy("its frames have no timestamps")
    for packet, after in reversed([*pairwise(first)]):
        packet.dts = (after.dts or 0) - max(1, packet.duration or 1)
    yield from first
    for packet in packets:
        if packet.pts is None or packet.dts is None:
            raise CannotCopy("its frames have no timestamps")
        yield packet


def _encoded_sound(film: Film, container: OutputContainer, blocks: Iterable[np.ndarray]) -> Iterator[Packet[Any]]:
    stream = container.add_stream("aac", rate=RATE, layout="stereo")
    stream.bit_rate = BIT_RATE
    if film.spoken:
        stream.metadata["language"] = LANGUAGES[film.language]

    def packets() -> Iterator[Packet[Any]]:
        count = 0
        for block in blocks:
            yield from stream.encode(audio_frame(block, count))
            count += block.shape[1]
        yield from stream.encode(None)

    return packets()


def _check_shape(source: InputContainer, stream: VideoStream) -> None:
    """Raise `CannotCopy` if the frames change their size: an mp4 file has one."""
    if source.format.name in FIXED_SHAPE:
        return
    stream.codec_context.skip_frame = "NONKEY"
    sizes = set()
    try:
        for frame in source.decode(stream):
            sizes.add((frame.width, frame.height))
            if len(sizes) > 1:
                raise CannotCopy("its frames change their size")
    except av.error.FFmpegError:
        raise CannotCopy("it is damaged") from None


def _open(path: Path) -> InputContainer:
    try:
        return av.open(os.path.abspath(path), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise InputError(f"not a video that can be read ({error.strerror})", file=path) from None


def _video(container: InputContainer, path: Path) -> VideoStream:
    streams = [s for s in container.streams.video if not is_cover(s)]
    if not streams or streams[0].codec_context is None:
        raise InputError("has no video that can be decoded", file=path)
    return streams[0]
