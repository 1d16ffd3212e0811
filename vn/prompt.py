"""From a story to the text segments a language model reads and writes (docs/method.md#prompt).

A prompt is a sequence of segments, and each is tokenised alone, so that a clip's text gives the same tokens
whether it is read from the file, was just written by the model, or stands in a packed row:

  instruction · product · clip 1: header, words, label, narration · ... · clip i: header, SCENE, words, label, narration
                          `------ text of the earlier clips ------'              visual tokens          `- supervised -'

Between the product and clip 1 a template may have text of its own.

The wording lives in template files (``vn/templates/*.yaml``, or a user's own).
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_yaml, read_text
from vn.io.yaml_hints import Source, not_a_text, yaml_hint
from vn.story import Labels, Story, WordRange, format_labels

Role = Literal["given", "visual", "label", "narration"]
ClipHeader = Literal["index", "index_of_total"]

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a prompt that is tokenised alone.

    Attributes:
        text: its text; empty for the visual segment, whose place the visual tokens take.
        role: ``label`` and ``narration`` are written by the model and supervised in training.
    """

    text: str
    role: Role = "given"


@dataclass(frozen=True, slots=True)
class Template:
    """The wording of prompts. Fields hold format strings; the names in braces are filled in.

    Attributes:
        name: the file's stem.
        sha256: of the file's bytes; an adapter names the template it was trained with.
        text: the file's content, so that an adapter folder can carry it.
        storyline: whether the domain has script labels at all.
        instruction: role and task, storyline included.
        instruction_without_storyline: the same without a word about labels.
        title: ``{title}``.
        aspect: ``{aspect}``, ``{points}``.
        separator: between the points of an aspect.
        before_clips: between the product information and the first clip; may be left out.
        before_clips_without_storyline: the same without a word about labels; if left out, that of `before_clips`.
        header: ``{index}`` alone, and with ``{total}``, by `ClipHeader`.
        clip_header: which header the template uses unless told otherwise.
        scene: what stands before and after the visual tokens.
        words: ``{low}``, ``{high}``.
        label: leads in the label.
        narration: ``{index}``; leads in the narration.
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

    def writes(self, text: str) -> bool:
        """Whether a text is part of the wording, e.g. a token that marks pictures."""
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
        optional = {"before_clips", "before_clips_without_storyline"}
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
            raise InputError("expected two texts, before and after the picture", file=file, field="scene")
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
                    _check_text(part, names, file, key)
        data.setdefault("before_clips", "")
        for key in ("instruction", "before_clips"):
            data.setdefault(f"{key}_without_storyline", data[key])
        return cls(
            name=Path(file).stem,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            text=text,
            **{**data, "scene": tuple(data["scene"])},
        )


# Field -> the names its braces may hold; None where the value is no text.
_FIELDS: dict[str, tuple[str, ...] | None] = {
    "storyline": None,
    "instruction": (),
    "instruction_without_storyline": (),
    "title": ("title",),
    "aspect": ("aspect", "points"),
    "separator": (),
    "before_clips": (),
    "before_clips_without_storyline": (),
    "header": ("index", "total"),
    "clip_header": None,
    "scene": (),
    "words": ("low", "high"),
    "label": (),
    "narration": ("index",),
}


FIELDS = tuple(_FIELDS)


def _check_text(text: str, names: tuple[str, ...], file: str | Path, key: str) -> None:
    try:
        used = [parts for parts in string.Formatter().parse(text) if parts[1] is not None]
    except ValueError as error:
        raise InputError(f"bad braces: {error}", file=file, field=key) from None
    for _, name, width, conversion in used:
        if name not in names:
            allowed = ", ".join("{" + n + "}" for n in names) or "none"
            raise InputError(f"unknown name {{{name}}}; allowed here: {allowed}", file=file, field=key)
        if width or conversion:
            raise InputError(f"only the name may stand in braces: {{{name}}}", file=file, field=key)


@cache
def default_template(language: str, domain: str) -> str:
    """The shipped template for a language and domain."""
    return f"{domain}-{language}"


@dataclass(frozen=True, slots=True)
class Written:
    """What stands written for a clip: its range, labels and narration.

    Labels are None without a storyline, and empty where a model wrote something that is no label.
    """

    words: WordRange
    labels: Labels | None
    narration: str


class PromptWriter:
    """Writes the segments of one story's prompts.

    Args:
        story: the story; labels and narrations in it are not used unless passed to a method.
        template: the wording.
        storyline: whether labels are written; False is the paper's ablation b.
    """

    def __init__(self, story: Story, template: Template, storyline: bool = True) -> None:
        self.story = story
        self.template = template
        self.storyline = storyline and template.storyline

    @property
    def points(self) -> int:
        """How many knowledge points the story has."""
        return sum(len(k.points) for k in self.story.knowledge)

    def head(self, points_dropped: int = 0) -> list[Segment]:
        """Instruction, product information, and what the template says between them and the first clip.

        Args:
            points_dropped: leave out this many knowledge points, from the end.
        """
        t = self.template
        segments = [Segment(t.instruction if self.storyline else t.instruction_without_storyline)]
        segments.append(Segment(t.title.format(title=self.story.title)))
        left = self.points - points_dropped
        for knowledge in self.story.knowledge:
            points = knowledge.points[: max(0, left)]
            left -= len(points)
            if points:
                line = t.aspect.format(aspect=knowledge.aspect, points=t.separator.join(points))
                segments.append(Segment(line))
        between = t.before_clips if self.storyline else t.before_clips_without_storyline
        return [*segments, Segment(between)] if between else segments

    def opening(self, clip: int, words: WordRange, scene: bool) -> list[Segment]:
        """A clip up to where its label is written (or, without a storyline, its narration).

        Args:
            clip: from 0.
            words: the clip's word range.
            scene: whether the visual tokens stand here: only for the clip being narrated.
        """
        t = self.template
        header = t.header[t.clip_header].format(index=clip + 1, total=len(self.story.clips))
        segments = [Segment(header)]
        if scene:
            segments += [Segment(t.scene[0]), Segment("", "visual"), Segment(t.scene[1])]
        segments.append(Segment(t.words.format(low=words.low, high=words.high)))
        segments.append(Segment(t.label) if self.storyline else self.narration_lead(clip))
        return segments

    def narration_lead(self, clip: int) -> Segment:
        """What stands between the label and the narration."""
        return Segment(self.template.narration.format(index=clip + 1))

    def label(self, labels: Labels) -> list[Segment]:
        """The label and the newline that ends it."""
        return [Segment(format_labels(labels, self.story.language), "label"), Segment("\n", "label")]

    def narration(self, narration: str) -> list[Segment]:
        """The narration and the newline that ends it."""
        return [Segment(narration, "narration"), Segment("\n", "narration")]

    def clip(self, clip: int, written: Written, scene: bool) -> list[Segment]:
        """A whole clip: with its picture when it is the one being narrated, else its text-only form."""
        segments = self.opening(clip, written.words, scene)
        if self.storyline:
            if written.labels is None:
                raise InputError(
                    "no script label; give one, or train and test without a storyline",
                    sample=self.story.id,
                    field=f"clips[{clip}].labels",
                )
            segments += [*self.label(written.labels), self.narration_lead(clip)]
        return segments + self.narration(written.narration)

    def earlier(self, written: Sequence[tuple[int, Written]]) -> list[Segment]:
        """The text of earlier clips: nothing here is supervised, whatever its role was."""
        return [Segment(s.text) for clip, w in written for s in self.clip(clip, w, scene=False)]
