"""Where a fuzzed input is tried: which outcomes are allowed, and that nothing else changed."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mutate import Outcome

from vn.cli import main
from vn.errors import InputError


def sizes(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrizes `count`: a slice for every run, all for ``make test-slow``."""
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


class Place:
    """A folder for one kind's inputs, in which nothing but the output folder may change.

    Args:
        folder: of the test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "place"
        self.folder.mkdir()
        self.out = self.folder / "out"

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        before = self.listing()
        yield
        after = self.listing()
        assert before == after, f"written outside of the output folder: {sorted(before ^ after)}"

    def listing(self) -> set[str]:
        found = set(os.listdir(self.folder.parent))
        for root, folders, files in os.walk(self.folder):
            if Path(root) == self.folder and "out" in folders:
                folders.remove("out")
            found |= {os.path.join(root, name) for name in (*folders, *files)}
        return found

    def read(self, work: Callable[[], Any], *names: Path) -> Outcome:
        """Call something that reads: it gives a result, or an `InputError` of one line that names one of `names`."""
        with self.unchanged():
            try:
                work()
            except InputError as error:
                one_line(str(error), names)
                return "refusal"
        return "result"

    def vn(self, *words: object, names: tuple[Path, ...], fine: tuple[str, ...] = ()) -> Outcome:
        """Run a command in this process: exit code 0, or 2 and one line on stderr that names one of `names`.

        Args:
            words: the command.
            names: files, one of which an error must name.
            fine: errors with one of these texts count as results: the input was accepted, a later stage stopped.
        """
        out, err = io.StringIO(), io.StringIO()
        with self.unchanged(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(map(str, words)))
        lines = [line for line in err.getvalue().splitlines() if line and not line.startswith("videos ")]  # the bar
        out.getvalue().encode()  # to a user's terminal, without lone surrogates
        if code == 0:
            return "result"
        assert code == 2, f"exit code {code}: {err.getvalue()[-2000:]}"
        assert lines[-1].startswith(f"vn {words[0]}: error: "), err.getvalue()[-2000:]
        assert all(line.startswith(("cannot be used: ", f"vn {words[0]}: ")) for line in lines), err.getvalue()[-2000:]
        if any(text in lines[-1] for text in fine):
            return "result"
        one_line(lines[-1], names)
        return "refusal"


def one_line(message: str, names: tuple[Path, ...]) -> None:
    """Assert that an error is one printable line of a readable length that names a file."""
    assert message.isprintable(), ascii(message[-1000:])
    assert len(message) < 1500, f"{len(message)} characters: {message[:300]} ..."
    assert any(str(name) in message for name in names), f"none of {list(map(str, names))} in: {message[:1000]}"
