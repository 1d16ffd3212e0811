"""Finds errors that would stop a command after minutes or hours, before a weight is read or a step is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vn.card import read_card
from vn.errors import InputError
from vn.llm.ngrams import check_ngrams
from vn.parts import find_parts
from vn.template import Template, default_template
from vn.train.fits import check_narrator, check_start
from vn.train.splits import Splits


def check_before(command: str, data: Splits, frames: str, model: Any, adapter: Path, drafts: str = "none") -> None:
    """Check a command's data, and that they fit the template or the narrator.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        data: splits of the command's data.
        frames: ``own``, or ``other_video`` if each one is narrated with those of another.
        model: `vn.train.settings.ModelSettings`, or a parsed configuration's ``model``.
        adapter: the narrator's folder, if it exists already.
        drafts: what writing is drafted by (`vn.generation.decoding.Decoding`).

    Raises:
        InputError: a split that the command needs is empty or has no narration, the template, a part of another package
            or the narrator to start from is missing, or the narrator was made for other data.
    """
    if command in ("fit", "run"):
        _check_narrated(data, "train")
        find_parts(model, prefix="model.")
        check_start(model, data.manifest, data.folder)
        Template.load(model.template or default_template(data.manifest.language, data.manifest.domain))
    else:
        card = read_card(adapter)
        check_narrator(card, data.manifest, data.folder)
        if command != "validate" and drafts != "none":
            check_ngrams(adapter, card.drafts, "test.decoding.drafts")
    if command == "validate":
        _check_narrated(data, "val")
    if command in ("test", "predict", "run"):
        try:
            entries = data.entries("test")
        except InputError as error:
            hint = "`vn fit` trains without a test" if command == "run" else "give vn prepare test videos"
            raise InputError(f"{error}: {hint}") from None
        if frames == "other_video":
            from vn.train.videos import other_videos

            other_videos(entries)


def _check_narrated(data: Splits, split: str) -> None:
    if not data.entries(split).column("narrated").any():
        message = f"no clip of the {split} split has a narration"
        raise InputError(message, file=data.folder / "manifest.json", field=f"splits.{split}")
