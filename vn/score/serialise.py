"""Measures as bytes: to cache them, and to send them from one process to another."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from vn.io.files import read_text
from vn.metrics.tokenisation import DEFAULT, Tokenisation, tokenisation_named
from vn.metrics.user_dictionary import CHOICES
from vn.score.predictions import Test
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure, Measured, NotComputed
from vn.score.text_measures import finish_of
from vn.story import Language

PACKAGES = ("jieba", "numpy", "pycocoevalcap")  # whose versions change a score


def to_bytes(measured: Measured, test: Test) -> bytes:
    """Everything about the measures of a test except the test itself."""
    places = {(clip.video, clip.clip): i for i, clip in enumerate(test.clips)}
    heads: dict[str, dict[str, object]] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, each in measured.items():
        if isinstance(each, NotComputed):
            heads[name] = {"why": each.why}
            continue
        heads[name] = {
            "videos": each.videos,
            "tokenisation": each.tokenisation,
            "variant": each.variant,
            "coverage": each.coverage,
            "model": each.model,
            "notes": dict(each.notes),
        }
        arrays[f"{name}/sums"] = each.sums
        arrays[f"{name}/clips"] = np.array([places[c.video, c.clip] for c in each.clips], dtype=np.int64)
        if each.rows is not None:
            arrays[f"{name}/rows"] = each.rows
    arrays["heads"] = np.frombuffer(json.dumps(heads).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def from_bytes(data: bytes, test: Test) -> Measured:
    """The measures of a test that `to_bytes` wrote."""
    measured: Measured = {}
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        for name, head in json.loads(arrays["heads"].tobytes()).items():
            if "why" in head:
                measured[name] = NotComputed(head["why"])
                continue
            measured[name] = Measure(
                videos=tuple(head.pop("videos")),
                sums=arrays[f"{name}/sums"],
                finish=finish_of(name),
                clips=tuple(test.clips[i] for i in arrays[f"{name}/clips"]),
                rows=arrays.get(f"{name}/rows"),
                **head,
            )
    return measured


def method(settings: ScoreSettings, language: Language) -> str:
    """What measures depend on besides the test: the settings and the code. It is the maker's name in a `DiskCache`."""
    tokenisation = settings.tokenisation or DEFAULT[language]
    name = tokenisation.name if isinstance(tokenisation, Tokenisation) else tokenisation_named(tokenisation).name
    return " ".join(["measures", code(), name, settings.meteor, words_named(settings.user_dictionary)])


def words_named(user_dictionary: str | Path) -> str:
    """The user dictionary of a setting: the choice, or the file's name and its hash."""
    words = str(user_dictionary)
    if words in CHOICES:
        return words
    return f"{Path(words).name} {hashlib.sha256(read_text(words).encode()).hexdigest()}"


def digest(test: Test) -> str:
    """A hash of everything in a test: predictions, references and stories."""
    return hashlib.sha256(repr(test).encode(errors="surrogatepass")).hexdigest()


@functools.cache
def code() -> str:
    """A hash of the code that measures: results of an older version are not used."""
    root = Path(__file__).parents[1]
    folders = ("metrics", "score", "tokenizer")
    files = [*sorted(file for each in folders for file in root.glob(f"{each}/*.py")), root / "story.py"]
    found = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    for package in PACKAGES:
        try:
            found.update(f"{package} {version(package)}".encode())
        except PackageNotFoundError:
            continue
    return found.hexdigest()
