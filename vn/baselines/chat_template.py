"""The wording of a chat model's prompt: template files (``vn/baselines/templates/``, or a user's own), checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.braces import check_braces
from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_yaml, read_text
from vn.io.yaml_hints import Source, not_a_text, yaml_hint
from vn.story import Domain, Language

TEMPLATES = Path(__file__).parent / "templates"
SYSTEMS = ("chat", "verbalize")  # those whose templates these are
# Field -> the names its braces may hold.
_TEXTS: dict[str, tuple[str, ...]] = {
    "system": ("labels",),
    "system_given": (),
    "title": ("title",),
    "aspect": ("aspect", "points"),
    "separator": (),
    "before_clips": (),
    "clip": ("index",),
    "scene": ("captions",),
    "caption_separator": (),
    "no_scene": (),
    "on_screen": ("texts",),
    "words": ("low", "high"),
    "label": (),
    "narration": (),
    "request": ("form",),
    "again": ("problems", "form"),
    "problem": ("clip", "problem"),
}
# Fields without which a prompt would leave out what it is about: all their names must be used.
_ALL_NAMES = ("title", "aspect", "clip", "scene", "on_screen", "words", "request", "again", "problem")
_LABELLED = ("system_given", "label")  # fields of a domain with script labels alone
_PROBLEMS = (
    *("missing_clip", "doubled", "json", "no_narration", "empty", "more_text", "other_language", "cut_off"),
    "out_of_range",
)
_LABEL_PROBLEMS = ("no_label", "two_labels", "unknown_label", "other_label")
_FIELDS = ("based_on", "storyline", *_TEXTS, "problems")


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The wording of a chat model's prompt. Texts that hold names in braces are format strings, the others plain.

    Attributes:
        name: the file's stem.
        sha256: hash of the file's text, and of the one that it is based on.
        storyline: whether the domain has script labels.
        texts: the texts by field; the shipped files list the names that each may hold.
        problems: what is wrong with a clip, by kind, for asking again.
    """

    name: str
    sha256: str
    storyline: bool
    texts: Mapping[str, str]
    problems: Mapping[str, str]

    @classmethod
    def load(cls, given: str | Path) -> ChatTemplate:
        """Read a shipped template by name (``chat-ad-zh``) or a user's file by path.

        Raises:
            InputError: no such template, or a field that is missing, unknown or holds an unknown name in braces.
        """
        path = Path(given)
        if path.suffix not in (".yaml", ".yml"):
            path = _shipped(str(given))
        text = read_text(path)
        data = _mapping(text, path)
        texts = [text]
        base = data.pop("based_on", None)
        if base is not None:
            if not isinstance(base, str):
                raise InputError(not_a_text(base), file=path, field="based_on")
            texts.append(read_text(_shipped(base, path)))
            below = _mapping(texts[1], base)
            data = {**below, **data, "problems": _merged(below["problems"], data.get("problems", {}))}
        _check(data, path, text)
        return cls(
            name=path.stem,
            sha256=hashlib.sha256("\0".join(texts).encode()).hexdigest(),
            storyline=data["storyline"],
            texts={name: _plain(data[name], names) for name, names in _TEXTS.items() if name in data},
            problems={
                kind: _plain(why, () if kind != "out_of_range" else ("count",))
                for kind, why in data["problems"].items()
            },
        )


def default_name(system: str, domain: Domain, language: Language) -> str:
    """The shipped template of a system (``chat``, ``verbalize``) for a domain and language."""
    return f"{system}-{domain}-{language}"


def _shipped(name: str, file: Path | None = None) -> Path:
    path = TEMPLATES / f"{name}.yaml"
    known = sorted(p.stem for system in SYSTEMS for p in TEMPLATES.glob(f"{system}-*.yaml"))
    if name not in known:
        message = f"no prompt template {show(name)}{did_you_mean(name, known)}; shipped: {', '.join(known)}"
        raise InputError(message if file else f"{message}; or give a .yaml file", file=file)
    return path


def _mapping(text: str, file: str | Path) -> dict[str, Any]:
    data = parse_yaml(text, file)
    if not isinstance(data, dict):
        raise InputError(f"expected fields by name, got {show(data)}{yaml_hint(text, _FIELDS)}", file=file)
    for key in data:
        if key not in _FIELDS:
            hint = did_you_mean(key, _FIELDS) if isinstance(key, str) else ""
            field = key if isinstance(key, str) else show(key)
            raise InputError(f"unknown field{hint}{yaml_hint(text, _FIELDS)}", file=file, field=field)
    return data


def _plain(text: str, names: tuple[str, ...]) -> str:
    """A text that holds no names as it is meant, with ``{`` for ``{{``."""
    return text if names else text.format()


def _merged(below: Mapping[str, str], own: Any) -> Any:
    return {**below, **own} if isinstance(own, dict) else own


def _check(data: Mapping[str, Any], file: Path, text: str) -> None:
    """Refuse what is missing or wrong in the fields of a template."""
    if not isinstance(data.get("storyline"), bool):
        raise InputError(f"expected true or false, got {show(data.get('storyline'))}", file=file, field="storyline")
    labelled = data["storyline"]
    for name, known in _TEXTS.items():
        if name in _LABELLED and not labelled:
            if name in data:
                raise InputError("only a template with a storyline has this field", file=file, field=name)
            continue
        names = known if labelled or name != "system" else ()
        used = _text(data, name, names, file, text)
        needed = names if name in _ALL_NAMES or name == "system" else ()
        if missing := [each for each in needed if each not in used]:
            raise InputError(f"{{{missing[0]}}} is missing", file=file, field=name)
    for name in ("clip", "narration", *(("label",) if labelled else ())):
        if not data[name].strip() or len(data[name].splitlines()) != 1:
            raise InputError("expected one line of text", file=file, field=name)
    if labelled and data["label"].strip().casefold() == data["narration"].strip().casefold():
        raise InputError("expected another text than that of narration", file=file, field="label")
    problems = data.get("problems")
    kinds = (*_PROBLEMS, *(_LABEL_PROBLEMS if labelled else ()))
    if not isinstance(problems, dict) or set(problems) != set(kinds):
        raise InputError(f"expected a text for each of {', '.join(kinds)}", file=file, field="problems")
    for kind in kinds:
        _text(problems, kind, ("count", "low", "high") if kind == "out_of_range" else (), file, text, "problems.")


def _text(
    data: Mapping[str, Any], name: str, names: tuple[str, ...], file: Path, source: str, where: str = ""
) -> set[str]:
    """Check one format string; returns the names it uses."""
    if name not in data:
        raise InputError(f"missing{yaml_hint(source, _FIELDS)}", file=file, field=where + name)
    if not isinstance(data[name], str):
        message = not_a_text(data[name], Source(source).at(where + name), yaml_file=True)
        raise InputError(message, file=file, field=where + name)
    return check_braces(data[name], names, file, where + name)
