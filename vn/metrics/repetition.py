"""Intra-repetition: how much of a story's narrations occurred in its earlier ones (Yao et al. 2019).

See docs/method.md#intra-repetition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from vn.errors import InputError

Variant = Literal["paper", "released"]
Units = Sequence[str]

_STOPS = ("，", "。")  # the only punctuation that the released computation handles


def intra_repetition(stories: Sequence[Sequence[Units]], variant: Variant = "paper") -> float | None:
    """The mean over the stories that have a value; None if there is none.

    Args:
        stories: for each story its clips in order, each as units (words); the caller chooses the tokenisation.
        variant: ``paper`` is the definition, 0 to 1; ``released`` the released computation, which may exceed 1.

    >>> intra_repetition([["a red cup".split(), "a blue cup".split(), "it shines".split()]])
    0.3333333333333333
    >>> intra_repetition([[["好看", "，"], ["好看", "，", "耐用"]]], "released")
    0.3333333333333333
    """
    values = [value for clips in stories if (value := story_repetition(clips, variant)) is not None]
    return sum(values) / len(values) if values else None


def story_repetition(clips: Sequence[Units], variant: Variant = "paper") -> float | None:
    """The repetition of one story, or None if nothing can repeat.

    Args:
        clips: the units of each clip, in order. ``released`` takes them as jieba's tagger cuts them, with
            punctuation and spaces, and makes its own units of them (`joined`).
        variant: ``paper``: for each clip but the first, the share of its units that an earlier clip has; the mean
            over clips. A clip without units is left out of the mean. ``released``: for each clip but the first, the
            number of pairs of a unit and an earlier clip that has it; their sum over the units of all clips. A clip
            without units is not counted as a clip, and a story needs two.
    """
    if variant == "paper":
        shares = []
        seen: set[str] = set()
        for i, units in enumerate(clips):
            if i and units:
                shares.append(sum(unit in seen for unit in units) / len(units))
            seen.update(units)
        return sum(shares) / len(shares) if shares else None
    if variant == "released":
        written = [units for clip in clips if (units := joined(clip))]
        if len(written) < 2:
            return None
        holders: Counter[str] = Counter()  # in how many earlier clips a unit occurs
        repeated = 0
        for units in written:
            repeated += sum(holders[unit] for unit in units)
            holders.update(set(units))
        return repeated / sum(map(len, written))
    raise InputError(f"intra-repetition is 'paper' or 'released', not {variant!r}")


def joined(words: Units) -> list[str]:
    """The units of the released computation: no single characters, which join a neighbour instead.

    A single character (a space, a letter, any punctuation but ``，`` and ``。``) becomes a copy of the word before it,
    as it was cut, with the character appended; the word itself stays a unit. If there is no word before it, or only
    ``，`` or ``。``, it is put in front of a copy of what follows, which stays as well: a unit, or a ``，`` or ``。``,
    which is not a unit of its own. It is dropped at the end of the text, and if what follows begins with it.

    Args:
        words: as jieba's tagger cuts the text.

    >>> joined(["喝", "起来", "，", "很", "好", "吃"])
    ['喝起来', '起来', '很好', '好吃']
    >>> joined(["a1", "b", "c"])
    ['a1', 'a1b', 'bc']
    >>> joined(["耐用", "。", "棒", "。", "棒"])
    ['耐用', '棒。']
    """
    behind = list(words)
    for i in range(1, len(words)):
        if len(words[i]) == 1 and words[i] not in _STOPS and words[i - 1] not in _STOPS:
            behind[i] = words[i - 1] + words[i]
    units = []
    for i, unit in enumerate(behind):
        following = behind[i + 1] if i + 1 < len(behind) else ""
        if len(unit) != 1:
            units.append(unit)
        elif unit not in _STOPS and following and not following.startswith(unit):
            units.append(unit + following)
    return units
