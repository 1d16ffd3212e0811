"""Frame encoders, by name; one file each.

A new encoder of decoded frames is a `PictureEncoder` (`vn.data.encoders.picture`) in a module of its own and a line
in `ENCODERS`, or in another package and a line in its metadata (docs/extending.md); `vn.data.frames.FrameEncoder` is
the whole interface.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.data.encoders.plugin import PACKAGE, load_plugin
from vn.data.encoders.revisions import newest, stored
from vn.data.encoders.settings import EncoderSettings
from vn.data.frames import FrameEncoder
from vn.errors import InputError
from vn.plugins import Extension, resolve

ENCODERS: dict[str, str] = {
    "efficientnet-lite0": "vn.data.encoders.efficientnet:EfficientNetLite0",  # the newest revision
    "efficientnet-lite0@2": "vn.data.encoders.efficientnet:EfficientNetLite0",
    "efficientnet-lite0@1": "vn.data.encoders.efficientnet_first:FirstEfficientNetLite0",
    "features": "vn.data.encoders.features:StoredFeatures",
    "pickles": "vn.data.encoders.clip_pickles:ClipPickles",
    "blip2-clip-l14": "vn.data.encoders.blip2:Blip2ClipL14",
    "lavis": "vn.data.encoders.lavis:Lavis",
    "clip-l14-cls": "vn.data.encoders.clip_cls:ClipCls",
    "chinese-clip": "vn.data.encoders.grid:ChineseClip",
    "clip-l14-patches": "vn.data.encoders.clip_patches:ClipPatches",
}
STORED = ("features", "pickles")  # computed elsewhere
OPEN_CLIP = "open-clip:"  # followed by the name of a model
WEIGHTED = ("blip2-clip-l14", "lavis", "clip-l14-cls", "clip-l14-patches", "chinese-clip")  # need weights files
OWN_WEIGHTS = ("efficientnet-lite0@1", "efficientnet-lite0@2")
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
        name: one of `ENCODERS` (without a revision: the newest), ``open-clip:<model>``, one that a package registers,
            or ``module:Name``.
        settings: None for the defaults.

    Raises:
        InputError: there is no such encoder, or its package or files are missing.
    """
    return _load(_find(name, allow_import=True), settings or EncoderSettings())


def _find(name: str, **stored: Any) -> Extension:
    if name.startswith(OPEN_CLIP):
        return Extension("encoder", name, "vn.data.encoders.grid:OpenClip")
    return resolve("encoder", name, {**ENCODERS, OPEN_CLIP + "<model>": ""}, **stored)


def _load(extension: Extension, settings: EncoderSettings) -> FrameEncoder:
    name = extension.name
    if settings.fps <= 0:
        raise InputError(f"expected frames per second above 0, got {settings.fps:g}", field="fps")
    if name not in ENCODERS and not name.startswith(OPEN_CLIP):
        return load_plugin(extension, settings)
    name = newest(name)
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
    if name in OWN_WEIGHTS and settings.dtype is not None:
        if name == "efficientnet-lite0@1":
            if settings.dtype != "float32":
                raise InputError(f"the frame encoder {name!r} computes in float32", field="--encoder-dtype")
        else:
            options["dtype"] = settings.dtype
    if settings.block is not None:
        if name not in ("blip2-clip-l14", "lavis"):
            raise InputError(f"the frame encoder {name!r} has no block to choose", field="--encoder-block")
        options["block"] = settings.block
    if name.startswith(OPEN_CLIP):
        options["model"] = name.removeprefix(OPEN_CLIP)
    encoder: FrameEncoder = extension.load()(**options)
    return encoder


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def encoder_entry(encoder: FrameEncoder) -> dict[str, Any]:
    """The entry for an encoder in manifests and adapters, with its package if it is from another one."""
    package = getattr(encoder, PACKAGE, None)
    return {
        "id": encoder.id,
        "settings": dict(encoder.settings),
        "weights_sha256": encoder.weights_sha256,
        **({"package": package} if package else {}),
    }


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
    entry: Mapping[str, Any],
    tokens: int,
    width: int,
    weights: Sequence[str | Path] = (),
    imports: Collection[str] = (),
    file: Path | None = None,
) -> FrameEncoder:
    """The encoder that a manifest or an adapter names, for new videos.

    Args:
        entry: its ``encoder``, see `encoder_entry`.
        tokens: its T.
        width: its D.
        weights: paths of its weights, if it has any.
        imports: each ``module:Name`` that this call allows to be imported.
        file: the file with the entry; errors name it.

    Raises:
        InputError: it is not available, its package is not installed, it has other weights or settings, or it does not
            take videos.
    """
    name = stored(str(entry.get("id")))
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
    found = _find(
        name, allow_import=name in imports, package=_text(entry.get("package")), file=file, field="encoder.id"
    )
    encoder = _load(found, settings)
    check_encoder(entry, encoder, tokens, width)
    return encoder
