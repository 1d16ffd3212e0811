"""Mutations of valid inputs, reproducible: raw bytes from a seed, parsed values from hypothesis.

`run` feeds both kinds to a check and counts what came of them; a failure prints the bytes that caused it.
"""

from __future__ import annotations

import copy
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Outcome = Literal["result", "refusal"]
Check = Callable[[bytes], Outcome]

SECONDS = 20.0  # of computing that one input may take; more is a hang
DEEP, HUGE = "@@deep@@", "@@huge@@"  # stand for what Python cannot dump: 20,000 lists in each other, 5,000 digits

LONG = 100_000  # characters of a long text
TEXTS: list[str] = [
    *("", " ", "\n", "x" * LONG, "字" * LONG, "word " * (LONG // 5), "0", "1e400", "nan", "null", "~", "-", "--out"),
    *("👩\u200d👧🫖", "שלום \u202eעולם", "مرحبا", "e\u0301", "\ufeff", "\u2028", "\x85", "\x1b[31m", "%s"),
    *("\ud800", "a\udfffb", "\x00", "a\x00b", "a\nb", "a\rb", "\t", "x" * 300),
    *("../../x", "..", ".", "/etc/x", "a/b", "a\\b", "C:\\x", "~/x"),
    *("{title}", "{", "}", "{}", "{0}", "{index!r}", "{index:>9}", "{index:{x}}", "{index:>999999999}"),
    *("[/b]", "[bold", "Sore Point+", "+"),
]
NUMBERS: list[float | int] = [
    *(0, -1, 1, 3, 2**31, 2**63, -(2**63), 10**18, 10**400, -(10**400)),
    *(0.5, -0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 1e15),
]
CHUNKS: list[bytes] = [
    *(b"\x00", b"\x00" * 600, b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    *(b"1e400", b"-1", b"9" * 5000, b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b'"', b"'", b"\\"),
    *(b"[" * 20_000, b'{"a":' * 20_000, b"[", b"]", b"{", b"}", b",", b":", b"\n", b"\r\n", b"\t", b" ", b"#"),
    *(b"&a ", b"*a ", b"&a [*a]", b"!!python/object:os.system ", b"!!timestamp x", b"!!int x", b"!!bool x"),
    *(b"2024-13-45", b"0x", b"1:60:61", b"=", b"? ", b"| ", b"> ", b"<<: ", b"---\n", b"%YAML 9.9\n", b"!!binary x"),
    *(b"\\ud800", b"\x1b[2J", b"x" * LONG),
]


@dataclass(frozen=True)
class Tally:
    """What came of a kind's inputs."""

    kind: str
    inputs: int
    results: int
    refusals: int
    slowest: float

    def __str__(self) -> str:
        counts = f"{self.inputs:6} inputs {self.results:6} results {self.refusals:6} refusals"
        return f"{self.kind:32} {counts}   slowest {self.slowest:.2f} s"


# -- raw bytes -----------------------------------------------------------------------------------------------------


def mutate_bytes(data: bytes, dice: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """One to four mutations, all drawn from `dice`."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        data = dice.choice(_BYTES)(data, dice)
        if others and dice.random() < 0.05:  # splice with another valid input
            other = dice.choice(others)
            data = data[: dice.randint(0, len(data))] + other[dice.randint(0, len(other)) :]
    return data


def _flip(data: bytes, dice: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20))):
        if out:
            out[dice.randrange(len(out))] ^= 1 << dice.randrange(8)
    return bytes(out)


def _cut_end(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randint(0, len(data))]


def _drop(data: bytes, dice: random.Random) -> bytes:
    start = dice.randint(0, len(data))
    return data[:start] + data[start + dice.choice((1, 4, 40, 600)) :]


def _insert(data: bytes, dice: random.Random) -> bytes:
    start = dice.randint(0, len(data))
    return data[:start] + dice.choice(CHUNKS) + data[start:]


def _overwrite(data: bytes, dice: random.Random) -> bytes:
    start, chunk = dice.randint(0, len(data)), dice.choice(CHUNKS)
    return data[:start] + chunk + data[start + len(chunk) :]


def _duplicate(data: bytes, dice: random.Random) -> bytes:
    start = dice.randint(0, len(data))
    end = start + dice.choice((1, 10, 100, 1000))
    return data[:end] + data[start:end] * dice.choice((1, 1, 3)) + data[end:]


def _swap_number(data: bytes, dice: random.Random) -> bytes:
    """Put another number in the place of a digit: what flips seldom manage."""
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    place = dice.choice(places)
    number = dice.choice((b"-1", b"0", b"1e400", b"NaN", b"9" * 5000, b"99999999999999999999", b"1.5", b"-0", b"0777"))
    return data[:place] + number + data[place + 1 :]


def _recode(data: bytes, dice: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(dice.choice(("utf-16", "utf-16-le", "utf-32", "gbk", "utf-8-sig", "cp1252")), "replace")


def _line_ends(data: bytes, dice: random.Random) -> bytes:
    return data.replace(b"\n", dice.choice((b"\r\n", b"\r", b"\n\n", b"", b" ")))


_BYTES = [_flip, _flip, _cut_end, _drop, _insert, _insert, _overwrite, _duplicate, _swap_number, _recode, _line_ends]


# -- parsed values -------------------------------------------------------------------------------------------------

Path = tuple[Any, ...]


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Where something stands in a parsed value; () is all of it."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, (*at, i))


def _nasty() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.sampled_from(TEXTS),
        st.sampled_from(NUMBERS),
        st.sampled_from([None, True, False, [], {}, [[]], [None], [{}], {"a": 1}, DEEP, HUGE]),
        st.text(max_size=20),
        st.integers(),
        st.floats(),
    )
    return st.one_of(leaves, st.lists(leaves, max_size=3), st.dictionaries(st.text(max_size=5), leaves, max_size=2))


NASTY = _nasty()


@st.composite
def mutated(draw: Any, values: Sequence[Any]) -> Any:
    """One of `values` with one to three places dropped, replaced, renamed, repeated or moved."""
    value = copy.deepcopy(draw(st.sampled_from(values)))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        value = _mutate_place(draw, value)
    return value


def _mutate_place(draw: Any, value: Any) -> Any:
    where = draw(st.sampled_from(list(places(value))))
    if not where:
        return draw(st.sampled_from([value] * 9 + [copy.deepcopy(draw(NASTY))]))
    parent = value
    for key in where[:-1]:
        parent = parent[key]
    key = where[-1]
    what = draw(st.sampled_from(("replace", "replace", "replace", "drop", "rename", "repeat", "wrap", "move")))
    if what == "replace":
        parent[key] = copy.deepcopy(draw(NASTY))
    elif what == "drop":
        del parent[key]
    elif what == "rename" and isinstance(parent, dict):
        new = draw(st.sampled_from([*TEXTS, *map(str, parent)]))
        parent[new] = parent.pop(key)
    elif what == "repeat" and isinstance(parent, list):
        parent[key:key] = [parent[key]] * draw(st.sampled_from((1, 2, 50)))
    elif what == "wrap":
        inner = parent[key]
        parent[key] = draw(st.sampled_from(([inner], {"a": inner}, [[inner]])))
    elif what == "move":
        other = draw(st.sampled_from(list(places(value))))
        found = value
        for step in other:
            found = found[step]
        parent[key] = copy.deepcopy(found)
    return value


def as_json(value: Any) -> bytes:
    """JSON with what JSON cannot say: NaN, lone surrogates as escapes, endless nesting and digits."""
    return _spell(json.dumps(value)).encode()


def as_json_lines(value: Any) -> bytes:
    """A list as JSON Lines; anything else as a single line."""
    lines = value if isinstance(value, list) else [value]
    return "".join(_spell(json.dumps(line)) + "\n" for line in lines).encode()


def as_yaml(value: Any) -> bytes:
    """YAML, in block style."""
    return _spell(yaml.safe_dump(value, sort_keys=False)).encode()


def _spell(text: str) -> str:
    for quoted in (f'"{DEEP}"', f"'{DEEP}'", DEEP):
        text = text.replace(quoted, "[" * 20_000 + "]" * 20_000)
    for quoted in (f'"{HUGE}"', f"'{HUGE}'", HUGE):
        text = text.replace(quoted, "9" * 5000)
    return text


# -- running -------------------------------------------------------------------------------------------------------


class Hang(BaseException):
    """An input took too long; no `except Exception` shall swallow it."""


@contextmanager
def limited() -> Iterator[None]:
    """Raise `Hang` in the main thread after `SECONDS` of computing, or six times as long of anything."""

    def stop(*_: object) -> None:
        raise Hang(f"still at work after {SECONDS} s")

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, 6 * SECONDS))
    before = [signal.signal(number, stop) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def run(
    kind: str,
    check: Check,
    valid: Sequence[bytes],
    count: int,
    values: Sequence[Any] = (),
    dump: Callable[[Any], bytes] = as_json,
    data: Callable[[Any], st.SearchStrategy[bytes]] | None = None,
) -> Tally:
    """Feed `count` mutated inputs to a check, half of each sort where there are parsed values.

    Args:
        kind: names the inputs.
        check: gives what came of an input; raises where it is neither a result nor a named one-line error.
        valid: inputs as bytes; each must pass the check with a result.
        count: inputs in all.
        values: valid inputs, parsed.
        dump: makes bytes of a parsed value.
        data: instead of `values` and `dump`, a strategy of bytes.
    """
    counts = {"result": 0, "refusal": 0}
    slowest = 0.0

    def one(data: bytes, how: str) -> None:
        nonlocal slowest
        began = time.process_time()
        try:
            with limited():
                counts[check(data)] += 1
        except (Exception, Hang):
            shown = repr(data[:3000]) + (f" ... {len(data)} bytes" if len(data) > 3000 else "")
            print(f"\n{kind}: {how}: {shown}", file=sys.stderr)
            raise
        slowest = max(slowest, time.process_time() - began)

    for each in valid:
        with limited():
            assert check(each) == "result", f"{kind}: a valid input is refused: {each[:300]!r}"
    structured = count // 2 if values or data is not None else 0
    for number in range(count - structured):
        dice = random.Random(f"{kind} {number}")
        one(mutate_bytes(dice.choice(valid), dice, valid), f"byte mutation {number}")
    if structured:
        strategy = data if data is not None else mutated(values).map(dump)

        @seed(0)
        @settings(
            max_examples=structured,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if count > 1000 else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def explore(made: bytes) -> None:
            one(made, "structured")

        explore()
    return Tally(kind, sum(counts.values()), counts["result"], counts["refusal"], slowest)
