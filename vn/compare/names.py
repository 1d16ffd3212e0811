"""Metrics for readers: titles, groups, and how their numbers are written."""

from __future__ import annotations

from typing import NamedTuple

from vn.compare.study import LOWER_IS_BETTER


class Shown(NamedTuple):
    """How a metric is shown: its title, its group, and whether higher is better."""

    title: str
    group: str
    higher: bool


TEXT, CONTROL, CONTENT, FACTS = "Words of the reference", "Storyline and length", "Content", "Facts of the story"
HUMAN = "Ratings by people"
_KNOWN = {
    "bleu_1": ("BLEU-1", TEXT),
    "bleu_2": ("BLEU-2", TEXT),
    "bleu_3": ("BLEU-3", TEXT),
    "bleu_4": ("BLEU-4", TEXT),
    "meteor": ("METEOR", TEXT),
    "cider": ("CIDEr", TEXT),
    "bleu_1_released": ("BLEU-1 (released)", TEXT),
    "bleu_2_released": ("BLEU-2 (released)", TEXT),
    "bleu_3_released": ("BLEU-3 (released)", TEXT),
    "bleu_4_released": ("BLEU-4 (released)", TEXT),
    "meteor_released": ("METEOR (released)", TEXT),
    "cider_released": ("CIDEr (released)", TEXT),
    "word_length_accuracy": ("Words in range", CONTROL),
    "intra_repetition": ("Intra-repetition", CONTROL),
    "intra_repetition_released": ("Intra-repetition (released)", CONTROL),
    "label_agreement": ("Label agreement", CONTROL),
    "label_exact": ("Labels equal", CONTROL),
    "script_label_accuracy": ("Script label (judge)", CONTROL),
    "emscore": ("EMScore", CONTENT),
    "emscore_ref": ("EMScore ref", CONTENT),
    "emscore_released": ("EMScore (released)", CONTENT),
    "emscore_ref_released": ("EMScore ref (released)", CONTENT),
    "info_sim": ("InfoSim", CONTENT),
    "info_sim_released": ("InfoSim (released)", CONTENT),
    "info_diverse": ("InfoDiverse", CONTENT),
    "info_diverse_released": ("InfoDiverse (released)", CONTENT),
    "human_relevance": ("Relevance", HUMAN),
    "human_attractiveness": ("Attractiveness", HUMAN),
    "human_coherence": ("Coherence", HUMAN),
    "human_geometric_mean": ("Geometric mean", HUMAN),
    "facts": ("Facts, all", FACTS),
    "facts_picture": ("Facts from the frames", FACTS),
    "facts_earlier_picture": ("Facts from earlier frames", FACTS),
    "facts_earlier_text": ("Facts from earlier text", FACTS),
    "facts_position": ("Facts from the position", FACTS),
    "facts_label": ("Facts from the label", FACTS),
    "facts_knowledge": ("Facts from the knowledge", FACTS),
}
COSTS = {"visual_tokens": ("Visual tokens per clip", 1.0, 1), "flops": ("GFLOP per clip in training", 1e-9, 2)}


def shown(metric: str) -> Shown:
    """How to show a metric; an unknown one keeps its name.

    >>> shown("cider")
    Shown(title='CIDEr', group='Words of the reference', higher=True)
    """
    title, group = _KNOWN.get(metric, (metric.replace("_", " "), CONTENT))
    return Shown(title, group, metric not in LOWER_IS_BETTER)


def percent(value: float | None, sign: bool = False, digits: int = 1) -> str:
    """A raw score times 100, with a true minus sign.

    >>> percent(-0.0123, sign=True)
    '−1.2'
    """
    if value is None:
        return "–"
    text = f"{100 * value:+.{digits}f}" if sign else f"{100 * value:.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", "−")


def p_text(p: float) -> str:
    """A p-value in few characters.

    >>> p_text(0.0006), p_text(0.0412)
    ('p < 0.001', 'p = 0.041')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
