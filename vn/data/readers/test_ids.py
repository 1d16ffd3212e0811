"""Which stories are the test split, by a file of ids (``--test-ids``).

abc123.mp4                                          one id or video per line, with or without extension
["abc123", "def456.mp4"]                            a JSON list of them
[{"id": "abc123_0", "conversations": [...]}, ...]   a JSON list of objects, such as the release's ready prompts
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.data.readers.groups import listing, without_ending
from vn.data.readers.prompt_list import NAMES
from vn.data.readers.source import SourceStory
from vn.errors import Findings, InputError, show
from vn.io.files import parse_json, read_text

NUMBER = re.compile(r"_\d{1,6}$")  # number of a clip or a frame, after the id of its video


@dataclass(frozen=True, slots=True)
class TestId:
    """One entry of the file.

    Attributes:
        text: text in the file, for messages.
        names: ids and names that it may mean, the most exact first.
    """

    text: str
    names: tuple[str, ...]

    __test__ = False  # not a test class of pytest


def read_test_ids(file: str | Path) -> list[TestId]:
    """Read a file of ids.

    Raises:
        InputError: it cannot be read, is empty, or has an entry that names no video.
    """
    text = read_text(file).strip()
    if not text.startswith(("[", "{")):
        ids = [TestId(line, tuple(_exact(line))) for line in map(str.strip, text.splitlines()) if line]
    else:
        ids = [_entry(value, file, f"[{n}]") for n, value in enumerate(_values(text, file))]
    if not ids:
        raise InputError("expected one test id per line, or a JSON list of them, found none", file=file)
    return ids


def _values(text: str, file: str | Path) -> list[Any]:
    if Path(file).suffix == ".jsonl":
        return [parse_json(line, file, n) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    values = parse_json(text, file)
    if isinstance(values, dict) and values and all(isinstance(value, dict) for value in values.values()):
        return list(values)
    if not isinstance(values, list):
        raise InputError(f"expected a list of ids, got a {type(values).__name__}", file=file)
    return values


def _entry(value: Any, file: str | Path, where: str) -> TestId:
    given = [value.get(name) for name in NAMES] if isinstance(value, dict) else [value]
    texts = [text for each in given if (text := _text(each))]
    if not texts:
        raise InputError(
            f"expected an id, or an object with {' or '.join(NAMES)}, got {show(value)}", file=file, field=where
        )
    names = [name for text in texts for name in _exact(text)]
    names += [name for text in texts for name in _less_exact(text)]
    return TestId(texts[0], tuple(dict.fromkeys(names)))


def _text(value: Any) -> str:
    """A text, or the first of a list of texts (the frames of a clip)."""
    if isinstance(value, list) and value:
        value = value[0]
    number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e15
    return str(value).strip() if number or isinstance(value, str) else ""


def _exact(text: str) -> Iterator[str]:
    """An id or a video's path or name, with and without its extension."""
    yield text
    yield without_ending(text)
    yield posixpath.basename(text)
    yield without_ending(posixpath.basename(text))


def _less_exact(text: str) -> Iterator[str]:
    """The video of a clip ``<id>_<number>``, of a frame ``<id>_<number>.jpg``, or of ``<id>/<number>.jpg``."""
    stem = posixpath.basename(text)
    while (shorter := without_ending(stem)) != stem:
        stem = shorter
    if NUMBER.search(stem):
        yield NUMBER.sub("", stem)
    folder = posixpath.basename(posixpath.dirname(text))
    if folder and stem.isdecimal():
        yield folder


def choose_test(
    stories: Sequence[SourceStory], ids: Sequence[TestId], file: str | Path, findings: Findings, left_out: bool = False
) -> list[SourceStory]:
    """Put the stories that ids name into the test split.

    A story is named by its id, or by its video, which names all stories of that video.

    Args:
        stories: stories of the source.
        ids: from `read_test_ids`.
        file: named in the warning about ids that match no story.
        findings: collects it.
        left_out: whether unusable stories were left out, which ids may name as well.
    """
    of_name: dict[str, set[int]] = defaultdict(set)
    for number, source in enumerate(stories):
        video = source.story.video or ""
        for name in (source.story.id, source.group, *_exact(video)):
            of_name[name].add(number)
    of_name.pop("", None)  # stories without a video
    chosen: set[int] = set()
    unknown: dict[str, None] = {}
    for each in ids:
        named = next((of_name[name] for name in each.names if name in of_name), None)
        if named is None:
            unknown[each.text] = None
        else:
            chosen |= named
    if unknown:
        total = len({each.text for each in ids})
        others = f", then {listing(list(unknown)[1:])}" if len(unknown) > 1 else ""
        but = " (or one that cannot be used)" if left_out else ""
        message = f"{len(unknown)} of {total} ids match no story{but}, the first is {next(iter(unknown))}{others}"
        findings.add(message, file=file)
    return [replace(source, split="test") if n in chosen else source for n, source in enumerate(stories)]
