"""Frame encoders of other packages: built from the same settings, and checked to be whole."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from vn.data.encoders.settings import EncoderSettings
from vn.data.frames import FrameEncoder
from vn.errors import InputError
from vn.plugins import Extension

NEEDED = ("tokens", "width", "standardise", "similarity_threshold", "settings", "weights_sha256", "needs_video")
PACKAGE = "package"  # attribute with the distribution that registers the encoder
METHODS = ("batches", "encode", "fingerprint")
FLAGS = {"weights": "--encoder-weights", "block": "--encoder-block", "dtype": "--encoder-dtype", "folder": "--features"}


def load_plugin(extension: Extension, settings: EncoderSettings) -> FrameEncoder:
    """Build an encoder that a package registers or this call names.

    It is called with ``fps``, and with ``weights``, ``block``, ``dtype`` and ``folder`` (the one with stored features)
    if they are given. Its ``id`` becomes the name that it is asked for by, so that manifests name what can be found.

    Raises:
        InputError: it cannot be imported or built, does not take an option, or lacks what `FrameEncoder` asks for.
    """
    build = extension.load()
    what = f"the frame encoder {extension.name!r}"
    options: dict[str, Any] = {
        "fps": settings.fps,
        "weights": [str(Path(file).expanduser()) for file in settings.weights] or None,
        "block": settings.block,
        "dtype": settings.dtype,
        "folder": None if settings.features is None else Path(settings.features),
    }
    options = {name: value for name, value in options.items() if value is not None}
    try:
        taken = inspect.signature(build).parameters
    except (TypeError, ValueError):
        raise InputError(f"{what} cannot be called: {extension.target} is not a class or function") from None
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken.values()):
        for name in options:
            if name not in taken:
                raise InputError(f"{what} takes no {name}", field=FLAGS.get(name, "--fps"))
    try:
        encoder: FrameEncoder = build(**options)
    except InputError:
        raise
    except Exception as error:  # another's code: what it raises is one sentence that names it
        raise InputError(f"{what} cannot be built: {type(error).__name__}: {error}") from error
    lost = [name for name in (*NEEDED, *METHODS) if not hasattr(encoder, name)]
    if lost:
        raise InputError(f"{what} has no {', '.join(lost)}; see vn.data.frames.FrameEncoder")
    if "fps" not in encoder.settings:
        raise InputError(f"{what} has settings without fps; see vn.data.frames.FrameEncoder")
    encoder.id = extension.name
    setattr(encoder, PACKAGE, extension.package)
    return encoder
