"""Word matching by METEOR's own Java program, which is part of the package pycocoevalcap."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError
from vn.extras import pip_command
from vn.metrics.ngrams import Tokens

WORD_WEIGHTS = (0.75, 0.25)  # METEOR's delta and 1 - delta: a content word, a function word
MODULE_WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # weights of exact, stem, synonym and paraphrase matches in English
FIELDS = 23  # per line of the program's statistics
START_SECONDS = 120.0  # reading its tables takes seconds; a busy machine may need many
SEGMENT_SECONDS = 0.5


def jar_statistics(hypotheses: Sequence[Tokens], references: Sequence[Tokens]) -> NDArray[np.float64]:
    """The statistics of `vn.metrics.meteor.meteor_statistics` `[N, 6]` of pairs, with English resources.

    Raises:
        InputError: Java or pycocoevalcap is missing, or the program fails or takes too long.
    """
    java, jar = _find()
    lines = [f"SCORE ||| {_line(r)} ||| {_line(h)}\n" for h, r in zip(hypotheses, references, strict=True)]
    command = [java, "-Xmx2G", "-Duser.country=US", "-Duser.language=en", "-jar", jar.name]
    limit = START_SECONDS + SEGMENT_SECONDS * len(lines)
    try:
        done = subprocess.run(
            [*command, "-", "-", "-stdio", "-l", "en", "-norm"],
            input="".join(lines).encode(),
            capture_output=True,
            cwd=jar.parent,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"METEOR's Java program did not finish within {limit:.0f} s") from None
    try:
        fields = np.array([line.split() for line in done.stdout.decode().splitlines()], dtype=np.float64)
        fields = fields.reshape(len(lines), FIELDS)
    except ValueError:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise InputError(f"METEOR's Java program failed (exit code {done.returncode}): {last}") from None
    return _summed(fields)


def _find() -> tuple[str, Path]:
    java = shutil.which("java")
    if java is None:
        raise InputError("METEOR's jar needs Java, which is not installed; install it, or choose the matcher 'exact'")
    package = importlib.util.find_spec("pycocoevalcap")
    for folder in (package.submodule_search_locations or ()) if package else ():
        jar = Path(folder, "meteor", "meteor-1.5.jar")
        if jar.is_file():
            return java, jar
    raise InputError(f"METEOR's jar comes with pycocoevalcap, which is not installed: {pip_command('meteor')}")


def _line(tokens: Tokens) -> str:
    return " ".join(" ".join(tokens).replace("|||", " ").split())


def _summed(fields: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of the program's fields ``[N, 23]``.

    A line has the words of both sides, the function words of both, then for each of the four modules the content
    matches of both sides and the function matches of both, then chunks and the matched words of both.
    """
    words, function_words = fields[:, 0:2], fields[:, 2:4]
    matches = fields[:, 4:20].reshape(-1, len(MODULE_WEIGHTS), 2, 2)  # module, content or function, side
    chunks, matched = fields[:, 20], fields[:, 21:23]
    content, function = WORD_WEIGHTS
    weighted_words = content * (words - function_words) + function * function_words
    weighted_matches = np.einsum("nmws,m,w->ns", matches, MODULE_WEIGHTS, np.array(WORD_WEIGHTS))
    equal = (chunks == 1) & (matched == words).all(axis=1)
    return np.column_stack([weighted_words, weighted_matches, matched.mean(axis=1), np.where(equal, 0.0, chunks)])
