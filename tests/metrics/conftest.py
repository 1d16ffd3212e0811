"""Made-up corpora, and the third-party scorers they are compared with."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Corpus = tuple[list[list[str]], list[list[list[str]]]]


def make_corpus(seed: int, segments: int = 40, vocabulary: int = 200, length: int = 20, choices: int = 1) -> Corpus:
    """References of ids as words, a few of them frequent; hypotheses are edited references, some of them empty."""
    rng = random.Random(seed)

    def word() -> str:
        return str(10_000 + min(vocabulary, int(rng.paretovariate(0.7))) * 7919 % 64_000)

    hypotheses, references = [], []
    for _ in range(segments):
        own = [[word() for _ in range(rng.randint(1, length))] for _ in range(choices)]
        hypothesis = list(rng.choice(own))
        for _ in range(rng.randint(0, length)):
            place = rng.randrange(len(hypothesis) + 1)
            hypothesis[place : place + rng.randint(0, 2)] = [word()] * rng.randint(0, 1)
        hypotheses.append([] if rng.random() < 0.05 else hypothesis)
        references.append(own)
    return hypotheses, references


@pytest.fixture
def corpus() -> Callable[..., Corpus]:
    return make_corpus


CORPORA = [
    {"seed": 0},
    {"seed": 1, "choices": 3},
    {"seed": 2, "vocabulary": 8, "length": 8, "choices": 2},
    {"seed": 3, "vocabulary": 60_000, "length": 50, "segments": 20},
    {"seed": 4, "segments": 5, "length": 3},
]


@pytest.fixture(params=CORPORA, ids=lambda settings: f"seed{settings['seed']}")
def any_corpus(request: pytest.FixtureRequest) -> Corpus:
    return make_corpus(**request.param)


@pytest.fixture(scope="session")
def pycocoevalcap() -> Callable[[Any, list[list[str]], list[list[list[str]]]], Any]:
    """Calls one of pycocoevalcap's scorers with token lists, quietly; gives (corpus score, segment scores)."""
    pytest.importorskip("pycocoevalcap.bleu.bleu")

    def call(scorer: Any, hypotheses: list[list[str]], references: list[list[list[str]]]) -> Any:
        wanted = {i: [" ".join(r) for r in own] for i, own in enumerate(references)}
        written = {i: [" ".join(h)] for i, h in enumerate(hypotheses)}
        with contextlib.redirect_stdout(io.StringIO()):
            return scorer.compute_score(wanted, written)

    return call


@pytest.fixture(scope="session")
def jar(pycocoevalcap: object) -> Iterator[Any]:
    """pycocoevalcap's own METEOR, a Java process."""
    if shutil.which("java") is None:
        pytest.skip("no Java")
    from pycocoevalcap.meteor.meteor import Meteor

    meteor = Meteor()
    yield meteor
    for stream in (meteor.meteor_p.stdout, meteor.meteor_p.stderr):
        stream.close()
