"""The options of baselines that write clip by clip, and the writer that they make."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vn.baselines.clip_prompt import ClipTemplate
from vn.baselines.context import Context
from vn.baselines.translate import add_translate_arguments, open_translator
from vn.endpoints.options import add_shared_options
from vn.errors import InputError
from vn.story import Language

if TYPE_CHECKING:
    from vn.baselines.clip_by_clip import ClipByClip, Translation
    from vn.baselines.clip_model import ClipModel

PIVOT: Language = "en"  # what models that need --translate are asked in
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
    add_shared_options(parser)
    add_translate_arguments(parser)


def clip_writer(model: ClipModel, args: argparse.Namespace, context: Context) -> ClipByClip:
    """The writer of a model with these options.

    Raises:
        InputError: an option or the template is wrong.
    """
    from vn.baselines.clip_by_clip import ClipByClip

    if args.length_retries < 0:
        raise InputError(f"expected a number from 0, got {args.length_retries}", field="--length-retries")
    translation = _translation(args, context)
    language = PIVOT if translation else context.language
    template = ClipTemplate.load(language, context.domain, args.template)
    return ClipByClip(model, template, context.cache, args.length_retries, translation)


def _translation(args: argparse.Namespace, context: Context) -> Translation | None:
    """The translators of ``--translate``, for models that know English only.

    Raises:
        InputError: the stories are in English.
    """
    from vn.baselines.clip_by_clip import Translation

    to_story = open_translator(args, context, "narrations of a video")
    to_prompt = open_translator(args, context, "what is known about a product or a video", PIVOT)
    if to_story is None or to_prompt is None:
        return None
    if context.language == PIVOT:
        raise InputError("the stories are in English, as the questions are", field="--translate")
    return Translation(to_prompt, to_story)
