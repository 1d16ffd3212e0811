"""What people mistype in YAML and JSON files, and a question that points it out: quotes, colons, commas, spaces."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from vn.errors import show

_SPACES = "\u3000\u00a0\u2002\u2003\u2009\u200a\u202f\ufeff\u200b"
_KEY = r"[A-Za-z_][\w ]*"
_QUOTE = "“”‘’„‟＂＇「」『』«»"
_DASH = "－—–‐‑−•・·"
# What a line looks like, and the question to ask about it; the first that matches is asked.
_COLON = "is that a full-width colon in line {line}?"
_QUOTES = "are those typographic quotes in line {line}?"
_SPACE = "is that a full-width or no-break space in line {line}?"
_BRACKETS = "are those full-width brackets in line {line}?"
_ITEM = r"\s*(?:- +)*"
_SLIPS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r" *\t"), "line {line} begins with a tab: indent with spaces"),
    (re.compile(rf" *[{_SPACES}]"), _SPACE),
    (re.compile(rf" *[{_DASH}] *\S"), "is that a full-width dash in line {line}?"),
    (re.compile(rf"{_ITEM}[{{［｛\[]?\s*[{_QUOTE}]{_KEY}[{_QUOTE}]\s*[:：]"), _QUOTES),
    (re.compile(rf"{_ITEM}[\"']?{_KEY}[\"']?\s*："), _COLON),
    (re.compile(rf".*\{{(?:.*[,，])?\s*{_KEY}\s*："), _COLON),
    (re.compile(rf"{_ITEM}[\"']?{_KEY}[\"']?:[{_SPACES}]"), _SPACE),
    (re.compile(rf"\s*-[{_SPACES}]"), _SPACE),
    (re.compile(rf"{_ITEM}(?:{_KEY}: *)?[［｛]"), _BRACKETS),
    (re.compile(rf"{_ITEM}{_KEY}: *【[^】]*[,，、][^】]*】\s*$"), _BRACKETS),
    (re.compile(rf"{_ITEM}(?:{_KEY}: *)?[\[{{][^\]}}]*[］｝】〕]\s*$"), "is that a full-width bracket in line {line}?"),
    (re.compile(rf"{_ITEM}(?:{_KEY}: *)?\{{.*，"), "is that a full-width comma in line {line}?"),
    (re.compile(r"\s*＃"), "is that a full-width # in line {line}?"),
)
_NO_SPACE = r"\s*(?:- +)*(?:{names}):\S"
LONGEST_LINE = 300  # characters that are looked at
LIKE_TEXT = "put it in quotes"


def yaml_hint(text: str, names: tuple[str, ...] = ()) -> str:
    """The probable typing error in a YAML file, as the end of a message; empty if none is found.

    Args:
        text: the file's text.
        names: fields that it may have.
    """
    close = re.compile(_NO_SPACE.format(names="|".join(map(re.escape, names)))) if names else None
    for number, line in enumerate(text.split("\n"), 1):
        line = line[:LONGEST_LINE]
        for pattern, question in _SLIPS:
            if pattern.match(line):
                return "; " + question.format(line=number)
        if close is not None and close.match(line):
            return f"; is a space missing after the colon in line {number}?"
    return ""


def json_hint(text: str, place: int) -> str:
    """The same for JSON: what is at the place of the error."""
    before, here = text[:place].rstrip(), text[place : place + 1]
    # Python's position is that of the comma, or just after it.
    if (before.endswith(",") and here in "]}") or (here == "," and text[place + 1 :].lstrip()[:1] in tuple("]}")):
        closing = here if here in "]}" else text[place + 1 :].lstrip()[:1]
        return f" (a comma before the {closing})"
    if here and here in _QUOTE:
        return ' (typographic quotes; JSON has ")'
    if here and here in "：，［］｛｝" + _SPACES:
        return " (a full-width or unusual character; JSON has plain ones)"
    if here == "'":
        return " (single quotes; JSON has double ones)"
    return ""


class Source:
    """The scalars of a YAML file as they are written there, by their place: ``knowledge[0].points[1]``.

    Args:
        text: the file's text.
    """

    def __init__(self, text: str) -> None:
        try:
            self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError, ValueError):
            self.root = None

    def at(self, where: str) -> yaml.ScalarNode | None:
        """The scalar at a place, if there is one: its `value`, its line, and whether it is in quotes (`style`)."""
        node = self.root
        for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", where):
            if name:
                node = self._field(node, name)
            elif isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
                node = node.value[int(index)]
            else:
                return None
        return node if isinstance(node, yaml.ScalarNode) else None

    @staticmethod
    def _field(node: Any, name: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return None
        # The last of several, which is the one that YAML reads.
        return next((value for key, value in reversed(node.value) if getattr(key, "value", None) == name), None)

    def several(self) -> Iterator[tuple[str, int]]:
        """Texts in ``[...]`` without quotes that have a full-width comma: one text, though several may be meant."""
        left, seen = [self.root], set()
        while left:
            node = left.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                left += [each for pair in node.value for each in pair]
            elif isinstance(node, yaml.SequenceNode):
                left += node.value
                for each in node.value if node.flow_style else ():
                    if isinstance(each, yaml.ScalarNode) and each.style is None and "，" in each.value:
                        yield each.value, each.start_mark.line + 1


def not_a_text(value: Any, node: yaml.ScalarNode | None = None, yaml_file: bool = False) -> str:
    """The message for a value that should be a text.

    Args:
        value: the value as read.
        node: the value as written.
        yaml_file: whether a YAML file was read, in which unquoted values may not be texts.
    """
    if isinstance(value, str):
        return f"expected a text, got {show(value)}"
    if isinstance(value, Mapping):
        hint = f"; if it is a text with a colon, {LIKE_TEXT}" if yaml_file else ""
        return f"expected a text, got fields: {show(dict(value))}{hint}"
    if isinstance(value, list | tuple | set):
        return f"expected a text, got a list: {show(value)}"
    if value is None and (node is None or not node.value):
        return "expected a text, got nothing" if yaml_file else f"expected a text, got null; {LIKE_TEXT}"
    written = node.value if node is not None else _as_json(value)
    read = _KINDS.get(type(value), "a value")
    what = _as_json(value) if isinstance(value, bool) else f"{read} {show(value)}" if read == "the number" else read
    kind = f" (line {node.start_mark.line + 1}), which YAML reads as {what}" if node is not None else ""
    return f"expected a text, got {written}{kind}; {LIKE_TEXT}"


_KINDS = {
    int: "the number",
    float: "the number",
    datetime.date: "a date",
    datetime.datetime: "a time",
    type(None): "nothing",
    bytes: "bytes",
}


def _as_json(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else show(value)
