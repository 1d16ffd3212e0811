"""``vn baseline video-chat``: a vision-language model of transformers, clip by clip (the paper's Video-LLaVA)."""

from __future__ import annotations

import argparse

from vn.baselines.clip_options import add_clip_arguments, clip_writer
from vn.baselines.context import Context
from vn.baselines.writer import Writer
from vn.errors import InputError
from vn.extras import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this baseline."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="FOLDER|NAME",
        help="a vision-language model of transformers: LLaVA-1.5, Video-LLaVA, Qwen2.5-VL, SmolVLM, ...",
    )
    parser.add_argument(
        "--frames",
        type=int,
        metavar="N",
        help="frames of each clip that it is shown (default: 8, or the middle one if the model takes no videos)",
    )
    add_clip_arguments(parser)


def open_writer(args: argparse.Namespace, context: Context) -> Writer:
    """The writer of this baseline; see `vn.baselines.names`."""
    require("torch", "transformers", "torchvision")
    from vn.baselines.vision_model import VisionModel

    if args.frames is not None and args.frames < 1:
        raise InputError(f"expected at least one frame, got {args.frames}", field="--frames")
    return clip_writer(lambda: VisionModel(args.model, args.frames, args.dtype, args.device), args, context)
