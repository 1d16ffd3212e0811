"""Agreement of script labels, predicted against the reference's (docs/method.md#script-label-accuracy).

The paper does not state when labels joined by ``+`` agree. Our rule: the sets intersect; set equality is reported too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vn.errors import InputError
from vn.story import ScriptLabel


def agree(predicted: Sequence[ScriptLabel], reference: Sequence[ScriptLabel]) -> bool:
    """Whether both have a label in common."""
    return bool(set(predicted) & set(reference))


def agree_exactly(predicted: Sequence[ScriptLabel], reference: Sequence[ScriptLabel]) -> bool:
    """Whether both have the same labels, in any order."""
    return set(predicted) == set(reference)


def label_agreement(
    predicted: Sequence[Sequence[ScriptLabel]], reference: Sequence[Sequence[ScriptLabel]]
) -> tuple[float, float]:
    """The shares of clips whose labels intersect and whose labels are equal, 0 to 1.

    Args:
        predicted: labels of each clip; may be empty (none of the 12 was written), which never agrees.
        reference: labels of each clip, at least one.

    Raises:
        InputError: no clips, different numbers of clips, or a clip without reference labels.

    >>> sore, trial, effect = ScriptLabel.SORE_POINT, ScriptLabel.TRIAL, ScriptLabel.EFFECT
    >>> label_agreement([[sore], [trial, effect]], [[sore], [effect]])
    (1.0, 0.5)
    """
    if not predicted or len(predicted) != len(reference):
        raise InputError(f"labels of {len(predicted)} clips, but reference labels of {len(reference)}")
    if not all(reference):
        raise InputError("a clip has no reference labels")
    pairs = list(zip(predicted, reference, strict=True))
    return sum(agree(p, r) for p, r in pairs) / len(pairs), sum(agree_exactly(p, r) for p, r in pairs) / len(pairs)


def cohen_kappa(first: Sequence[Sequence[ScriptLabel]], second: Sequence[Sequence[ScriptLabel]]) -> float | None:
    """Cohen's kappa (1960) of two judges: agreement beyond chance, each set of labels being a category of its own.

    Args:
        first: one judge's labels of each text; may be empty (an answer that could not be read).
        second: the other's labels of the same texts.

    Returns:
        At most 1; None if chance agreement is 1 (both judges always give the same answer), or without texts.

    >>> sore, trial = ScriptLabel.SORE_POINT, ScriptLabel.TRIAL
    >>> cohen_kappa([[sore], [trial], [sore], [sore]], [[sore], [trial], [trial], [sore]])
    0.5
    """
    if len(first) != len(second):
        raise InputError(f"one judge has {len(first)} verdicts, the other {len(second)}")
    pairs = [(frozenset(a), frozenset(b)) for a, b in zip(first, second, strict=True)]
    if not pairs:
        return None
    agreed = sum(a == b for a, b in pairs) / len(pairs)
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(ours[category] * theirs[category] for category in ours) / len(pairs) ** 2
    return None if chance == 1 else (agreed - chance) / (1 - chance)
