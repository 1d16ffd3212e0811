"""The wording of prompts: template files (``vn/templates/*.yaml``, or a user's own), read and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from vn.braces import check_braces
from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_yaml, read_text
from vn.io.yaml_hints import Source, not_a_text, yaml_hint

ClipHeader = Literal["index", "index_of_total"]
Place = Literal["head", "query", "answer"]

TEMPLATES = Path(__file__).parent / "templates"
# Field -> the names its braces may hold; None if the value is not a text.
_FIELDS: dict[str, tuple[str, ...] | None] = {
    "storyline": None,
    "instruction": (),
    "instruction_without_storyline": (),
    "title": ("title",),
    "aspect": ("aspect", "points"),
    "separator": (),
    "before_clips": (),
    "before_clips_without_storyline": (),
    "header": ("index", "total", "start", "end"),
    "clip_header": None,
    "scene": (),
    "words": ("low", "high"),
    "label": (),
    "narration": ("index",),
    "turns": None,
}
_OPTIONAL = {"before_clips", "before_clips_without_storyline", "turns"}
FIELDS = tuple(_FIELDS)


@dataclass(frozen=True, slots=True)
class Turn:
    """What opens a turn of a dialogue.

    Attributes:
        name: a model trained on dialogues has ids for it, such as ``user`` or ``assistant``.
        text: what other models read in their place.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """The wording of prompts. Fields hold format strings; the names in braces are filled in.

    Attributes:
        name: the file's stem.
        sha256: hash of the file's bytes; an adapter records that of the template it was trained with.
        text: the file's content, so that an adapter folder can carry it.
        storyline: whether the domain has script labels.
        instruction: role and task, storyline included.
        instruction_without_storyline: the same without mentioning labels.
        title: ``{title}``.
        aspect: ``{aspect}``, ``{points}``.
        separator: the text between the points of an aspect.
        before_clips: the text between the product information and the first clip; may be left out.
        before_clips_without_storyline: the same without mentioning labels; if left out, `before_clips`.
        header: ``{index}`` alone, and with ``{total}``, by `ClipHeader`; both may have ``{start}`` and ``{end}``, the
            clip's times in two digits, 00 to 99 of the video.
        clip_header: which header the template uses by default.
        scene: the text before and after the visual tokens.
        words: ``{low}``, ``{high}``.
        label: the text before the label.
        narration: ``{index}``; the text before the narration.
        turns: if prompts are dialogues, the turns at ``head`` (before the instruction), ``query`` (before a clip's
            header) and ``answer`` (before its label). A turn that is open already is not opened again.
    """

    name: str
    sha256: str
    text: str
    storyline: bool
    instruction: str
    instruction_without_storyline: str
    title: str
    aspect: str
    separator: str
    header: dict[str, str]
    clip_header: ClipHeader
    scene: tuple[str, str]
    words: str
    label: str
    narration: str
    before_clips: str = ""
    before_clips_without_storyline: str = ""
    turns: Mapping[Place, Turn] = field(default_factory=dict)

    def writes(self, text: str) -> bool:
        """Whether a text is part of the wording, e.g. a token that marks frames."""
        fields = (getattr(self, name) for name, names in _FIELDS.items() if names is not None)
        parts = (x for f in fields for x in (f.values() if isinstance(f, dict) else [f] if isinstance(f, str) else f))
        return any(text in part for part in parts)

    @classmethod
    def load(cls, name: str | Path, clip_header: ClipHeader | None = None) -> Template:
        """Read a shipped template by name (``ad-zh``, ``ad-en``, ``general-en``) or a user's file by path.

        Raises:
            InputError: no such template, or a field that is missing, unknown or holds an unknown brace name.
        """
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            path = TEMPLATES / f"{name}.yaml"
            if not path.exists():
                known = sorted(p.stem for p in TEMPLATES.glob("*.yaml"))
                hint = did_you_mean(str(name), known)
                raise InputError(f"no template {str(name)!r}{hint}; shipped: {', '.join(known)}; or give a .yaml file")
        template = cls.parse(read_text(path), path)
        if clip_header is None:
            return template
        return cls.parse(template.text, path, clip_header)

    @classmethod
    def parse(cls, text: str, file: str | Path, clip_header: ClipHeader | None = None) -> Template:
        """Check the text of a template file; `file` names it in errors."""
        data = parse_yaml(text, file)
        if not isinstance(data, dict):
            raise InputError(f"expected template fields by name, got {show(data)}{yaml_hint(text, FIELDS)}", file=file)
        optional = set(_OPTIONAL)
        if data.get("storyline") is not True:
            optional.add("instruction_without_storyline")
        for key in data:
            if key not in _FIELDS:
                hint = did_you_mean(key, _FIELDS) if isinstance(key, str) else ""
                message = f"unknown field{hint}{yaml_hint(text, FIELDS)}"
                raise InputError(message, file=file, field=key if isinstance(key, str) else show(key))
        for key in _FIELDS:
            if key not in data and key not in optional:
                raise InputError(f"missing{yaml_hint(text, FIELDS)}", file=file, field=key)
        if not isinstance(data["storyline"], bool):
            raise InputError(f"expected true or false, got {show(data['storyline'])}", file=file, field="storyline")
        if clip_header is not None:
            data["clip_header"] = clip_header
        if data["clip_header"] not in ("index", "index_of_total"):
            raise InputError("expected index or index_of_total", file=file, field="clip_header")
        if not isinstance(data["header"], dict) or set(data["header"]) != {"index", "index_of_total"}:
            raise InputError("expected both index and index_of_total", file=file, field="header")
        if not isinstance(data["scene"], list) or len(data["scene"]) != 2:
            raise InputError("expected two texts, before and after the frames", file=file, field="scene")
        for key, names in _FIELDS.items():
            if names is not None and key in data:
                value = data[key]
                parts = {key: value}
                if key == "header":
                    parts = {f"{key}.{name}": part for name, part in value.items()}
                if key == "scene":
                    parts = {f"{key}[{i}]": part for i, part in enumerate(value)}
                for where, part in parts.items():
                    if not isinstance(part, str):
                        message = not_a_text(part, Source(text).at(where), yaml_file=True)
                        raise InputError(message, file=file, field=where)
                    check_braces(part, names, file, key)
        data.setdefault("before_clips", "")
        for key in ("instruction", "before_clips"):
            data.setdefault(f"{key}_without_storyline", data[key])
        return cls(
            name=Path(file).stem,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            text=text,
            **{**data, "scene": tuple(data["scene"]), "turns": _turns(data.get("turns", {}), file)},
        )


def _turns(data: Any, file: str | Path) -> dict[Place, Turn]:
    places = get_args(Place)
    if not isinstance(data, dict) or not {*data} <= {*places}:
        raise InputError(f"expected turns by place ({', '.join(places)}), got {show(data)}", file=file, field="turns")
    for place, turn in data.items():
        if (
            not isinstance(turn, dict)
            or {*turn} != {"name", "text"}
            or not all(isinstance(t, str) for t in turn.values())
        ):
            raise InputError(f"expected a name and a text, got {show(turn)}", file=file, field=f"turns.{place}")
    return {place: Turn(**turn) for place, turn in data.items()}


@cache
def default_template(language: str, domain: str) -> str:
    """The shipped template for a language and domain."""
    return f"{domain}-{language}"
