"""The narrator's card, ``narrator.json``: what an adapter folder records about its narrator."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError, show
from vn.io.files import read_json
from vn.io.paths import find, relative, tried
from vn.settings import LoraSettings, NarratorSettings
from vn.story import WordRangeRule
from vn.version import __version__
from vn.visual.plan import VisualSettings

CARD = "narrator.json"
FORMAT = 1
FROM_HERE = "base_model_from_here"  # relative path from the card's folder to the base model
_TYPES: dict[str, Any] = {
    **{"domain": str | None, "corpus": str | None, "trained_on": dict | None},
    **{"projector": str, "narrator": str, "packages": dict, "drafts": str | None},
}
_OPTIONAL = {"quantization", *_TYPES}  # missing from cards of earlier builds


@dataclass(frozen=True, kw_only=True)
class NarratorCard(NarratorSettings):
    """A narrator's settings, and what follows from the base model, the template and the data.

    Its `base_model` is as the user gave it, or where it is now if it has moved together with the adapter folder.

    Attributes:
        base_sha256: fingerprint of the base model (`vn.io.hashes.hash_folder`); empty before it is loaded.
        template_sha256: hash of ``template.yaml``.
        language: language of the stories it was trained on.
        threshold: tau, used if `visual` does not set one.
        tokens: T, visual tokens per frame.
        width: D, width of the frame features.
        standardise: whether features are standardised.
        encoder: the manifest's entry of the frame encoder.
        domain: domain of the stories it was trained on: ``ad`` or ``general``.
        corpus: name of their corpus, if the data have one.
        trained_on: size of their train split: videos, narrated clips, seconds, and the manifest's hash.
        packages: other packages that its parts are from: field -> distribution (`vn.parts`).
        drafts: sha256 of the folder's n-grams of the training narrations (`vn.llm.ngrams`); None if it has none.
    """

    base_sha256: str
    template_sha256: str
    language: str
    threshold: float
    tokens: int
    width: int
    standardise: bool
    encoder: dict[str, Any]
    domain: str | None = None
    corpus: str | None = None
    trained_on: dict[str, Any] | None = None
    packages: dict[str, str] = dataclasses.field(default_factory=dict)
    drafts: str | None = None

    def about(self) -> str:
        """What the narrator does and was trained on, in a few words."""
        what = {"ad": "ads", "general": "general videos"}.get(self.domain or "", "videos")
        text = f"narrates {what} in {'Chinese' if self.language == 'zh' else 'English'}"
        known = self.trained_on or {}
        counts = [f"{known[name]} {name}" for name in ("videos", "clips") if name in known]
        data = [f"the corpus {self.corpus}"] if self.corpus else []
        return text + (f", trained on {', '.join([*data, *counts])}" if data or counts else "")


def read_card(folder: str | Path) -> NarratorCard:
    """Read the card of an adapter folder.

    Raises:
        InputError: there is none, or a field is missing or unknown (the message names it).
    """
    folder = Path(folder)
    file = folder / CARD
    if not file.exists():
        raise InputError("no adapter here (narrator.json is missing); has the run finished training?", file=folder)
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError(f"expected format {FORMAT}", file=file, field="format")
    nested: dict[str, Any] = {"word_range": WordRangeRule, "visual": VisualSettings, "lora": LoraSettings}
    values = {}
    for name in (field.name for field in dataclasses.fields(NarratorCard)):
        if name not in data and name in _OPTIONAL:
            continue
        if name not in data:
            raise InputError("missing", file=file, field=name)
        if name in _TYPES and not isinstance(data[name], _TYPES[name]):
            raise InputError(f"is wrong: {show(data[name])}", file=file, field=name)
        try:
            values[name] = nested[name](**data[name]) if name in nested else data[name]
        except TypeError as error:
            raise InputError(str(error), file=file, field=name) from None
    values["base_model"] = _base_of(data, folder)
    return NarratorCard(**values)


def write_card(folder: Path, card: NarratorCard) -> None:
    """Write the card of an adapter folder."""
    _write(folder, {"format": FORMAT, "vn": __version__, **dataclasses.asdict(card)})
    note_base(folder, folder)


def _write(folder: Path, data: dict[str, Any]) -> None:
    (folder / CARD).write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def note_base(folder: Path, final: Path) -> None:
    """Record in an adapter folder the relative path to its base model, so that both can move together.

    Args:
        folder: the adapter folder.
        final: the path that it will finally have.
    """
    card = read_json(folder / CARD)
    base = Path(card["base_model"]).expanduser()
    if base.is_absolute() or base.exists():  # else it is a name on the hub
        _write(folder, {**card, FROM_HERE: relative(base, final)})


def _base_of(data: dict[str, Any], folder: Path) -> Any:
    """The base model that a card names: where it is now, or as it was given."""
    names = [data.get(FROM_HERE), data["base_model"]]
    given = names[1]
    if not all(isinstance(name, str | None) for name in names) or (names[0] is None and Path(given or "").exists()):
        return given
    found = find(names, folder)
    return given if found is None else str(found)


def lost_base(card: NarratorCard, folder: Path) -> str | None:
    """Where the base model was looked for, if it was a folder or a file and is not found."""
    names = [read_json(folder / CARD).get(FROM_HERE), card.base_model]
    path = names[0] is not None or str(card.base_model).startswith((".", "/", "~"))
    return tried(names, folder) if path and find(names, folder) is None else None
