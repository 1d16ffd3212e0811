"""How a test is scored: the settings that ``vn score``, ``vn compare`` and Python share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vn.metrics.meteor import Matcher
from vn.metrics.tokenisation import Tokenisation
from vn.score.models import ScoringModels


@dataclass(frozen=True)
class ScoreSettings:
    """How to measure.

    Attributes:
        tokenisation: tokenisation of BLEU, METEOR and CIDEr; a name, or None for the language's own (en ``ptb``, zh
            ``char``).
        meteor: METEOR's matcher, ``exact`` or ``jar``.
        user_dictionary: words that jieba keeps whole in intra-repetition, InfoSim and InfoDiverse: the ``stories``'
            titles and points, as in the released evaluation, ``none``, or a file (`vn.metrics.user_dictionary`).
        models: encoders and judges; metrics whose model is missing are not computed.
        metrics: metrics to add, by the names that packages register or ``module:Name`` (`vn.score.plugin_metrics`).
    """

    tokenisation: Tokenisation | str | None = None
    meteor: Matcher = "exact"
    user_dictionary: str | Path = "stories"
    models: ScoringModels = field(default_factory=ScoringModels)
    metrics: tuple[str, ...] = ()
