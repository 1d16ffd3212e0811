"""The word ranges that the tests of our own narrators use, by corpus."""

from __future__ import annotations

from vn.score.paper import paper
from vn.story import Language, WordRangeRule

DEMO = WordRangeRule("duration", margin=2)  # in English, as in experiments/demo.yaml


def usual_rule(corpus: str | None, language: Language) -> WordRangeRule:
    """As in the shipped experiments: by references for the paper's corpora, else by duration.

    >>> usual_rule("e-syncvidstory", "zh").source, usual_rule(None, "zh").source
    ('reference', 'duration')

    Args:
        corpus: name of the corpus in the data's manifest; None if it has none.
        language: language of the stories.
    """
    if corpus in paper().corpora:
        return WordRangeRule("reference")
    return DEMO if (corpus, language) == ("demo", "en") else WordRangeRule("duration")
