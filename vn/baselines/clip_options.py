"""The options of baselines that write clip by clip, and the writer that they make."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vn.baselines.clip_prompt import ClipTemplate
from vn.baselines.context import Context
from vn.baselines.translate import add_translate_arguments, open_translator
from vn.endpoints.options import Amount, Sent, add_shared_options
from vn.errors import InputError
from vn.story import Language

if TYPE_CHECKING:
    from vn.baselines.clip_by_clip import ClipByClip, Translation
    from vn.baselines.clip_model import ClipModel

PIVOT: Language = "en"  # what models that need --translate are asked in
KNOWN = 50  # a title, aspects and points: few products have more
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
    add_translate_arguments(parser, _translated)


def _translated(args: argparse.Namespace, amount: Amount) -> Sent:
    """How many texts are translated: narrations, and what is known about each video."""
    storylines = 1 if args.storyline else 2
    return Sent(texts=amount.videos * KNOWN + amount.clips * storylines * (1 + args.length_retries))


def clip_writer(load: Callable[[], ClipModel], args: argparse.Namespace, context: Context) -> ClipByClip:
    """The writer of a model with these options.

    Args:
        load: loads the model, after everything else was checked.
        args: the parsed options.
        context: what is known.

    Raises:
        InputError: an option or the template is wrong.
    """
    from vn.baselines.clip_by_clip import ClipByClip

    if args.length_retries < 0:
        raise InputError(f"expected a number from 0, got {args.length_retries}", field="--length-retries")
    translation = _translation(args, context)
    language = PIVOT if translation else context.language
    template = ClipTemplate.load(language, context.domain, args.template)
    return ClipByClip(load(), template, context.cache, args.length_retries, translation)


def _translation(args: argparse.Namespace, context: Context) -> Translation | None:
    """The translators of ``--translate``, for models that know English only.

    Raises:
        InputError: the stories are in English.
    """
    if not args.translate:
        return None
    if context.language == PIVOT:
        raise InputError("the stories are in English, as the questions are", field="--translate")
    from vn.baselines.clip_by_clip import Translation

    to_story = open_translator(args, context, "narrations of a video")
    to_prompt = open_translator(args, context, "what is known about a product or a video", PIVOT)
    return Translation(to_prompt, to_story) if to_prompt and to_story else None
