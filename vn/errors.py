"""What a user did wrong, in one sentence; and what went on all the same, counted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(ValueError):
    """Bad input: the command line prints it as one line and exits with 2.

    Args:
        message: what is wrong, and what would be right.
        file: the file it stands in.
        sample: the story, video or shard key.
        field: the field, e.g. ``clips[2].start``.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        sample: str | None = None,
        field: str | None = None,
    ) -> None:
        where = [str(part) for part in (file, sample, field) if part]
        super().__init__(": ".join([*where, " ".join(str(message).split())]))


class Findings:
    """Things worth a warning that do not stop the work: kept, counted and listed at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, message: str, *, file: object = None, sample: object = None, field: object = None) -> None:
        """Note one finding; the words are those of an `InputError` with the same arguments."""
        where = [str(part) for part in (file, sample, field) if part]
        line = ": ".join([*where, " ".join(message.split())])
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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion for a mistyped name: `` (did you mean 'x'?)``, or nothing when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
