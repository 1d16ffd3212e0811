"""Shared by all fuzz tests: the count of inputs and a summary line per kind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutate
import pytest
from place import Place

TALLIES: list[mutate.Tally] = []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not TALLIES:
        return
    terminalreporter.section("fuzz")
    total = [sum(getattr(t, name) for t in TALLIES) for name in ("inputs", "results", "refusals")]
    for tally in [*TALLIES, mutate.Tally("all", *total, max(t.slowest for t in TALLIES))]:
        terminalreporter.write_line(str(tally))


@pytest.fixture
def fuzz() -> Callable[..., None]:
    """`mutate.run`, whose tally is shown at the end."""

    def run(*args: Any, **kwargs: Any) -> None:
        TALLIES.append(mutate.run(*args, **kwargs))

    return run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Lightning's log may go to an earlier test's closed stderr
    return Place(tmp_path)
