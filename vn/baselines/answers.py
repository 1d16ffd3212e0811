"""Reads a chat model's answer strictly: what is in the form asked for is taken as it is, the rest is a fault.

The form, in the words of the template, once for each clip:

    Clip 2
    Script label: Sore Point+Product Trial
    Narration: Cold tea again?

Tolerated are blank lines, blanks around a line, upper and lower case, a full-width or an ASCII colon, a colon after the
clip's name, and the absence of that name if one clip alone was asked for. Lines that open or close a code fence are
left out and counted. Nothing is cut, joined or repaired: a narration is the rest of its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vn.baselines.chat_template import ChatTemplate
from vn.baselines.prompts import one_line
from vn.errors import InputError
from vn.story import Labels, Language, ScriptLabel, parse_labels

FENCE = re.compile(r"\s*(```|~~~)\s*[\w+-]*\s*")
WORDS_IN = re.compile(r"[^\W\d_]")  # a letter of any script
LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
LEAST_SHARE = 0.5  # share of a narration's units in the language asked for; 271 real narrations have 0.87 or more
LONGEST_NUMBER = 6  # digits of a clip's number


@dataclass(frozen=True, slots=True)
class ClipAnswer:
    """What an answer has for a clip; labels are None if it was not asked for them."""

    labels: Labels | None
    narration: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer has for the clips that were asked for.

    Attributes:
        answers: the clips that are in the form asked for.
        faults: the others, each with the kind of its fault.
        besides: kinds of faults that cost no clip: ``code_fence``, ``other_text``, ``extra_clip``.
    """

    answers: dict[int, ClipAnswer]
    faults: dict[int, str]
    besides: list[str] = field(default_factory=list)


class AnswerReader:
    """Reads answers in the form of a template.

    Args:
        template: the wording.
        language: language of the narrations.
    """

    def __init__(self, template: ChatTemplate, language: Language) -> None:
        self.language = language
        self.storyline = template.storyline
        before, after = (re.escape(part.strip()) for part in template.texts["clip"].split("{index}", 1))
        number = rf"\s*([0-9]{{1,{LONGEST_NUMBER}}})\s*"
        self._clip = re.compile(rf"{before}{number}{after}\s*[:：]?", re.IGNORECASE)
        self._narration = _lead(template.texts["narration"])
        self._label = _lead(template.texts["label"]) if template.storyline else None

    def read(self, answer: str, wanted: Mapping[int, Labels | None], cut_off: bool = False) -> Reading:
        """Read an answer.

        Args:
            answer: any text.
            wanted: the clips that were asked for, with their labels if those were given.
            cut_off: whether the model had no room to finish it.
        """
        lines = [line.strip() for line in answer.splitlines()]
        kept = [line for line in lines if line and not FENCE.fullmatch(line)]
        besides = ["code_fence"] if len(kept) < sum(map(bool, lines)) else []
        if not kept:
            return Reading({}, dict.fromkeys(wanted, "empty"), besides)
        if _is_json("\n".join(kept)):
            return Reading({}, dict.fromkeys(wanted, "json"), besides)
        before, blocks = self._blocks(kept)
        if not blocks and len(wanted) == 1:
            before, blocks = [], [(next(iter(wanted)), before)]
        if before:
            besides.append("other_text")
        besides += ["extra_clip" for clip, _ in blocks if clip not in wanted]
        reading = Reading({}, {}, besides)
        for clip, given in wanted.items():
            texts = [block for number, block in blocks if number == clip]
            last = cut_off and bool(blocks) and blocks[-1][0] == clip
            found = "cut_off" if last else self._clip_of(texts, given)
            if isinstance(found, str):
                reading.faults[clip] = found
            else:
                reading.answers[clip] = found
        return reading

    def _blocks(self, lines: Sequence[str]) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """The lines before the first clip's name, and those after each clip's name, by clip."""
        before: list[str] = []
        blocks: list[tuple[int, list[str]]] = []
        for line in lines:
            named = self._clip.fullmatch(line)
            if named:
                blocks.append((int(named[1]) - 1, []))
            else:
                (blocks[-1][1] if blocks else before).append(line)
        return before, blocks

    def _clip_of(self, blocks: Sequence[Sequence[str]], given: Labels | None) -> ClipAnswer | str:
        """A clip from the lines after its name, wherever that is; or the kind of its fault."""
        if len(blocks) != 1:
            return "doubled" if blocks else "missing_clip"
        labels: list[str] = []
        narrations: list[str] = []
        more = False
        for line in blocks[0]:
            if self._label is not None and (found := self._label.match(line)):
                labels.append(line[found.end() :])
            elif found := self._narration.match(line):
                narrations.append(line[found.end() :])
            else:
                more = True
        label = self._label_of(labels, given)
        if isinstance(label, str):
            return label
        if not narrations:
            return "no_narration"
        if len(narrations) > 1:
            return "doubled"
        if more:
            return "more_text"
        narration = one_line(narrations[0])
        if not any(c.isalnum() for c in narration):
            return "empty"
        if not is_in(narration, self.language):
            return "other_language"
        return ClipAnswer(label or None, narration)

    def _label_of(self, lines: Sequence[str], given: Labels | None) -> Labels | str:
        """The labels of a clip, empty if it was not asked for them; or the kind of the fault."""
        if self._label is None or (given is not None and not lines):
            return ()
        if len(lines) > 1:
            return "two_labels"
        label = read_labels(lines[0]) if lines else "no_label"
        if given is None or isinstance(label, str):
            return label
        return () if set(label) == set(given) else "other_label"


def read_labels(text: str) -> Labels | str:
    """Labels joined by ``+``, at most with a full stop or quotes; or the kind of the fault.

    Example:
        >>> read_labels("'Sore Point+Others'."), read_labels("Sore Point, Others")
        ((<ScriptLabel.SORE_POINT: ...>, <ScriptLabel.OTHERS: ...>), 'two_labels')
    """
    text = text.strip().rstrip(".。").strip("\"'“”「」` ")
    if not text:
        return "no_label"
    try:
        return parse_labels(text)
    except InputError:
        folded = text.casefold()
        named = [each for each in ScriptLabel if each.en.casefold() in folded or each.zh in folded]
        return "two_labels" if len(named) > 1 else "unknown_label"


def is_in(text: str, language: Language) -> bool:
    """Whether a text is in a language, by its letters: half of its units or more are of the language's script.

    A unit is a word in Latin letters, or one letter of another script. A text without letters is in any language.
    """
    latin = len(LATIN.findall(text))
    others = len(WORDS_IN.findall(LATIN.sub("", text)))
    right = len(HAN.findall(text)) if language == "zh" else latin
    return right >= LEAST_SHARE * (latin + others)


def _lead(text: str) -> re.Pattern[str]:
    """What a line of the form begins with, its colon of either width."""
    text = text.strip()
    bare = text.rstrip(":：").rstrip()
    colon = r"\s*[:：]" if bare != text else ""
    return re.compile(re.escape(bare) + colon, re.IGNORECASE)


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
