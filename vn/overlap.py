"""How clips that overlap are treated: kept, trimmed where the next one starts, or refused.

Real annotations overlap: by a second where times were rounded, by more where captions roll on or annotators marked
one event twice. Only the user can decide which of these are mistakes (``--overlap``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from vn.errors import Findings, InputError

Overlap = Literal["keep", "trim", "refuse"]
CHOICES: tuple[Overlap, ...] = get_args(Overlap)
ROUNDING = 1.0  # seconds; times in whole seconds may overlap by one, so only trim changes that much
SHORTEST = 0.5  # seconds that must be left of a clip that is trimmed
Span = tuple[float, float]
Field = Callable[[int, str], str]
"""The name that a clip's field has in a file; the second argument is ``start``, ``end``, or empty for the clip."""


def settle(
    spans: Sequence[Span],
    overlap: Overlap,
    findings: Findings,
    *,
    file: str | Path | None = None,
    sample: str | None = None,
    field: Field,
) -> tuple[list[Span], float]:
    """Treat the overlaps of a story's clips.

    Args:
        spans: start and end of each clip, in the story's order.
        overlap: ``keep`` leaves them as they are, with a warning for each; ``trim`` ends a clip where the next one
            starts; ``refuse`` raises. Overlaps of up to a second are kept by ``refuse`` too, with the same warning.
        findings: collects the warnings.
        file: named in messages.
        sample: the story's id, for messages.
        field: the name that messages give to a clip's field.

    Returns:
        The clips' times, and the longest overlap in seconds that was kept or trimmed, 0 if there was none.

    Raises:
        InputError: ``refuse``, and clips overlap by more than a second; ``trim``, and less than half a second is
            left of a clip.
    """
    found = _overlaps(spans)
    longest = max((seconds for _, _, seconds in found), default=0.0)
    if overlap == "trim":
        return _trimmed(spans, file, sample, field), longest
    for clip, earlier, seconds in found:
        message = f"starts {seconds:g} s before clip {earlier} ends"
        if overlap == "refuse" and seconds > ROUNDING:
            message += "; --overlap trim ends that clip there, --overlap keep leaves both as they are"
            raise InputError(message, file=file, sample=sample, field=field(clip, "start"))
        findings.add(message, file=file, sample=sample, field=field(clip, ""))
    return list(spans), longest


def _overlaps(spans: Sequence[Span]) -> list[tuple[int, int, float]]:
    """Clips that start before an earlier one ends: the clip, the one that ends last before it, and the seconds."""
    found = []
    last = 0
    for clip, (start, end) in enumerate(spans):
        seconds = round(spans[last][1] - start, 6)  # anything smaller is floating-point rounding
        if clip and seconds > 0:
            found.append((clip, last, seconds))
        if end > spans[last][1]:
            last = clip
    return found


def _trimmed(spans: Sequence[Span], file: str | Path | None, sample: str | None, field: Field) -> list[Span]:
    trimmed = [(start, min(end, following)) for (start, end), (following, _) in pairwise(spans)]
    for clip, ((start, end), (_, was)) in enumerate(zip(trimmed, spans, strict=False)):
        if end < was and round(end - start, 6) < SHORTEST:
            left = f"only {end - start:g} s" if end > start else "nothing"
            message = (
                f"--overlap trim would leave {left} of {start:g} to {was:g} s: clip {clip + 1} starts at {end:g} s"
            )
            raise InputError(message, file=file, sample=sample, field=field(clip, "end"))
    return [*trimmed, *spans[-1:]]
