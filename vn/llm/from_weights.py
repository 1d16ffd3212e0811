"""A model of transformers from weights that were renamed in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from vn.errors import InputError


def from_weights(
    kind: type[PreTrainedModel], config: PreTrainedConfig, weights: Mapping[str, Tensor], folder: Path, **options: Any
) -> PreTrainedModel:
    """A model with exactly these weights.

    Args:
        kind: its class.
        config: its configuration.
        weights: all its weights by name.
        folder: the folder they came from, for errors.
        options: options of `from_pretrained`, e.g. ``dtype`` and ``quantization_config``.

    Raises:
        InputError: a weight is missing, unknown or of another shape than the configuration gives it.
    """
    with torch.device("meta"):
        expected = {name: tuple(each.shape) for name, each in kind(config).state_dict().items()}
    for name, shape in expected.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != shape:
            raise InputError(f"expected {name} of shape {list(shape)}, found {found and list(found)}", file=folder)
    unknown = sorted(set(weights) - set(expected))
    if unknown:
        raise InputError(f"unexpected weights, the first is {unknown[0]}", file=folder)
    llm: PreTrainedModel = kind.from_pretrained(None, config=config, state_dict=dict(weights), **options)
    return llm
