"""Training that starts from another narrator's weights (``model.start_from``), as fine-tuning a released model does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from safetensors.torch import load_file

from vn.adapter import Assembly, assemble, load_trained
from vn.card import NarratorCard, read_card
from vn.data.manifest import Manifest
from vn.errors import InputError, show
from vn.hub import local_folder
from vn.io.remote import Folder
from vn.template import Template
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


def assemble_from(start: Path, card: NarratorCard, template: Template) -> Assembly:
    """Build a narrator that begins with another one's projector, position and LoRA.

    Args:
        start: adapter folder of the other narrator.
        card: card of the new one.
        template: the wording.

    Raises:
        InputError: the base model is another one than the other narrator's, or its weights are damaged.
    """
    other = read_card(start)
    own = load_file(start / "narrator.safetensors")
    # Its projector was trained with its own feature statistics, and its LoRA on its own base model.
    card = dataclasses.replace(card, standardise=other.standardise, base_sha256=other.base_sha256)
    assembly = assemble(card, template, own["mean"], own["std"])
    load_trained(start, assembly.narrator, lora=other.lora.rank > 0)
    return assembly


def _value(settings: object, name: str) -> object:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings
