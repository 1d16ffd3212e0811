"""Whether a narrator was made for a data folder, and whether another one can start from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vn.card import read_card
from vn.data.manifest import Manifest
from vn.errors import InputError, show
from vn.hub import local_folder
from vn.io.remote import Folder

if TYPE_CHECKING:
    from vn.card import NarratorCard

# What the weights depend on; wording, frames shown and word ranges may change.
SAME = ("projector", "narrator", "visual.position", "lora.rank", "lora.alpha", "lora.targets")


def check_narrator(card: NarratorCard, manifest: Manifest, folder: Folder) -> None:
    """Raise unless a narrator can be used on a data folder.

    Args:
        card: card of the narrator.
        manifest: manifest of the data.
        folder: the data folder, for the message.

    Raises:
        InputError: the language or the features differ.
    """
    file = folder / "manifest.json"
    if card.language != manifest.language:
        message = f"the stories are in {manifest.language!r}, but the narrator was trained on {card.language!r}"
        raise InputError(message, file=file, field="language")
    for name in ("tokens", "width", "encoder"):
        ours, theirs = getattr(manifest, name), getattr(card, name)
        if ours != theirs:
            raise InputError(
                f"is {_short(ours, theirs)}, but the narrator was trained with {_short(theirs, ours)}",
                file=file,
                field=name,
            )


def _short(value: Any, other: Any) -> Any:
    """A value in a message: of an encoder the id, or what is different if both have the same."""
    if not isinstance(value, dict) or not isinstance(other, dict):
        return value
    if value.get("id") != other.get("id"):
        return value.get("id", value)
    return {key: value[key] for key in value if value[key] != other.get(key)} or value


def check_start(settings: Any, manifest: Manifest, folder: Folder) -> None:
    """Raise unless the narrator that training starts from, if there is one, fits the settings and the data.

    Args:
        settings: `vn.train.settings.ModelSettings` of the new narrator, or a parsed configuration's ``model``.
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


def _value(settings: object, name: str) -> object:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings
