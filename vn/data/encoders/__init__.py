"""Frame encoders, by name; one file each.

A new encoder that sees pictures is a `PictureEncoder` (`vn.data.encoders.picture`) in a module of its own and a line
in `ENCODERS`; `vn.data.frames.FrameEncoder` is the whole border.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
OPEN_CLIP = "open-clip:"  # and the name of a model
WEIGHTED = ("blip2-clip-l14", "lavis", "chinese-clip")  # that need files of weights
DTYPES = ("float32", "float16", "bfloat16")

__all__ = ["DTYPES", "ENCODERS", "check_encoder", "encoder_entry", "load_encoder", "load_matching_encoder"]


def load_encoder(
    name: str,
    *,
    fps: float = 1.0,
    features: str | Path | None = None,
    weights: Sequence[str | Path] = (),
    block: int | None = None,
    dtype: str | None = None,
    clips: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    groups: Mapping[str, str] | None = None,
    python: str | Path | None = None,
) -> FrameEncoder:
    """A frame encoder by name.

    Args:
        name: one of `ENCODERS`, or ``open-clip:<model>``.
        fps: frames a second to sample.
        features: the folder of stored features, for the encoders ``features`` and ``pickles``.
        weights: files or folders of weights, for encoders that come without: none of them sees with random ones.
        block: of the CLIP trunk, for ``blip2-clip-l14`` and ``lavis`` (default: 23 and 21).
        dtype: that the vision tower computes in, for encoders with weights (default: ``float32``).
        clips: start and end of each video's clips, for ``pickles``.
        groups: the id of each story's video, for ``features`` named by videos.
        python: of an environment with LAVIS, for ``lavis`` (default: one that is made once).

    Raises:
        InputError: no such encoder, its package is missing, or its files are.
    """
    known = [*ENCODERS, OPEN_CLIP + "<model>"]
    if name not in ENCODERS and not name.startswith(OPEN_CLIP):
        raise InputError(f"no frame encoder {name!r}{did_you_mean(name, ENCODERS)}; there are {', '.join(known)}")
    if fps <= 0:
        raise InputError(f"expected frames a second above 0, got {fps:g}", field="fps")
    module, class_name = ENCODERS.get(name, ("vn.data.encoders.grid", "OpenClip"))
    options: dict[str, Any] = {"fps": fps}
    if name in STORED:
        if features is None:
            raise InputError(f"the frame encoder {name!r} needs the folder of the features", field="features")
        options["folder"] = Path(features)
        if name == "pickles":
            options["clips"] = clips or {}
        else:
            options["groups"] = groups
    elif name in WEIGHTED or name.startswith(OPEN_CLIP):
        if not weights:
            raise InputError(
                f"the frame encoder {name!r} needs its weights: give the checkpoint files with --encoder-weights",
                field="--encoder-weights",
            )
        options["weights"] = [str(Path(file).expanduser()) for file in weights]
        if name == "lavis":
            options["python"] = python
        if dtype is not None:
            if name == "lavis":
                raise InputError("the frame encoder 'lavis' computes in float32", field="--encoder-dtype")
            if dtype not in DTYPES:
                raise InputError(f"expected {', '.join(DTYPES)}, got {dtype!r}", field="--encoder-dtype")
            options["dtype"] = dtype
    elif weights:
        raise InputError(f"the frame encoder {name!r} takes no weights", field="--encoder-weights")
    if block is not None:
        if name not in ("blip2-clip-l14", "lavis"):
            raise InputError(f"the frame encoder {name!r} has no choice of a block", field="--encoder-block")
        options["block"] = block
    if name.startswith(OPEN_CLIP):
        options["model"] = name.removeprefix(OPEN_CLIP)
    return getattr(importlib.import_module(module), class_name)(**options)


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


def load_matching_encoder(
    entry: Mapping[str, Any], tokens: int, width: int, weights: Sequence[str | Path] = ()
) -> FrameEncoder:
    """The encoder that a manifest or an adapter names, for new videos.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        tokens: its T.
        width: its D.
        weights: where its weights lie, if it has any.

    Raises:
        InputError: it is not here, has other weights or settings, or takes no videos.
    """
    name = str(entry.get("id"))
    if name in STORED:
        raise InputError(
            "the narrator was trained on stored features; a raw video needs the encoder they came from",
            field="encoder.id",
        )
    settings = entry.get("settings") or {}
    encoder = load_encoder(
        name,
        fps=float(settings.get("fps", 1.0)),
        weights=weights,
        block=settings.get("block"),
        dtype=settings.get("dtype"),
    )
    check_encoder(entry, encoder, tokens, width)
    return encoder
