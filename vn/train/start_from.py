"""Training that starts from another narrator's weights (``model.start_from``), as fine-tuning a released model does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from safetensors.torch import load_file

from vn.card import NarratorCard, read_card
from vn.data.manifest import Manifest
from vn.errors import InputError, show
from vn.hub import local_folder
from vn.io.remote import Folder
from vn.train.fits import check_narrator
from vn.train.settings import ModelSettings

# What the weights depend on; wording, frames shown and word ranges may change.
SAME = ("projector", "narrator", "visual.position", "lora.rank", "lora.alpha", "lora.targets")


def check_start(settings: ModelSettings, manifest: Manifest, folder: Folder) -> None:
    """Raise unless the narrator that training starts from, if there is one, fits the settings and the data.

    Args:
        settings: the settings of the new narrator.
        manifest: manifest of the data.
        folder: the data folder, for messages.

    Raises:
        InputError: there is no adapter, it was made for other features, or a setting differs that its weights need.
    """
    if settings.start_from is None:
        return
    card = read_card(local_folder(settings.start_from))
    check_narrator(card, manifest, folder)
    for name in SAME:
        ours, theirs = _value(settings, name), _value(card, name)
        if ours != theirs and not (name.startswith("lora.") and card.lora.rank == 0):  # a new LoRA changes nothing yet
            message = f"is {show(ours)}, but {settings.start_from} has {show(theirs)}"
            raise InputError(message, field=f"model.{name}")


def begun(card: NarratorCard, start: Path) -> tuple[NarratorCard, torch.Tensor, torch.Tensor]:
    """A new narrator's card and feature statistics, so that it takes over another's weights.

    Args:
        card: the card.
        start: adapter folder of the other narrator.

    Returns:
        The card, and the means ``[D]`` and standard deviations ``[D]`` that the other projector was trained with.
    """
    other = read_card(start)
    own = load_file(start / "narrator.safetensors")
    # Its base model's hash, so that another base model is refused.
    return (
        dataclasses.replace(card, standardise=other.standardise, base_sha256=other.base_sha256),
        own["mean"],
        own["std"],
    )


def _value(settings: object, name: str) -> object:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings
