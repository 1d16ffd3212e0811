"""The option of ``vn annotate`` for reviews, and its stage."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from vn.annotate.review.drafts import PAGES
from vn.annotate.review.stage import ReviewStage


def add_review_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--reviewer``."""
    parser.add_argument_group("review").add_argument(
        "--reviewer",
        action="append",
        default=[],
        metavar="NAME",
        help="whose review counts if two reviewers disagree (repeatable, the first one first; default: stop there)",
    )


def review_stage(args: argparse.Namespace, stories: Path, videos: Collection[str] | None = None) -> ReviewStage:
    """The stage that reads the review files of a folder of stories.

    Args:
        args: with the option of `add_review_options`.
        stories: the ``--out`` folder.
        videos: ids of all videos of the command.

    Raises:
        InputError: a review file is bad, or nobody is called as ``--reviewer`` says.
    """
    return ReviewStage(stories / PAGES, args.reviewer, videos)
