"""Frame encoders, by name; one file each.

A new encoder of decoded frames is a `PictureEncoder` (`vn.data.encoders.picture`) in a module of its own and a line
in `ENCODERS`; `vn.data.frames.FrameEncoder` is the whole interface.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.data.encoders.settings import EncoderSettings
from vn.data.frames import FrameEncoder
from vn.errors import InputError, did_you_mean

ENCODERS: dict[str, tuple[str, str]] = {
    "efficientnet-lite0": ("vn.data.encoders.efficientnet", "EfficientNetLite0"),
    "features": ("vn.data.encoders.features", "StoredFeatures"),
    "pickles": ("vn.data.encoders.clip_pickles", "ClipPickles"),
    "blip2-clip-l14": ("vn.data.encoders.blip2", "Blip2ClipL14"),
    "lavis": ("vn.data.encoders.lavis", "Lavis"),
    "chinese-clip": ("vn.data.encoders.grid", "ChineseClip"),
}
STORED = ("features", "pickles")  # computed elsewhere
OPEN_CLIP = "open-clip:"  # followed by the name of a model
WEIGHTED = ("blip2-clip-l14", "lavis", "chinese-clip")  # need weights files
DTYPES = ("float32", "float16", "bfloat16")

__all__ = [
    "DTYPES",
    "ENCODERS",
    "EncoderSettings",
    "check_encoder",
    "encoder_entry",
    "load_encoder",
    "load_matching_encoder",
]


def load_encoder(name: str, settings: EncoderSettings | None = None) -> FrameEncoder:
    """A frame encoder by name.

    Args:
        name: one of `ENCODERS`, or ``open-clip:<model>``.
        settings: None for the defaults.

    Raises:
        InputError: there is no such encoder, or its package or files are missing.
    """
    settings = settings or EncoderSettings()
    known = [*ENCODERS, OPEN_CLIP + "<model>"]
    if name not in ENCODERS and not name.startswith(OPEN_CLIP):
        raise InputError(f"no frame encoder {name!r}{did_you_mean(name, ENCODERS)}; there are {', '.join(known)}")
    if settings.fps <= 0:
        raise InputError(f"expected frames per second above 0, got {settings.fps:g}", field="fps")
    module, class_name = ENCODERS.get(name, ("vn.data.encoders.grid", "OpenClip"))
    options: dict[str, Any] = {"fps": settings.fps}
    if name in STORED:
        if settings.features is None:
            raise InputError(f"the frame encoder {name!r} needs the folder of the features", field="features")
        options["folder"] = Path(settings.features)
        if name == "pickles":
            options["clips"] = settings.clips or {}
        else:
            options["groups"] = settings.groups
    elif name in WEIGHTED or name.startswith(OPEN_CLIP):
        if not settings.weights:
            raise InputError(
                f"the frame encoder {name!r} needs its weights: give the checkpoint files with --encoder-weights",
                field="--encoder-weights",
            )
        options["weights"] = [str(Path(file).expanduser()) for file in settings.weights]
        if name == "lavis":
            options["python"] = settings.python
        if settings.dtype is not None:
            if name == "lavis":
                raise InputError("the frame encoder 'lavis' computes in float32", field="--encoder-dtype")
            if settings.dtype not in DTYPES:
                raise InputError(f"expected {', '.join(DTYPES)}, got {settings.dtype!r}", field="--encoder-dtype")
            options["dtype"] = settings.dtype
    elif settings.weights:
        raise InputError(f"the frame encoder {name!r} does not take weights", field="--encoder-weights")
    if settings.block is not None:
        if name not in ("blip2-clip-l14", "lavis"):
            raise InputError(f"the frame encoder {name!r} has no block to choose", field="--encoder-block")
        options["block"] = settings.block
    if name.startswith(OPEN_CLIP):
        options["model"] = name.removeprefix(OPEN_CLIP)
    encoder: FrameEncoder = getattr(importlib.import_module(module), class_name)(**options)
    return encoder


def encoder_entry(encoder: FrameEncoder) -> dict[str, Any]:
    """The entry for an encoder in manifests and adapters."""
    return {"id": encoder.id, "settings": dict(encoder.settings), "weights_sha256": encoder.weights_sha256}


def check_encoder(entry: Mapping[str, Any], encoder: FrameEncoder, tokens: int, width: int) -> None:
    """Raise unless an encoder computes the features that a manifest or an adapter was made with.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        encoder: the encoder to check.
        tokens: its T.
        width: its D.
    """
    ours = encoder_entry(encoder)
    for name in ("id", "weights_sha256", "settings"):
        if entry.get(name) != ours[name]:
            raise InputError(f"made with {entry.get(name)!r}, but now it is {ours[name]!r}", field=f"encoder.{name}")
    if (tokens, width) != (encoder.tokens, encoder.width):
        raise InputError(
            f"made for frames of {tokens} x {width}, but {encoder.id} gives {encoder.tokens} x {encoder.width}",
            field="encoder",
        )


def load_matching_encoder(
    entry: Mapping[str, Any], tokens: int, width: int, weights: Sequence[str | Path] = ()
) -> FrameEncoder:
    """The encoder that a manifest or an adapter names, for new videos.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        tokens: its T.
        width: its D.
        weights: paths of its weights, if it has any.

    Raises:
        InputError: it is not available, has other weights or settings, or does not take videos.
    """
    name = str(entry.get("id"))
    if name in STORED:
        raise InputError(
            "the narrator was trained on stored features; a raw video needs the encoder they came from",
            field="encoder.id",
        )
    made_with = entry.get("settings") or {}
    settings = EncoderSettings(
        fps=float(made_with.get("fps", 1.0)),
        weights=weights,
        block=made_with.get("block"),
        dtype=made_with.get("dtype"),
    )
    encoder = load_encoder(name, settings)
    check_encoder(entry, encoder, tokens, width)
    return encoder
