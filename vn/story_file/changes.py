"""What was changed in a story: its clips compared with the marks of those that were written.

A clip is matched to an older one by its times, or else by what the two have in common: the part of the video (it was
split or merged), its narration, or its start or end. What a clip has that its older one does not have is the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vn.story_file.record import FIELDS, TIMES, Marks


@dataclass(frozen=True, slots=True)
class Changes:
    """How clips differ from those that were written.

    Attributes:
        first: the first clip that was changed; None if nothing changed.
        sources: for each clip, the numbers of the older clips that it came from; empty for a new one.
        seen: what changed, one phrase per change.
    """

    first: int | None
    sources: Sequence[Sequence[int]]
    seen: Sequence[str]

    def users(self, clip: int, new: Sequence[Marks], old: Sequence[Marks]) -> list[str]:
        """Which fields of a clip are the user's, not as they were written."""
        here = new[clip]
        return [n for n in FIELDS if here[n] and here[n] not in [old[m][n] for m in self.sources[clip]]]


def compare(new: Sequence[Marks], old: Sequence[Marks]) -> Changes:
    """Compare a story's clips, in the order of their times, with those that were written."""
    pairs = zip(new, old, strict=False)
    first = next((i for i, (one, other) in enumerate(pairs) if dict(one) != dict(other)), min(len(new), len(old)))
    if first == len(new) == len(old):
        return Changes(None, [(i,) for i in range(len(new))], ())
    sources: list[tuple[int, ...]] = [() for _ in new]
    for rule in (_same_times, _split, _merged, _same_narration, _same_start_or_end, _same_number):
        rule(new, old, sources)
    return Changes(first, sources, list(_phrases(new, old, sources)))


def _same_times(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    numbers = {_times(clip): m for m, clip in enumerate(old)}
    for i, clip in enumerate(new):
        if (m := numbers.get(_times(clip))) is not None:
            sources[i] = (m,)


def _split(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    """Clips that together span one older clip."""
    for m in _left(old, sources):
        begins = next((i for i, clip in enumerate(new) if clip["start"] == old[m]["start"]), None)
        ends = next((i for i, clip in enumerate(new) if clip["end"] == old[m]["end"]), None)
        if begins is not None and ends is not None and begins < ends and not any(sources[begins : ends + 1]):
            sources[begins : ends + 1] = [(m,)] * (ends + 1 - begins)


def _merged(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    """A clip that spans several older clips."""
    for i, clip in enumerate(new):
        begins = next((m for m in _left(old, sources) if old[m]["start"] == clip["start"]), None)
        ends = next((m for m in _left(old, sources) if old[m]["end"] == clip["end"]), None)
        if not sources[i] and begins is not None and ends is not None and begins < ends:
            sources[i] = tuple(range(begins, ends + 1))


def _same_narration(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    for i, clip in enumerate(new):
        if not sources[i] and clip["narration"]:
            same = [m for m, other in enumerate(old) if other["narration"] == clip["narration"]]
            sources[i] = tuple(same[:1])


def _same_start_or_end(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    """A clip with one time changed."""
    for name in TIMES:
        for i, clip in enumerate(new):
            if not sources[i]:
                sources[i] = tuple(m for m in _left(old, sources) if old[m][name] == clip[name])[:1]


def _same_number(new: Sequence[Marks], old: Sequence[Marks], sources: list[tuple[int, ...]]) -> None:
    """If no clip was added or removed, a clip with both times changed is still the one with its number."""
    if len(new) == len(old):
        left = set(_left(old, sources))
        for i in left:
            sources[i] = sources[i] or (i,)


def _left(old: Sequence[Marks], sources: Sequence[Sequence[int]]) -> list[int]:
    taken = {m for each in sources for m in each}
    return [m for m in range(len(old)) if m not in taken]


def _times(clip: Marks) -> tuple[str | None, ...]:
    return tuple(clip[name] for name in TIMES)


def _phrases(new: Sequence[Marks], old: Sequence[Marks], sources: Sequence[Sequence[int]]) -> Iterator[str]:
    parts = {m: [i for i, each in enumerate(sources) if tuple(each) == (m,)] for each in sources for m in each}
    for i, source in enumerate(sources):
        if not source:
            yield f"clip {i + 1} was added"
        elif len(source) > 1:
            yield f"clip {i + 1} was merged from clips {source[0] + 1} to {source[-1] + 1}"
        elif len(parts[source[0]]) > 1:
            if parts[source[0]][0] == i:
                yield f"clip {source[0] + 1} was split into clips {i + 1} to {parts[source[0]][-1] + 1}"
        else:
            before = old[source[0]]
            names = [name for name in FIELDS if new[i][name] != before[name]]
            names = ["time"] * (_times(new[i]) != _times(before)) + names
            if names:
                yield f"{' and '.join(names)} of clip {i + 1} changed"
    gone = _left(old, sources)
    if gone:
        numbers = ", ".join(str(m + 1) for m in gone)
        yield f"former clip{'s' if len(gone) > 1 else ''} {numbers} {'were' if len(gone) > 1 else 'was'} removed"
