"""Frame encoders, by name; one file each.

A new encoder that sees pictures is a `PictureEncoder` (`vn.data.encoders.picture`) in a module of its own and a line
in `ENCODERS`; `vn.data.frames.FrameEncoder` is the whole border.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.data.frames import FrameEncoder
from vn.errors import InputError, did_you_mean

ENCODERS: dict[str, tuple[str, str]] = {
    "efficientnet-lite0": ("vn.data.encoders.efficientnet", "EfficientNetLite0"),
    "features": ("vn.data.encoders.features", "StoredFeatures"),
}

__all__ = ["ENCODERS", "check_encoder", "encoder_entry", "load_encoder", "load_matching_encoder"]


def load_encoder(name: str, *, fps: float = 1.0, features: str | Path | None = None) -> FrameEncoder:
    """A frame encoder by name.

    Args:
        name: one of `ENCODERS`.
        fps: frames a second to sample.
        features: the folder of stored features, for the encoder ``features``.

    Raises:
        InputError: no such encoder, its package is missing, or its files are.
    """
    if name not in ENCODERS:
        raise InputError(f"no frame encoder {name!r}{did_you_mean(name, ENCODERS)}; there are {', '.join(ENCODERS)}")
    if fps <= 0:
        raise InputError(f"expected frames a second above 0, got {fps:g}", field="fps")
    module, class_name = ENCODERS[name]
    options: dict[str, Any] = {"fps": fps}
    if name == "features":
        if features is None:
            raise InputError("the frame encoder 'features' needs the folder of the features", field="features")
        options["folder"] = Path(features)
    try:
        return getattr(importlib.import_module(module), class_name)(**options)
    except ImportError as error:
        raise InputError(
            f"the frame encoder {name!r} needs the package {error.name!r}: pip install 'videonarrator[train,video]'"
        ) from None


def encoder_entry(encoder: FrameEncoder) -> dict[str, Any]:
    """What manifests and adapters note of an encoder."""
    return {"id": encoder.id, "settings": dict(encoder.settings), "weights_sha256": encoder.weights_sha256}


def check_encoder(entry: Mapping[str, Any], encoder: FrameEncoder, tokens: int, width: int) -> None:
    """Raise unless an encoder gives the features that a manifest or an adapter was made with.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        encoder: the one at hand.
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


def load_matching_encoder(entry: Mapping[str, Any], tokens: int, width: int) -> FrameEncoder:
    """The encoder that a manifest or an adapter names, for new videos.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        tokens: its T.
        width: its D.

    Raises:
        InputError: it is not here, has other weights or settings, or takes no videos.
    """
    name = entry.get("id")
    if name == "features":
        raise InputError(
            "the narrator was trained on stored features; a raw video needs the encoder they came from",
            field="encoder.id",
        )
    encoder = load_encoder(str(name), fps=float((entry.get("settings") or {}).get("fps", 1.0)))
    check_encoder(entry, encoder, tokens, width)
    return encoder
