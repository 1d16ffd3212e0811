"""Speech as sound: silence and pauses, tempo, sampling rate, loudness. Pure functions; PyAV's filters do the work."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from av.error import BlockingIOError as NothingYet

from vn.voice.speech import Speech

WINDOW = 0.01  # seconds; loudness is measured in windows of this length
QUIET = 0.01  # times the RMS of the loudest window (-40 dB): soft consonants are louder
BEFORE = 0.02  # seconds kept before the first sound, which may rise slowly
AFTER = 0.05  # seconds kept after the last one, for what fades away
SHORTEST_PAUSE = 0.12  # seconds; a pause that is shorter sounds rushed
FADE = 0.004  # seconds over which the two sides of a cut are mixed, so that it does not click
ROOM = 0.25  # seconds of silence after what the tempo filter reads: several of its windows


def rms(speech: Speech) -> float:
    """Root mean square of the samples; 0 if there are none."""
    return float(np.sqrt(np.mean(np.square(speech.samples, dtype=np.float64)))) if len(speech.samples) else 0.0


def peak(speech: Speech) -> float:
    """The largest absolute sample; 0 if there are none."""
    return float(np.abs(speech.samples).max()) if len(speech.samples) else 0.0


def trim(speech: Speech) -> Speech:
    """Speech without the silence before and after it; empty if all of it is silent.

    What is silent is relative to its loudest window, so that a quiet voice loses nothing.
    """
    loud = np.flatnonzero(_loud(speech))
    if not len(loud):
        return Speech(speech.samples[:0], speech.rate)
    size, rate = _window(speech), speech.rate
    first = max(0, loud[0] * size - round(BEFORE * rate))
    end = (loud[-1] + 1) * size + round(AFTER * rate)
    return Speech(speech.samples[first:end], rate)


def pauses(speech: Speech) -> list[tuple[int, int]]:
    """The silent stretches within speech that are longer than `SHORTEST_PAUSE`, each from one sample up to another."""
    loud, size = np.flatnonzero(_loud(speech)), _window(speech)
    gaps = [((a + 1) * size, b * size) for a, b in pairwise(loud)]
    return [(int(a), int(b)) for a, b in gaps if b - a > SHORTEST_PAUSE * speech.rate]


def shorten_pauses(speech: Speech, saving: float = math.inf) -> Speech:
    """Speech with its longest pauses shortened, to one length, so that it is `saving` seconds shorter.

    Args:
        speech: the speech, trimmed.
        saving: how much is saved if the pauses allow it: none becomes shorter than `SHORTEST_PAUSE`.
    """
    found = pauses(speech)
    if saving <= 0 or not found:
        return speech
    most = _common_length([b - a for a, b in found], saving * speech.rate, SHORTEST_PAUSE * speech.rate)
    out, at, fade = speech.samples[: found[0][0]], found[0][0], max(1, round(FADE * speech.rate))
    for a, b in found:
        cut = max(0, b - a - most)
        middle = a + (b - a - cut) // 2  # half of what stays is before the cut, half after it
        if cut:
            out = _joined(np.concatenate([out, speech.samples[at:middle]]), speech.samples[: middle + cut], fade)
            at = middle + cut
        out = np.concatenate([out, speech.samples[at:b]])
        at = b
    return Speech(np.concatenate([out, speech.samples[at:]]), speech.rate)


def tempo(speech: Speech, factor: float) -> Speech:
    """Faster or slower speech at the same pitch, of exactly ``round(N / factor)`` samples.

    The filter (FFmpeg's ``atempo``) holds back its last window, and gives nothing at all for less than one: silence
    after the speech pushes it out.

    Args:
        speech: the speech.
        factor: above 1 is faster; 0.5 to 2.
    """
    wanted = round(len(speech.samples) / factor)
    if factor == 1 or not wanted:
        return speech
    padded = np.concatenate([speech.samples, np.zeros(round(ROOM * speech.rate), np.float32)])
    return Speech(_of_length(_filtered(Speech(padded, speech.rate), "atempo", f"{factor:.6f}"), wanted), speech.rate)


def resample(speech: Speech, rate: int) -> Speech:
    """Speech at another sampling rate, of exactly ``round(N * rate / old rate)`` samples."""
    if rate == speech.rate:
        return speech
    wanted = round(len(speech.samples) * rate / speech.rate)
    return Speech(_of_length(_filtered(speech, "aresample", str(rate)), wanted), rate)


def _window(speech: Speech) -> int:
    return max(1, round(WINDOW * speech.rate))


def _loud(speech: Speech) -> np.ndarray:
    """``[W]``, which windows are not silent; the last may be shorter."""
    size = _window(speech)
    squares = np.square(speech.samples, dtype=np.float64)
    squares = np.pad(squares, (0, -len(squares) % size)).reshape(-1, size).mean(axis=1)
    return np.asarray(squares > QUIET**2 * squares.max()) if len(squares) else np.zeros(0, bool)


def _common_length(lengths: list[int], saving: float, least: float) -> int:
    """The length that pauses are shortened to, so that they are `saving` shorter in all; at least `least`."""
    ordered = sorted(lengths, reverse=True)
    for n in range(1, len(ordered) + 1):
        length = (sum(ordered[:n]) - saving) / n
        if n == len(ordered) or length >= ordered[n]:
            return int(max(least, length))
    raise AssertionError("no pauses")


def _joined(before: np.ndarray, until: np.ndarray, fade: int) -> np.ndarray:
    """`before`, its end mixed with the end of `until`, so that what follows `until` can follow it."""
    fade = min(fade, len(before), len(until))
    weights = np.linspace(0, 1, fade, dtype=np.float32)
    mixed = before[len(before) - fade :] * (1 - weights) + until[len(until) - fade :] * weights
    return np.concatenate([before[: len(before) - fade], mixed])


def _of_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Samples with silence added or cut off at the end."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _filtered(speech: Speech, name: str, arguments: str) -> np.ndarray:
    """What a filter of FFmpeg makes of speech."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=speech.rate, format="flt", layout="mono", time_base=Fraction(1, speech.rate))
    step, sink = graph.add(name, arguments), graph.add("abuffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(speech.samples[None], np.float32), "flt", "mono")
    frame.sample_rate, frame.pts = speech.rate, 0
    graph.push(frame)
    graph.push(None)
    parts = [part.to_ndarray().reshape(-1) for part in _pulled(graph)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _pulled(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (NothingYet, EOFError):
            return
        if isinstance(frame, av.AudioFrame):
            yield frame
