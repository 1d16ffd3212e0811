"""``vn compare`` from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vn.compare.runs import find_runs
from vn.compare.study import Study, study
from vn.score.settings import ScoreSettings


def compare_runs(
    runs: str | Path | Sequence[str | Path],
    baseline: str | None = None,
    settings: ScoreSettings | None = None,
    seed: int = 0,
    common_videos: bool = False,
) -> Study:
    """Compare runs: their numbers, and their differences from a baseline.

    Args:
        runs: run folders, or folders of run folders such as a sweep.
        baseline: the variant that others are compared with; None takes ``full``, else the first.
        settings: how to measure; None takes each metric's default.
        seed: random seed of the resampling behind the intervals.
        common_videos: compare on the videos that all runs have, instead of leaving out runs tested on others.

    Returns:
        The study: `numbers` and `deltas` by setting, variant and metric. ``vn compare`` makes the dashboard of it.

    Raises:
        InputError: no run can be read, or the baseline is not among them.

    Example:
        >>> study = compare_runs(["runs/mine", "runs/other"], baseline="full")
        >>> [variant.name for variant in study.variants], study.settings
        (['full', 'no_memory'], ('predicted', 'given'))
        >>> study.deltas["predicted"]["no_memory"]["cider"].value
        0.0
    """
    folders = [runs] if isinstance(runs, str | Path) else runs
    found, left_out = find_runs([Path(folder) for folder in folders])
    return study(found, left_out, settings or ScoreSettings(), baseline, seed, common_videos=common_videos)
