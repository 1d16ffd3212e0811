"""The spans of time that a recogniser gets: whole files if they are short, cut at pauses only.

Whisper invents words where a sentence is cut, and while nobody speaks for long. So a span ends in a pause: one that is
longer than `SKIPPED`, the longest one if a span would become too long for the recogniser, or one between languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vn.annotate.speech.activity import Stretch

SKIPPED = 10.0  # seconds; music that is longer is not recognised
AROUND = 0.5  # seconds before and after the voice of a span
GROUP = 5.0  # seconds of voice whose language is looked for together: of less it is a guess
GROUP_SPAN = 30.0  # seconds that a group lasts at most, pauses included
SURE = 0.8  # probability at which a language that was not given is believed


@dataclass(frozen=True, slots=True)
class Span:
    """Sound that is recognised at once.

    Attributes:
        start: seconds.
        end: seconds.
        language: what is spoken.
        voice: the stretches of voice in it.
    """

    start: float
    end: float
    language: str
    voice: tuple[Stretch, ...]


def groups_of(voice: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches whose language is looked for together, each group with `GROUP` seconds of voice if there are."""
    groups: list[list[Stretch]] = []
    for stretch in voice:
        last = groups[-1] if groups else []
        spoken = sum(end - start for start, end in last)
        if last and (spoken < GROUP and stretch[1] - last[0][0] <= GROUP_SPAN):
            last.append(stretch)
        else:
            groups.append([stretch])
    return groups


def is_sure(odds: dict[str, float] | None) -> bool:
    """Whether one language is as probable as `SURE`."""
    return odds is not None and max(odds.values(), default=0.0) >= SURE


def language_of(odds: dict[str, float] | None, given: str) -> str:
    """The language of a group: the one that was given, unless another is sure."""
    if odds is None or not is_sure(odds):
        return given
    best = max(odds, key=lambda name: odds[name])
    return {"yue": "zh"}.get(best, best)  # Cantonese is written in the same characters


def spans_of(voice: Sequence[tuple[Stretch, str]], longest: float) -> list[Span]:
    """Spans of voice.

    Args:
        voice: the stretches, each with its language.
        longest: seconds that a span may have; a stretch without a pause may be longer, and is cut.
    """
    runs: list[list[tuple[Stretch, str]]] = []
    for (start, end), language in _short(voice, longest - 2 * AROUND):
        last = runs[-1][-1] if runs else None
        if last is not None and last[1] == language and start - last[0][1] <= SKIPPED:
            runs[-1].append(((start, end), language))
        else:
            runs.append([((start, end), language)])
    parts = [part for run in runs for part in _within(run, longest - 2 * AROUND)]
    spans: list[Span] = []
    for n, part in enumerate(parts):
        first, last_end = part[0][0][0], part[-1][0][1]
        before = parts[n - 1][-1][0][1] if n else 0.0
        after = parts[n + 1][0][0][0] if n + 1 < len(parts) else last_end + 2 * AROUND
        start = max(first - AROUND, (before + first) / 2 if n else 0.0)
        end = min(last_end + AROUND, (last_end + after) / 2)
        spans.append(Span(max(0.0, start), end, part[0][1], tuple(stretch for stretch, _ in part)))
    return spans


def _short(voice: Sequence[tuple[Stretch, str]], longest: float) -> list[tuple[Stretch, str]]:
    """Stretches, those without a pause for too long cut into equal parts."""
    out: list[tuple[Stretch, str]] = []
    for (start, end), language in voice:
        parts = max(1, -int(-(end - start) // longest))
        if parts == 1:
            out.append(((start, end), language))
            continue
        length = (end - start) / parts
        out += [((start + n * length, start + (n + 1) * length), language) for n in range(parts)]
    return out


def _within(run: list[tuple[Stretch, str]], longest: float) -> list[list[tuple[Stretch, str]]]:
    """A run cut at its longest pauses until no part is too long; each cut leaves a third on either side if it can."""
    if run[-1][0][1] - run[0][0][0] <= longest or len(run) == 1:
        return [run]
    begin, end = run[0][0][0], run[-1][0][1]
    pauses = [(run[n][0][0] - run[n - 1][0][1], n) for n in range(1, len(run))]
    third = (end - begin) / 3
    inner = [(pause, n) for pause, n in pauses if begin + third <= run[n][0][0] <= end - third]
    _, at = max(inner or pauses)
    return [*_within(run[:at], longest), *_within(run[at:], longest)]
