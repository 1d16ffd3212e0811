"""The options of baselines that write clip by clip, and the writer that they make."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vn.baselines.clip_prompt import ClipTemplate
from vn.baselines.context import Context
from vn.errors import InputError

if TYPE_CHECKING:
    from vn.baselines.clip_by_clip import ClipByClip
    from vn.baselines.clip_model import ClipModel

DTYPES = ("float32", "float16", "bfloat16")


def add_clip_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of all baselines that write clip by clip."""
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="dtype of the weights (default: float32)")
    parser.add_argument("--device", help="e.g. cpu (default: CUDA if there is a GPU)")
    parser.add_argument("--template", type=Path, metavar="FILE", help="another wording of the prompt (YAML)")
    parser.add_argument(
        "--length-retries",
        type=int,
        default=0,
        metavar="N",
        help="ask again up to N times for a narration that is out of its range of words (default: 0)",
    )


def clip_writer(model: ClipModel, args: argparse.Namespace, context: Context) -> ClipByClip:
    """The writer of a model with these options.

    Raises:
        InputError: an option or the template is wrong.
    """
    from vn.baselines.clip_by_clip import ClipByClip

    if args.length_retries < 0:
        raise InputError(f"expected a number from 0, got {args.length_retries}", field="--length-retries")
    template = ClipTemplate.load(context.language, context.domain, args.template)
    return ClipByClip(model, template, context.cache, args.length_retries)
