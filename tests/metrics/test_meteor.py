"""METEOR 1.5. Oracle: its own Java program, through pycocoevalcap's Meteor."""

import random
import shutil

import pytest

from vn.errors import InputError
from vn.metrics.meteor import meteor, meteor_of, meteor_statistics


@pytest.mark.oracle
def test_jar_matcher_equals_pycocoevalcap(pycocoevalcap, jar, corpus):
    hypotheses, references = corpus(seed=1, choices=2, segments=10)
    hypotheses += [["a", "red", "cup", "stands", "on", "tables"], [], ["||| odd", "|||"]]
    references += [[["the", "red", "mug", "stood", "on", "a", "table"]] * 2, [["a"], ["b"]], [["odd"], ["cup"]]]
    # Ours first (and this test first): reading the tables takes each process ten seconds, here at the same time.
    statistics = meteor_statistics(hypotheses, references, "jar")
    theirs, segments = pycocoevalcap(jar, hypotheses, references)
    assert meteor_of(statistics.sum(axis=0)) == pytest.approx(theirs, abs=1e-9)
    assert meteor_of(statistics) == pytest.approx(segments, abs=1e-9)


@pytest.mark.oracle
def test_exact_is_within_two_thousandths_of_the_jar(any_corpus, pycocoevalcap, jar):
    theirs, segments = pycocoevalcap(jar, *any_corpus)
    assert meteor(*any_corpus) == pytest.approx(theirs, abs=0.002)
    ours = meteor_of(meteor_statistics(*any_corpus))
    same = sum(abs(a - b) < 1e-6 for a, b in zip(ours, segments, strict=True))
    assert same >= 0.94 * len(segments)


@pytest.mark.oracle
def test_repeated_words_are_aligned_as_the_jar_does(pycocoevalcap, jar):
    """Few words in many orders: more alignments than the beam keeps, so that only the same search agrees."""
    rng = random.Random(0)
    words = ["qxa", "qxb", "qxc", "qxd"]  # no stems, synonyms or paraphrases
    texts = [[rng.choice(words) for _ in range(rng.randint(10, 25))] for _ in range(80)]
    hypotheses, references = texts[:40], [[text] for text in texts[40:]]
    theirs, segments = pycocoevalcap(jar, hypotheses, references)
    assert meteor(hypotheses, references) == pytest.approx(theirs, abs=1e-9)
    assert meteor_of(meteor_statistics(hypotheses, references)) == pytest.approx(segments, abs=1e-9)


def test_empty_hypotheses_score_nothing_and_copies_one():
    assert meteor([[], []], [[["a"]], [["b"]]]) == 0.0
    assert meteor([["a", "b"], ["c"]], [[["a", "b"]], [["c"]]]) == 1.0
    assert meteor([["a"]], [[[]]]) == 0.0


def test_the_best_reference_counts():
    wanted = ["a", "red", "cup"]
    assert meteor([wanted], [[["pens"], wanted]]) == 1.0


def test_jar_without_java_or_package_says_so(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="needs Java"):
        meteor([["a"]], [[["a"]]], "jar")
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/java")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="comes with pycocoevalcap"):
        meteor([["a"]], [[["a"]]], "jar")


def test_a_failing_java_says_so(monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'no memory left' >&2\nexit 3\n")
    java.chmod(0o755)
    pytest.importorskip("pycocoevalcap.meteor")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(InputError, match=r"exit code 3\): no memory left"):
        meteor([["a"]], [[["a"]]], "jar")


def test_unknown_matcher():
    with pytest.raises(InputError, match="'exact' or 'jar'"):
        meteor([["a"]], [[["a"]]], "fuzzy")  # type: ignore[arg-type]
