"""The prompts of this folder: YAML files with a system message, a question, and how it is asked once more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vn.endpoints.chat import Message
from vn.errors import InputError
from vn.io.files import parse_yaml, read_text
from vn.story import Language

PROMPTS = Path(__file__).parent / "prompts"
PARTS = ("system", "question", "again")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt in one language.

    Attributes:
        stage: the stage that asks.
        system: who the model is, its task, and the form of its reply.
        question: what it is about.
        again: how it is asked once more.
    """

    stage: str
    system: str
    question: str
    again: str

    def messages(self, **places: str) -> list[Message]:
        """The question, with a text for each place in braces."""
        return [Message("system", _filled(self.system, places)), Message("user", _filled(self.question, places))]

    def once_more(self, asked: Sequence[Message], reply: str, fault: str) -> list[Message]:
        """The question, its reply, and what is wrong with that."""
        return [*asked, Message("assistant", reply), Message("user", _filled(self.again, {"fault": fault}))]


def load_prompts(name: Literal["refine", "labels", "knowledge"]) -> tuple[Mapping[Language, Prompt], str]:
    """The prompts of a stage by language, and the hash of their file.

    Raises:
        InputError: a part is missing.
    """
    file = PROMPTS / f"{name}.yaml"
    text = read_text(file)
    data = parse_yaml(text, file)
    prompts: dict[Language, Prompt] = {}
    for language in ("en", "zh"):
        parts = data.get(language) if isinstance(data, dict) else None
        if not isinstance(parts, dict) or any(not isinstance(parts.get(part), str) for part in PARTS):
            raise InputError(f"expected {', '.join(PARTS)}", file=file, field=language)
        prompts[language] = Prompt(name, **{part: parts[part].strip() for part in PARTS})
    return prompts, hashlib.sha256(text.encode()).hexdigest()


def as_json(texts: Mapping[int, str]) -> str:
    """Texts of clips as the JSON object that is sent, by numbers from 1; each text in one line."""
    lines = {str(clip + 1): " ".join(text.split()) for clip, text in texts.items()}
    return json.dumps(lines, ensure_ascii=False, indent=0)


def _filled(text: str, places: Mapping[str, str]) -> str:
    """A text with its places filled at once, so that what fills one is never taken for another."""
    parts = [text]
    for name, value in places.items():
        parts = [piece for part in parts for piece in _split(part, f"{{{name}}}", value)]
    return "".join(parts)


class _Value(str):
    """What has been filled in, which has no places."""

    __slots__ = ()


def _split(part: str, place: str, value: str) -> list[str]:
    if isinstance(part, _Value) or place not in part:
        return [part]
    before, _, after = part.partition(place)
    return [before, _Value(value), *_split(after, place, value)]
