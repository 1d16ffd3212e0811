"""Measures all runs: in parallel processes if there is much to do, each result cached as soon as it is there."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from vn.environment import cores
from vn.io.children import end_with_parent
from vn.io.disk_cache import DiskCache
from vn.metrics.meteor import Matcher
from vn.metrics.tokenisation import Tokenisation
from vn.score.measures import measure
from vn.score.predictions import Test
from vn.score.serialise import digest, from_bytes, method, to_bytes
from vn.score.settings import ScoreSettings
from vn.score.sums import Measured

CACHE = "compare_cache.sqlite"
MANY = 8000  # clips to measure from which processes gain more than their start costs


def measure_all(
    tests: Sequence[tuple[str, Test]],
    settings: ScoreSettings,
    cache: DiskCache,
    on_step: Callable[[str], None] = lambda what: None,
) -> list[Measured]:
    """Measure tests, as `vn.score.measures.measure` does each.

    Args:
        tests: the tests, each with a name for readers.
        settings: how to measure; without models, the tokenisation by its name.
        cache: measures that are in it are not computed again.
        on_step: called with what was finished last.

    Raises:
        InputError: a chosen resource that is not there, or a damaged cache.
    """
    ways = {language: method(settings, language) for language in {test.language for _, test in tests}}
    keys = [(ways[test.language], digest(test)) for _, test in tests]
    stored = [cache.get(maker, [text]).get(text) for maker, text in keys]
    wanted = [place for place, value in enumerate(stored) if value is None]
    for done, (place, value) in enumerate(_taken({i: tests[i][1] for i in wanted}, settings), 1):
        maker, text = keys[place]
        cache.put(maker, {text: value})
        stored[place] = value
        on_step(f"measured {done} of {len(wanted)}: {tests[place][0]}")
    return [from_bytes(value, test) for value, (_, test) in zip(stored, tests, strict=True) if value is not None]


def _taken(tests: Mapping[int, Test], settings: ScoreSettings) -> Iterator[tuple[int, bytes]]:
    processes = min(len(tests), cores())
    if processes < 2 or sum(len(test.clips) for test in tests.values()) < MANY:
        for place, test in tests.items():
            yield place, to_bytes(measure(test, settings), test)
        return
    # Not forked: the terminal's progress runs in a thread of this process.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin)
    try:
        how = (settings.tokenisation, settings.meteor, settings.user_dictionary)
        places = {pool.submit(_take, test, *how): place for place, test in tests.items()}
        for future in as_completed(places):
            yield places[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _take(test: Test, tokenisation: Tokenisation | str | None, meteor: Matcher, user_dictionary: str | Path) -> bytes:
    return to_bytes(measure(test, ScoreSettings(tokenisation, meteor, user_dictionary)), test)


def _begin() -> None:
    """Leave Ctrl-C to the parent process, and end if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
