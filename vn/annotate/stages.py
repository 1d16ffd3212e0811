"""The stages that a command asks for; each is imported only then."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.annotate.shots import ClipLengths, ShotStage
from vn.annotate.stage import STAGES, STEPS, Stage
from vn.data.shot_settings import ShotSettings, shot_settings
from vn.io.disk_cache import DiskCache


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is to be annotated, to estimate what a chat model is sent; see `vn.endpoints.options.Amount`."""

    videos: int
    clips: int = 0
    examples: int = 0


def stages_of(args: argparse.Namespace, videos: Sequence[str], cache: DiskCache) -> list[Stage]:
    """The stages that the options ask for, in their order, up to ``--until``.

    Args:
        args: the arguments of ``vn annotate``.
        videos: ids of all videos.
        cache: what chat models and others answered.

    Raises:
        InputError: an option is wrong, or what a stage needs is missing.
    """
    last = STEPS.index(args.until)
    lengths = ClipLengths(args.shortest, args.longest, args.longest_video)
    stages: list[Stage] = [ShotStage(shot_settings(args) or ShotSettings(), lengths, _activity)]
    if last >= STAGES.index("speech"):
        from vn.annotate.speech.options import speech_stage

        stages.append(speech_stage(args, cache))
    if last >= STAGES.index("on_screen"):
        from vn.annotate.text.options import text_stages

        stages += text_stages(args, cache, Amounts(len(videos)))
    if last >= STAGES.index("review"):
        from vn.annotate.review.options import review_stage

        stages.append(review_stage(args, args.out, videos))
    return [stage for stage in sorted(stages, key=lambda x: STAGES.index(x.name)) if STAGES.index(stage.name) <= last]


def _activity(file: Path) -> Sequence[tuple[float, float]]:
    """When somebody speaks; imported for the first shot that is too long."""
    from vn.annotate.speech.activity import activity

    found: Sequence[tuple[float, float]] = activity(file)
    return found
