"""User errors in one sentence each, and warnings that do not stop the work, counted."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any

LONGEST = 400  # characters of one part of a message; of longer ones both ends are shown


class InputError(ValueError):
    """Bad input: the command line prints it as one line and exits with 2.

    Args:
        message: what is wrong, and what would be right.
        file: the file that has the error.
        sample: the story, video or shard key.
        field: the field, e.g. ``clips[2].start``.
    """

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        sample: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(_sentence(message, file, sample, field))

    def __reduce__(self) -> tuple[Any, ...]:
        """From another process it arrives as it is: the sentence is not shortened again."""
        return _as_sent, (type(self), *self.args)


class Findings:
    """Warnings that do not stop the work: kept, counted and listed at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, message: str, *, file: object = None, sample: object = None, field: object = None) -> None:
        """Note one finding; the words are those of an `InputError` with the same arguments."""
        line = _sentence(message, file, sample, field)
        if line not in self.lines:
            self.lines.append(line)

    def __len__(self) -> int:
        return len(self.lines)

    def summary(self, most: int = 20) -> str:
        """The findings as text, the first `most` of them spelled out; empty when there are none."""
        if not self.lines:
            return ""
        head = [f"{len(self.lines)} warning{'s' if len(self.lines) > 1 else ''}:"]
        head += [f"  {line}" for line in self.lines[:most]]
        if len(self.lines) > most:
            head.append(f"  ... and {len(self.lines) - most} more")
        return "\n".join(head)


def show(value: Any) -> str:
    """A value that a file holds, shortened for a message: files may hold anything, nested to any depth."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python does not print integers of thousands of digits
        return f"a {type(value).__name__} that is too long to show"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120


# A URL: what goes before its user, what follows, and its query, which may be signed.
_URL = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/\s?#'\"]*@)?([^\s?'\"]*)(?:\?[^\s'\"]+)?")


def _as_sent(kind: type[InputError], sentence: str) -> InputError:
    error = kind.__new__(kind)
    error.args = (sentence,)
    return error


def _sentence(message: object, *where: object) -> str:
    return ": ".join([*(_one_line(part) for part in where if part), _one_line(message)])


def _one_line(part: object) -> str:
    """Printable and short, whatever a file holds: one line, without terminal control codes or the secrets of URLs."""
    text = _URL.sub(r"\1\2", " ".join(str(part).split()))
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion for a mistyped name: `` (did you mean 'x'?)``, or empty if none is close."""
    if len(word) > LONGEST:
        return ""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
