"""Whether a narrator was made for the stories and features of a data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vn.data.manifest import Manifest
from vn.errors import InputError
from vn.io.remote import Folder

if TYPE_CHECKING:
    from vn.card import NarratorCard


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
