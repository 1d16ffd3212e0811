"""What the n-gram metrics share: segments of tokens, and their n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vn.errors import InputError

Tokens = Sequence[str]


def check_segments(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
    """Check that each segment has one hypothesis, which may be empty, and at least one reference, as token lists.

    Raises:
        InputError: it does not.
    """
    if not hypotheses:
        raise InputError("there is nothing to score")
    if len(hypotheses) != len(references):
        raise InputError(f"{len(hypotheses)} hypotheses, but {len(references)} lists of references")
    for i, (hypothesis, choices) in enumerate(zip(hypotheses, references, strict=True)):
        if not choices:
            raise InputError("has no reference", sample=f"segment {i}")
        if any(isinstance(tokens, str) for tokens in (hypothesis, choices, *choices)):
            raise InputError("expected lists of tokens, got a text", sample=f"segment {i}")


def ngrams(tokens: Tokens, order: int) -> Counter[tuple[str, ...]]:
    """How often each n-gram of `order` tokens occurs.

    >>> ngrams("a b a b".split(), 2)
    Counter({('a', 'b'): 2, ('b', 'a'): 1})
    """
    return Counter(zip(*(tokens[i:] for i in range(order)), strict=False))
