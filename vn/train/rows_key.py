"""The key of kept rows: a hash of everything that the rows of a split are a function of.

The stories and features (the manifest's hash), the wording, the tokenizer, the settings, the code of this package, the
libraries that tokenise and compute, and the processor's instructions, since another order of a sum can change a bit.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vn.io import cache
from vn.llm.rows import RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.train.kept_rows import KeptRows
from vn.train.settings import DataSettings
from vn.train.splits import Splits

READ = ("train", "val")  # splits that are read in each epoch
LIBRARIES = ("numpy", "torch", "transformers", "tokenizers", "sentencepiece")


def rows_key(builder: RowBuilder, manifest_sha256: str, split: str, videos: int) -> str | None:
    """The key of a split's rows; None if something that they depend on is of an unknown kind, so that none are kept.

    Args:
        builder: builds the rows.
        manifest_sha256: hash of the data folder's manifest.
        split: whose rows.
        videos: how many of its videos are read.
    """
    tokens = tokenizer_identity(builder.tokens)
    code = code_sha256()
    if type(builder) is not RowBuilder or tokens is None or code is None:
        return None
    statistics = [None if each is None else np.asarray(each).tobytes().hex() for each in (builder.mean, builder.std)]
    settings = [builder.storyline, builder.words, builder.visual, builder.threshold, builder.frame_shape]
    settings += [builder.max_length, builder.template]
    parts = [code, _machine(), manifest_sha256, split, videos, statistics, repr(settings), tokens]
    return hashlib.sha256(json.dumps(parts).encode(errors="surrogatepass")).hexdigest()


def open_rows(settings: DataSettings, splits: Splits, split: str, builder: RowBuilder) -> KeptRows | None:
    """The rows that are kept of a split; None if none are to be.

    Args:
        settings: where they are, and how many.
        splits: the data folder's splits.
        split: ``train`` or ``val``.
        builder: builds the rows.
    """
    most = int(settings.rows_gb * 1e9)
    if most <= 0:
        return None
    folder = Path(settings.cache) if settings.cache is not None else cache.CACHE / "data"
    folders: dict[str, Path] = {}
    for each in READ:
        key = rows_key(builder, splits.manifest.sha256, splits.read(each), len(splits.samples(each)))
        if key is None:
            return None
        folders[each] = folder / "rows" / key
    return KeptRows(folders[split], splits.samples(split).column("narrated"), most, list(folders.values()))


def tokenizer_identity(tokens: SegmentTokenizer) -> str | None:
    """All that the ids of a text depend on; None for a tokenizer of another package than transformers and this one."""
    tokenizer: Any = tokens.tokenizer
    kind = type(tokenizer)
    if type(tokens) is not SegmentTokenizer or kind.__module__.partition(".")[0] not in ("transformers", "vn"):
        return None
    if getattr(tokenizer, "is_fast", False):
        made = tokenizer.backend_tokenizer.to_str()
    elif hasattr(tokenizer, "sp_model"):
        made = hashlib.sha256(tokenizer.sp_model.serialized_model_proto()).hexdigest()
    else:
        return None
    options = {name: repr(value) for name, value in tokenizer.init_kwargs.items()}
    own = [tokens.start, tokens.newline, tokens.pad, tokens.added, tokens.turns, tokenizer.get_added_vocab()]
    return json.dumps([kind.__module__, kind.__qualname__, made, options, own], sort_keys=True)


@functools.cache
def code_sha256() -> str | None:
    """A hash of this package's sources; None if they are not files."""
    folder = Path(__file__).parents[1]
    files = sorted(folder.rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        data = file.read_bytes()
        digest.update(f"{file.relative_to(folder)}:{len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest() if files else None


def _machine() -> list[str]:
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return [*versions, platform.machine(), torch.backends.cpu.get_cpu_capability()]
