"""Words to the clips that hold their middle, and what a person should know about it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from vn.annotate.results import Word
from vn.annotate.speech.join import join
from vn.annotate.speech.recogniser import TimedWord
from vn.annotate.stage import Mark

ACROSS = 0.1  # seconds that a word has on both sides of a cut to be across it: recognised times are not better
AFTER = 0.5  # seconds after the last frame in which a word still belongs to the last clip: sound is often longer


@dataclass(frozen=True, slots=True)
class Placed:
    """Words in their clips.

    Attributes:
        words: those that a clip holds.
        texts: what is spoken in each clip.
        marks: words across a cut.
        across: number of words across a cut.
        outside: words that no clip holds.
    """

    words: tuple[Word, ...]
    texts: tuple[str, ...]
    marks: tuple[Mark, ...]
    across: int
    outside: tuple[TimedWord, ...]


def place(words: Sequence[TimedWord], clips: Sequence[tuple[float, float]]) -> Placed:
    """Give each word to the clip that holds its middle.

    Args:
        words: the words, in order.
        clips: start and end of each in seconds, in order.
    """
    starts = [start for start, _ in clips]
    placed: list[Word] = []
    outside: list[TimedWord] = []
    marks: list[Mark] = []
    for word in words:
        middle = (word.start + word.end) / 2
        clip = bisect_right(starts, middle) - 1
        end = clips[clip][1] + (AFTER if clip == len(clips) - 1 else 0.0) if clip >= 0 else 0.0
        if clip < 0 or middle > end:
            outside.append(word)
            continue
        placed.append(Word(word.text, round(word.start, 3), round(word.end, 3), clip))
        cuts = [cut for cut in starts[1:] if word.start + ACROSS < cut < word.end - ACROSS]
        if cuts:
            times = f"{word.start:.2f} to {word.end:.2f} s"
            marks.append(Mark(f"the word {word.text!r} ({times}) is across the cut at {cuts[0]:.2f} s", "across", clip))
    texts = tuple(join(w.text for w in placed if w.clip == n) for n in range(len(clips)))
    return Placed(tuple(placed), texts, tuple(marks), len(marks), tuple(outside))
