"""Intra-repetition: how much of a story's narrations stood in its earlier ones (Yao et al. 2019; spec "Metrics")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from vn.errors import InputError

Variant = Literal["paper", "released"]
Units = Sequence[str]

_STOPS = "，。"  # what the released computation takes for punctuation


def intra_repetition(stories: Sequence[Sequence[Units]], variant: Variant = "paper") -> float | None:
    """The mean over stories of two clips or more; None where there is none.

    Args:
        stories: for each story its clips in order, each as units (words); the caller chooses the tokenisation.
        variant: ``paper`` is the definition, 0 to 1; ``released`` the released computation, which may exceed 1.

    >>> intra_repetition([["a red cup".split(), "a blue cup".split(), "it shines".split()]])
    0.3333333333333333
    >>> intra_repetition([[["好看", "，"], ["好看", "，", "耐用"]]], "released")
    0.4
    """
    values = [value for clips in stories if (value := story_repetition(clips, variant)) is not None]
    return sum(values) / len(values) if values else None


def story_repetition(clips: Sequence[Units], variant: Variant = "paper") -> float | None:
    """The repetition of one story, or None where nothing can repeat.

    ``paper``: for each clip but the first, the share of its units that stand in an earlier clip; the mean over
    clips. A clip without units repeats nothing and tells nothing, so it is left out of the mean.
    ``released``: for each clip but the first, the number of (unit, earlier clip that holds it); the sum of it, over
    the units of all clips, after `joined`.
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
        written = [joined(units) for units in clips]
        total = sum(map(len, written))
        if len(clips) < 2 or not total:
            return None
        holders: Counter[str] = Counter()  # in how many earlier clips a unit stands
        repeated = 0
        for units in written:
            repeated += sum(holders[unit] for unit in units)
            holders.update(set(units))
        return repeated / total
    raise InputError(f"intra-repetition is 'paper' or 'released', not {variant!r}")


def joined(units: Units) -> list[str]:
    """The released computation's way with single characters (spec "Fine points of the released evaluation").

    A character that is not ``，`` or ``。`` is put behind the unit before it, as one more unit, unless that is ``，``
    or ``。``. One that is left then joins the next unit, or vanishes when that begins with it.

    >>> joined(["喝", "起来", "，", "很", "好", "吃"])
    ['喝起来', '，', '很好', '很好吃']
    """
    behind: list[str] = []
    for unit in units:
        alone = len(unit) == 1 and unit not in _STOPS
        behind.append(behind[-1] + unit if alone and behind and behind[-1] not in _STOPS else unit)
    done: list[str] = []
    for unit in reversed(behind):  # backwards, so that the next unit is done[-1]
        if len(unit) == 1 and unit not in _STOPS and done:
            if not done[-1].startswith(unit):
                done[-1] = unit + done[-1]
        else:
            done.append(unit)
    return done[::-1]
