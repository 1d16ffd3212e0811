"""``vn score`` from Python."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from vn.errors import Findings
from vn.score.command import score_folder

logger = logging.getLogger(__name__)


def score_run(run: str | Path, **options: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Score the predictions of a run folder, and write its ``scores.json``.

    Args:
        run: the run folder; its ``stories.jsonl`` has the references.
        options: options of ``vn score``, by their long names with underscores, such as ``tokenisation="char"``.

    Returns:
        ``{setting: {metric: {value, tokenisation, variant, coverage, interval}}}``, on the raw scale; a metric that
        could not be computed has the value None and a ``why``. Warnings are logged by ``vn.score``.

    Raises:
        InputError: there are no predictions, or one of them is wrong.

    Example:
        >>> scores = score_run("runs/mine", sentences="none", judge="none")
        >>> sorted(scores)
        ['given', 'predicted']
        >>> scores["predicted"]["cider"]["tokenisation"]
        'ptb'
    """
    findings = Findings()
    scores = score_folder(run, findings, **options)
    if findings:
        logger.warning(findings.summary())
    return scores
