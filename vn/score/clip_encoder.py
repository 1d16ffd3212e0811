"""CLIP for EMScore: texts and frames as unit vectors of one space, from transformers (Chinese-CLIP) or open_clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.extras import require
from vn.io.disk_cache import DiskCache
from vn.io.loaded import fingerprint
from vn.metrics.vectors import normalised
from vn.score.kept import beside_weights, kept_weights
from vn.score.pretrained import load_whole

BATCH = 32
OPEN_CLIP = "open_clip:"
Towers = tuple[Any, Callable[[list[str]], Any], Callable[[list[Any]], Any]]


class ClipEncoder:
    """Texts and frames to unit vectors. Loads its weights when a text or frame has no vector in the cache.

    Args:
        name: a folder or a name on the Hugging Face hub with a CLIP of transformers, such as
            ``OFA-Sys/chinese-clip-vit-base-patch16``; or ``open_clip:ARCHITECTURE:WEIGHTS``, the weights a file or one
            of open_clip's names for them.
        cache: keeps embeddings of texts, and of frames by the caller's names for them.
    """

    def __init__(self, name: str, cache: DiskCache | None = None) -> None:
        self.name = name
        self.cache = cache or DiskCache()

    @property
    def id(self) -> str:
        """Name and weights: numbers of different ones are never compared."""
        name = self.name
        if Path(name).is_dir():
            name = Path(name).name
        elif name.startswith(OPEN_CLIP):
            name = ":".join(Path(part).name for part in name.split(":"))
        return f"{name}@{self.weights}"

    @cached_property
    def weights(self) -> str:
        """Twelve hex digits of the weights."""
        architecture, _, file = self.name.removeprefix(OPEN_CLIP).partition(":")
        if self.name.startswith(OPEN_CLIP) and Path(file).is_file():
            packages = ("torch", "open_clip_torch", f"as {architecture}")
            return kept_weights(self.cache, Path(file), packages, lambda: fingerprint(self._towers[0]))
        if Path(self.name).is_dir():
            packages = ("torch", "transformers", "safetensors")
            return kept_weights(self.cache, Path(self.name), packages, lambda: fingerprint(self._towers[0]))
        return fingerprint(self._towers[0])

    @cached_property
    def key(self) -> str:
        """Key of its vectors in the cache: everything that they depend on besides the text or the frame."""
        return f"{self.id} {beside_weights(Path(self.name))}"

    def texts(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The unit vector ``[D]`` float32 of each text, cut where the encoder's context ends.

        Raises:
            InputError: the weights are not here, or not all of them.
        """
        wanted = list(dict.fromkeys(texts))
        maker = f"{self.key} text"
        known = {text: np.frombuffer(v, dtype=np.float32) for text, v in self.cache.get(maker, wanted).items()}
        missing = sorted((text for text in wanted if text not in known), key=lambda text: (-len(text), text))
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            made = dict(zip(part, self._embed(self._towers[1], part), strict=True))
            self.cache.put(maker, {text: vector.tobytes() for text, vector in made.items()})
            known |= made
        return {text: known[text] for text in wanted}

    def pictures(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Unit vectors ``[n, D]`` float32 of frames ``[height, width, 3]`` uint8 RGB."""
        from PIL import Image

        images = [Image.fromarray(picture) for picture in pictures]
        parts = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        return np.concatenate([self._embed(self._towers[2], part) for part in parts])

    def _embed(self, tower: Callable[[list[Any]], Any], inputs: list[Any]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return normalised(tower(inputs).float().numpy())

    @cached_property
    def _towers(self) -> Towers:
        return _open_clip(self.name) if self.name.startswith(OPEN_CLIP) else _transformers(self.name)


def _transformers(name: str) -> Towers:
    model = load_whole(name)
    if not hasattr(model, "get_text_features") or not hasattr(model, "get_image_features"):
        raise InputError(f"a {type(model).__name__} is not a CLIP", file=name)
    from transformers import AutoImageProcessor, AutoTokenizer

    try:
        tokenizer, processor = AutoTokenizer.from_pretrained(name), AutoImageProcessor.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise InputError(f"no tokenizer or preprocessor here: {str(error).splitlines()[0]}", file=name) from None
    text_config = getattr(model.config, "text_config", model.config)
    limit = min(tokenizer.model_max_length, getattr(text_config, "max_position_embeddings", 77))

    def texts(part: list[str]) -> Any:
        inputs = tokenizer(part, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        return _pooled(model.get_text_features(**inputs))

    def pictures(part: list[Any]) -> Any:
        return _pooled(model.get_image_features(pixel_values=processor(images=part, return_tensors="pt").pixel_values))

    return model, texts, pictures


def _pooled(features: Any) -> Any:
    """transformers 5 gives the projected features as the pooler's output, earlier versions as a tensor."""
    return getattr(features, "pooler_output", features)


def _open_clip(name: str) -> Towers:
    require("open_clip", "torch")
    import open_clip
    import torch

    architecture, separator, weights = name.removeprefix(OPEN_CLIP).partition(":")
    if not separator or not weights:
        raise InputError(f"expected open_clip:ARCHITECTURE:WEIGHTS, got {name!r}")
    if architecture not in open_clip.list_models():
        raise InputError(f"open_clip has no architecture {architecture!r}")
    named = weights in open_clip.list_pretrained_tags_by_model(architecture)
    if not named and not Path(weights).is_file():
        raise InputError("no weights here: neither a file nor one of open_clip's names", file=weights)
    try:
        # Weights of a file are read by open_clip with weights_only, and all of them must be there (strict).
        model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=weights)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"no weights here: {str(error).splitlines()[0]}", file=weights) from None
    tokenizer = open_clip.get_tokenizer(architecture)
    model.eval().requires_grad_(False)
    return (
        model,
        lambda part: model.encode_text(tokenizer(part)),
        lambda part: model.encode_image(torch.stack([transform(image) for image in part])),
    )
