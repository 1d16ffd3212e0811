"""BLEU, METEOR and CIDEr of a test against its references, as sums over videos (`vn.score.sums`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vn.metrics.bleu import ORDERS, bleu_of, bleu_statistics
from vn.metrics.bootstrap import Finish, mean
from vn.metrics.cider import cider_segments
from vn.metrics.meteor import Matcher, meteor_of, meteor_statistics
from vn.metrics.ngrams import Tokens
from vn.metrics.tokenisation import DEFAULT, tokenisation_named
from vn.score.predictions import Test
from vn.score.released_text import Pair, released_pair
from vn.score.settings import ScoreSettings
from vn.score.sums import Measured, NotComputed, of_clips, with_count

BLEU = tuple(f"bleu_{n}" for n in range(1, ORDERS + 1))
RELEASED = "_released"
TEXT = (*BLEU, "meteor", "cider")
TEXT_RELEASED = tuple(f"{name}{RELEASED}" for name in TEXT)


def measure_text(
    test: Test, settings: ScoreSettings, names: Collection[str], on_step: Callable[[str], None]
) -> Measured:
    """BLEU, METEOR and CIDEr of the texts as they are, and as the released evaluation prepares them.

    Args:
        test: what `vn.score.predictions.gather` gives.
        settings: tokenisation and METEOR's matcher.
        names: which metrics of `TEXT` and `TEXT_RELEASED`.
        on_step: called with what is computed next.
    """
    tokenisation = settings.tokenisation or DEFAULT[test.language]
    if isinstance(tokenisation, str):
        tokenisation = tokenisation_named(tokenisation)
    clips = [clip for clip in test.clips if clip.reference]
    pairs = {"": [Pair(clip, clip.narration, clip.reference or "") for clip in clips]}
    measured: Measured = {}
    if test.language == "zh":
        pairs[RELEASED] = [pair for clip in clips if (pair := released_pair(clip)) is not None]
    else:
        measured |= dict.fromkeys(TEXT_RELEASED, NotComputed("the released computation is one of Chinese texts"))
    hypotheses = {suffix: [tokenisation.tokens(pair.narration) for pair in own] for suffix, own in pairs.items()}
    references = {suffix: [[tokenisation.tokens(pair.reference)] for pair in own] for suffix, own in pairs.items()}
    meteors = _meteor_rows(hypotheses, references, settings.meteor, names, on_step)

    def add(name: str, suffix: str, rows: NDArray[np.float64], variant: str | None) -> None:
        variant = ", ".join(filter(None, (variant, suffix.removeprefix("_")))) or None
        scored = [pair.clip for pair in pairs[suffix]]
        measured[f"{name}{suffix}"] = of_clips(test, scored, rows, finish_of(name), tokenisation.name, variant)

    for suffix in pairs:
        wanted = [name for name in TEXT if f"{name}{suffix}" in names]
        if not pairs[suffix]:
            why = "no clip has 4 characters or more in both texts" if suffix else "no clip has a reference"
            measured |= dict.fromkeys((f"{n}{suffix}" for n in wanted), NotComputed(why))
            continue
        if any(name in wanted for name in BLEU):
            on_step("BLEU")
            counts = bleu_statistics(hypotheses[suffix], references[suffix])
            for name in BLEU:
                add(name, suffix, counts, None)
        if suffix in meteors:
            add("meteor", suffix, meteors[suffix], settings.meteor)
        if "cider" in wanted:
            on_step("CIDEr")
            if len(pairs[suffix]) > 1:
                scores = cider_segments(hypotheses[suffix], references[suffix])
                add("cider", suffix, with_count(scores), "cider-d")
            else:
                why = "document frequencies need two clips with a reference or more"
                measured[f"cider{suffix}"] = NotComputed(why)
    return measured


def _meteor_rows(
    hypotheses: Mapping[str, Sequence[Tokens]],
    references: Mapping[str, Sequence[Sequence[Tokens]]],
    matcher: Matcher,
    names: Collection[str],
    on_step: Callable[[str], None],
) -> dict[str, NDArray[np.float64]]:
    """METEOR's statistics by suffix, all in one call: the jar takes long to start."""
    wanted = [suffix for suffix, own in hypotheses.items() if own and f"meteor{suffix}" in names]
    if not wanted:
        return {}
    on_step("METEOR")
    rows = meteor_statistics(
        [text for suffix in wanted for text in hypotheses[suffix]],
        [texts for suffix in wanted for texts in references[suffix]],
        matcher,
    )
    ends = np.cumsum([len(hypotheses[suffix]) for suffix in wanted])[:-1]
    return dict(zip(wanted, np.split(rows, ends), strict=True))


def finish_of(name: str) -> Finish:
    """How a metric is computed from its summed rows."""
    name = name.removesuffix(RELEASED)
    if name in BLEU:
        order = BLEU.index(name)
        return lambda sums: bleu_of(sums)[..., order]
    return meteor_of if name == "meteor" else mean
