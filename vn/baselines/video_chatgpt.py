"""``vn baseline video-chatgpt``: pooled patches of CLIP, one linear layer, and LLaMA (Maaz et al. 2023), clip by clip.

Patches are those of a data folder with the frame encoder ``clip-l14-patches``, or computed from frames if there are
``--encoder-weights``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vn.baselines.clip_options import add_clip_arguments, clip_writer
from vn.baselines.context import Context
from vn.baselines.writer import Writer
from vn.errors import InputError
from vn.extras import require

if TYPE_CHECKING:
    from vn.baselines.video_chatgpt_model import Patches

ENCODER = "clip-l14-patches"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this baseline."""
    parser.add_argument(
        "--base-model", required=True, metavar="NAME", help="LLaMA or Vicuna: a folder, a GGUF file or a hub name"
    )
    parser.add_argument(
        "--projector",
        required=True,
        type=Path,
        metavar="FILE",
        help="the linear layer, mm_projector.weight and .bias (.bin or .safetensors), perhaps with weights of the "
        "language model",
    )
    add_clip_arguments(parser)


def open_writer(args: argparse.Namespace, context: Context) -> Writer:
    """The writer of this baseline; see `vn.baselines.names`."""
    require("torch", "transformers", "open_clip")
    from vn.baselines.video_chatgpt_model import VideoChatGpt

    def load() -> VideoChatGpt:
        return VideoChatGpt(args.base_model, args.projector, _patches(args, context), args.dtype, args.device)

    return clip_writer(load, args, context)


def _patches(args: argparse.Namespace, context: Context) -> Patches:
    """Patches stored in the data folder, or computed from frames with ``--encoder-weights``."""
    from vn.baselines.video_chatgpt_model import EncodedPatches, StoredPatches

    if args.encoder not in (None, ENCODER):
        raise InputError(f"Video-ChatGPT is shown patches of {ENCODER}, not of {args.encoder}", field="--encoder")
    if args.encoder_weights:
        from vn.data.encoders.clip_patches import ClipPatches

        encoder = ClipPatches([Path(file).expanduser() for file in args.encoder_weights], dtype=args.dtype)
        return EncodedPatches(encoder, args.device)
    if context.manifest is not None and context.manifest.encoder.get("id") == ENCODER:
        return StoredPatches(context.manifest.encoder)
    where = "the data folder has other features" if context.manifest is not None else "there is no data folder"
    raise InputError(f"needs CLIP ViT-L/14 to compute patches, since {where}", field="--encoder-weights")
