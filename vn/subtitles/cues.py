"""Narrations as subtitles: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vn.story import Language
from vn.subtitles.line_breaks import break_costs, columns, may_be_cut

LINE = {"en": 42, "zh": 20}  # characters per line that players show
UPRIGHT_LINE = {"en": 26, "zh": 12}  # the same for portrait video
LINES = 2  # lines of one subtitle; longer narrations are cut into several, one after another
SHORTEST = 1.0  # seconds; what is shown for less cannot be read
HARD = 1.0  # cost of ending a line within a word that is longer than a line

Cue = tuple[float, float, list[str]]


def cues(clips: Iterable[tuple[float, float, str]], language: Language, upright: bool = False) -> list[Cue]:
    """Subtitles at the time of their clips; every narration has one.

    A narration of more than two lines becomes several subtitles of about equal length, which share the clip's time in
    proportion to it. Each is shown for at least a second; if clips overlap, until the next clip starts. If there is no
    time for that, the next one starts later.

    Args:
        clips: (start, end, narration); empty narrations are left out.
        language: decides how long lines are.
        upright: whether the video is in portrait format, so that lines are shorter.

    Returns:
        (start, end, lines), in order, never overlapping.
    """
    width = (UPRIGHT_LINE if upright else LINE)[language]
    spoken = sorted((c for c in clips if _shown(c[2])), key=lambda c: c[0])
    out: list[Cue] = []
    for n, (start, end, narration) in enumerate(spoken):
        if n + 1 < len(spoken):
            end = min(end, spoken[n + 1][0])
        texts = layout(_shown(narration), width, LINE[language])
        start = max(start, out[-1][1]) if out else start
        end = max(end, start + SHORTEST * len(texts))
        at = start
        for i, (lines, seconds) in enumerate(zip(texts, _shares(texts, end - start), strict=True)):
            until = at + seconds if i + 1 < len(texts) else end
            out.append((at, until, lines))
            at = until
    return out


def layout(text: str, width: int, longest: int) -> list[list[str]]:
    """The lines of each subtitle of a text.

    Args:
        text: text with single spaces, and none at its ends.
        width: characters per line.
        longest: characters that a single Latin word may have on a line, if it is not wider on the screen.
    """
    return _Layout(text, width, longest).subtitles()


def _shown(narration: str) -> str:
    """A narration on one line, without invisible characters; empty if nothing is left."""
    text = "".join(c for c in " ".join(narration.split()) if c == " " or c.isprintable() or c == "\u200d")
    text = " ".join(text.split())
    return text if any(c not in " \u200d\u2800\u3164" for c in text) else ""


def _shares(texts: Sequence[Sequence[str]], seconds: float) -> list[float]:
    """Each subtitle's share of their time: by its length, but at least a second if there is time for it."""
    sizes = [float(sum(map(len, lines))) for lines in texts]
    short: set[int] = set()
    while True:
        left = seconds - SHORTEST * len(short)
        total = sum(size for i, size in enumerate(sizes) if i not in short) or 1.0
        shares = [SHORTEST if i in short else left * size / total for i, size in enumerate(sizes)]
        more = {i for i, share in enumerate(shares) if i not in short and share < SHORTEST}
        if not more:
            return shares
        if len(short | more) == len(sizes):
            return [seconds / len(sizes)] * len(sizes)
        short |= more


@dataclass(slots=True)
class _Layout:
    """Splits one text into subtitles of at most two lines (see `layout`)."""

    text: str
    width: int
    longest: int

    def subtitles(self) -> list[list[str]]:
        costs = self._with_cuts(break_costs(self.text))
        places = [0, *costs, len(self.text)]
        one = [self._farthest(places, n) for n in range(len(places) - 1)] + [
            len(places) - 1
        ]  # the end of a line from each place
        two = [one[one[n]] for n in range(len(places))]
        ends = self._cut(places, two, costs)
        return [self._lines(places, one, costs, i, j) for i, j in pairwise(ends)]

    def _with_cuts(self, costs: dict[int, float]) -> dict[int, float]:
        """All line ends, with those added within words that are longer than a line."""
        out = {}
        for start, end in pairwise([0, *costs, len(self.text)]):
            if start:
                out[start] = costs[start]
            if not self._fits(start, end, alone=True):
                parts = -(-(end - start) // self.width)
                for n in range(1, parts):
                    place = start + (end - start) * n // parts
                    if may_be_cut(self.text, place):
                        out[place] = HARD
        return out

    def _fits(self, start: int, end: int, alone: bool) -> bool:
        line = self.text[start:end].strip()
        return len(line) <= self.width or (alone and len(line) <= self.longest and columns(line) <= 2 * self.width)

    def _farthest(self, places: Sequence[int], n: int) -> int:
        """The number of the last place at which a line from the n-th place may end; at least the next one."""
        # A space at the end does not count, so a place may be one character further away.
        last = bisect_right(places, places[n] + self.width + 1) - 1
        while last > n + 1 and not self._fits(places[n], places[last], alone=False):
            last -= 1
        return max(last, n + 1)

    def _cut(self, places: Sequence[int], two: Sequence[int], costs: dict[int, float]) -> list[int]:
        """Numbers of the places where subtitles begin and end: as few as possible, of about the same length."""
        count, at, last = 0, 0, len(places) - 1
        while at < last:
            at, count = two[at], count + 1
        if count == 1:
            return [0, last]
        share = len(self.text) / count
        best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * last
        for i in range(last):
            for j in range(i + 1, two[i] + 1):
                size = places[j] - places[i]
                cost = best[i][0] + ((size - share) / share) ** 2 + costs.get(places[j], 0.0) / 2
                if cost < best[j][0]:
                    best[j] = cost, i
        ends = [last]
        while ends[-1]:
            ends.append(best[ends[-1]][1])
        return ends[::-1]

    def _lines(
        self, places: Sequence[int], one: Sequence[int], costs: dict[int, float], first: int, last: int
    ) -> list[str]:
        start, end = places[first], places[last]
        if one[first] >= last:
            return [self.text[start:end].strip()]
        whole = end - start
        between = [n for n in range(first + 1, one[first] + 1) if one[n] >= last]
        place = places[min(between, key=lambda n: 2 * ((2 * places[n] - start - end) / whole) ** 2 + costs[places[n]])]
        return [self.text[start:place].strip(), self.text[place:end].strip()]


def _time(seconds: float, comma: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


def srt(cues: Sequence[Cue]) -> str:
    """The text of an .srt file; ``-->``, which would be read as a time, becomes an arrow."""
    return "".join(
        f"{n}\n{_time(start, ',')} --> {_time(end, ',')}\n" + "\n".join(lines).replace("-->", "→") + "\n\n"
        for n, (start, end, lines) in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """The text of a .vtt file; ``&``, ``<`` and ``>`` are escaped, as WebVTT requires."""
    body = "".join(
        f"{_time(start, '.')} --> {_time(end, '.')}\n" + "\n".join(map(_escape, lines)) + "\n\n"
        for start, end, lines in cues
    )
    return "WEBVTT\n\n" + body


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
