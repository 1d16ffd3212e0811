"""Loudness by EBU R128 (FFmpeg's ``ebur128``), and a limiter of the peaks between samples (``alimiter``, 192 kHz)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from vn.render.original import RATE

TARGET = -16.0  # LUFS, integrated: what players of speech expect
PEAK = -1.0  # dB, the most that a true peak may have
ROOM = 0.7  # dB below that for the limiter: AAC adds some
SILENT = -69.0  # LUFS: R128's gate is at -70
OVERSAMPLED = 192_000


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a stretch of sound is.

    Attributes:
        integrated: LUFS; -70 if it is silent.
        true_peak: dB relative to full scale; -120 if it is silent or was not measured.
    """

    integrated: float
    true_peak: float

    @property
    def silent(self) -> bool:
        """Whether it is silent to the ear."""
        return self.integrated <= SILENT


class Meter:
    """Measures sound that is given to it in blocks.

    Args:
        peaks: also the true peak, which takes four times as long.
    """

    def __init__(self, peaks: bool = True) -> None:
        self._filters = _Chain([("ebur128", f"metadata=1:peak={'true' if peaks else 'none'}")])
        self._last: dict[str, str] = {}

    def add(self, block: np.ndarray) -> None:
        """Measure ``[2, n]`` float32 more."""
        self._read(self._filters.push(block))

    def result(self) -> Loudness:
        """The loudness of all of it; nothing can be added after that."""
        self._read(self._filters.finish())
        integrated = float(self._last.get("lavfi.r128.I", "-70"))
        peak = float(self._last.get("lavfi.r128.true_peak", "0"))
        integrated = integrated if math.isfinite(integrated) else -70.0
        return Loudness(max(integrated, -70.0), 20 * math.log10(max(peak, 1e-6)))

    def _read(self, frames: Iterable[av.AudioFrame]) -> None:
        for frame in frames:
            self._last = dict(frame.metadata) or self._last


class Limiter:
    """Applies one gain, then lowers what would be above `PEAK`; it adds no delay.

    Args:
        gain: dB.
    """

    def __init__(self, gain: float) -> None:
        limit = 10 ** ((PEAK - ROOM) / 20)
        self._filters = _Chain(
            [
                ("volume", f"{gain:.4f}dB:precision=float"),
                ("aresample", str(OVERSAMPLED)),
                ("alimiter", f"limit={limit:.5f}:level=disabled:latency=1:attack=5:release=80"),
                ("aresample", str(RATE)),
                ("aformat", "sample_fmts=fltp"),
            ]
        )

    def run(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Limit all blocks; they come out in other sizes, with as many samples in all."""
        for block in blocks:
            yield from (frame.to_ndarray() for frame in self._filters.push(block))
        yield from (frame.to_ndarray() for frame in self._filters.finish())


def measure(blocks: Iterable[np.ndarray], peaks: bool = False) -> tuple[Loudness, int]:
    """The loudness of ``[2, n]`` blocks, and how many samples they have; without `peaks` the true peak is unknown."""
    meter, count = Meter(peaks), 0
    for block in blocks:
        meter.add(block)
        count += block.shape[1]
    return meter.result(), count


class _Chain:
    """Filters one after another, from stereo float at `RATE`.

    Args:
        filters: names and arguments.
    """

    def __init__(self, filters: Iterable[tuple[str, str]]) -> None:
        self._graph = Graph()
        base = Fraction(1, RATE)
        last = self._graph.add_abuffer(format="fltp", sample_rate=RATE, layout="stereo", time_base=base)
        for name, arguments in [*filters, ("abuffersink", "")]:
            new = self._graph.add(name, arguments) if arguments else self._graph.add(name)
            last.link_to(new)
            last = new
        self._graph.configure()
        self._given = 0

    def push(self, block: np.ndarray) -> Iterator[av.AudioFrame]:
        self._graph.push(audio_frame(block, self._given))
        self._given += block.shape[1]
        yield from self._pull()

    def finish(self) -> Iterator[av.AudioFrame]:
        self._graph.push(None)
        yield from self._pull()

    def _pull(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame


def audio_frame(block: np.ndarray, first: int) -> av.AudioFrame:
    """A block of sound for FFmpeg.

    Args:
        block: ``[2, n]`` float32.
        first: number of its first sample.
    """
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
    return frame
