"""A trained narrator as what narrates: its adapter and options, checked before anything slow."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vn.card import NarratorCard, read_card
from vn.errors import InputError
from vn.extras import require
from vn.hub import local_folder, on_hub, pinned
from vn.io.hashes import hash_folder
from vn.narrate.job import Job
from vn.story import Language
from vn.story_file.edit import check_found

if TYPE_CHECKING:
    from vn.narrate.write import Narrator
    from vn.voice.kept import KeptVoice

DEFAULTS: dict[str, Any] = {
    "length": "exact",
    "temperature": 0.0,
    "seed": 0,
    "beams": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram": 0,
}


class Trained:
    """A narrator of ours (`vn.narrate.system.System`).

    Args:
        args: the command's arguments.
        jobs: the videos; an edited story's narrator and options are the defaults.
        voice: who speaks, for ``--length spoken``.

    Raises:
        InputError: no adapter is named, or it is not found.
    """

    def __init__(self, args: argparse.Namespace, jobs: Sequence[Job], voice: KeptVoice | None = None) -> None:
        require("torch", command="narrate")
        before = jobs[0].made_with if args.edit is not None else {}
        self.args = args
        self.adapter = _adapter(args, before)
        if args.edit is not None:
            check_found(jobs[0].plan, args)
        self.card = read_card(self.adapter)
        self.language = cast(Language, self.card.language)
        self.options = _options(args, before)
        self.base_model: str | None = args.base_model or before.get("base_model")
        here = replace(self.card, base_model=self.base_model or self.card.base_model)
        self.options |= _speed(args, before, here, self.adapter)
        self.voice = voice if self.options["length"] == "spoken" else None
        if self.voice is not None:
            from vn.voice.names import recorded_name

            self.options["voice"] = recorded_name(self.voice.name)
        self.about = f"{self.adapter}: {self.card.about()}"
        self.notes = {"adapter": str(self.adapter), "base_model": self.base_model, **self.options}
        if on_hub(args.adapter):
            self.notes["adapter_from"] = pinned(args.adapter, self.adapter)

    @cached_property
    def identity(self) -> str:
        """Hash of the adapter, and what the voice's sound depends on if that counts."""
        adapter = hash_folder(self.adapter)
        return adapter if self.voice is None else f"{adapter} {self.voice.fingerprint}"

    def check(self, job: Job) -> None:
        """See `Job.check`."""
        job.check(self.card)

    def load(self) -> Narrator:
        """Load base model, adapter and encoder."""
        from vn.narrate.write import Narrator

        args = self.args
        at_once = args.videos_at_once if args.videos is not None else 1
        spoken = None
        if self.voice is not None:
            from vn.narrate.spoken import SpokenLength
            from vn.voice.pace import pace_of

            pace = pace_of(self.voice, self.language, args.voice_cache)
            spoken = SpokenLength(self.voice, self.language, pace)
        options = {name: value for name, value in self.options.items() if name != "voice"}
        return Narrator(
            self.adapter, self.base_model, args.encoder_weights, options, args.device, at_once, args.imports, spoken
        )


def _adapter(args: argparse.Namespace, made_with: Mapping[str, Any]) -> Path:
    if args.run is None and args.adapter is None and isinstance(made_with.get("adapter"), str):
        return Path(made_with["adapter"])
    if (args.run is None) == (args.adapter is None):
        raise InputError("give either --run or --adapter")
    if args.adapter is not None:
        return local_folder(args.adapter)
    return Path(args.run / "adapter")


def _options(args: argparse.Namespace, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """How tokens are chosen: by the arguments, else as an edited story was written, else by the defaults."""
    options: dict[str, Any] = {}
    for name, usual in DEFAULTS.items():
        asked, before = getattr(args, name), made_with.get(name)
        options[name] = asked if asked is not None else before if type(before) is type(usual) else usual

    from vn.generation.clash import clash

    if problem := clash(options["beams"], options["temperature"], _asked("drafts", args, made_with) or "none"):
        raise InputError(problem, field="--beams")
    return options


def _asked(name: str, args: argparse.Namespace, made_with: Mapping[str, Any]) -> str | None:
    """What is asked for by the arguments, else what an edited story was written with."""
    asked, before = getattr(args, name), made_with.get(name)
    return asked if asked is not None else before if isinstance(before, str) else None


def _speed(args: argparse.Namespace, made_with: Mapping[str, Any], card: NarratorCard, adapter: Path) -> dict[str, Any]:
    """How it is made faster, if it is: requests of earlier builds, which had none of this, stay what they were."""
    from vn.llm.dtypes import resolved
    from vn.llm.ngrams import check_ngrams

    options: dict[str, Any] = {}
    if (drafts := _asked("drafts", args, made_with) or "none") != "none":
        check_ngrams(adapter, card.drafts, "--drafts")
    if drafts != "none" or "drafts" in made_with:
        options["drafts"] = drafts
    # Another machine, on which the story is edited, may have another data type that is faster; and weights of another
    # narrator, if they are quantized, have one of their own.
    kept = args.dtype is None and card.quantization != "none"
    dtype = resolved(None if kept else _asked("dtype", args, made_with), args.device, card)
    if dtype is not None or "dtype" in made_with:
        options["dtype"] = dtype
    return options
