"""The text metrics against pycocoevalcap with its METEOR jar, their bootstrap, and batched embeddings.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [text] [bootstrap] [embeddings]

Seconds are CPU time, including children (the jar is a separate process), so that other work on the machine matters
little; wall time is also shown. Texts are those of ``VN_REAL_DATA`` (``esyncvidstory_sample.json``) if it is set, else
the demo world's, perturbed and repeated to 4,077 clips. Results are compared in the same run, which fails if they
differ.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vn.io.disk_cache import DiskCache
from vn.metrics.bleu import bleu, bleu_of, bleu_statistics
from vn.metrics.bootstrap import RESAMPLES, interval, mean
from vn.metrics.cider import cider, cider_segments
from vn.metrics.information import info_sim, points_told
from vn.metrics.meteor import meteor, meteor_of, meteor_statistics
from vn.score.sums import with_count

CLIPS = 4077  # of the paper's test split
VIDEO = 7  # clips of one, about
STORIES = 40  # for embeddings


class Clock:
    """Seconds of CPU (children included) and on the wall."""

    cpu = 0.0
    wall = 0.0


@contextlib.contextmanager
def timed() -> Iterator[Clock]:
    clock = Clock()
    before, start = cpu(), time.perf_counter()
    yield clock
    clock.cpu, clock.wall = cpu() - before, time.perf_counter() - start


def cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def texts() -> list[str]:
    folder = os.environ.get("VN_REAL_DATA")
    if folder:
        stories = json.loads(Path(folder, "esyncvidstory_sample.json").read_text(encoding="utf-8"))
        return [f["new_text"] for story in stories.values() for f in story["frames"] if f.get("new_text")]
    return [narration for narrations, _ in demo_stories() for narration in narrations]


def perturbed(text: str, characters: str, rng: random.Random) -> str:
    """About a quarter of the characters changed, left out or added; three in ten texts turned around a place."""
    letters = list(text)
    for _ in range(max(1, len(letters) // 4)):
        place = rng.randrange(len(letters) + 1)
        letters[place : place + rng.randint(0, 3)] = [rng.choice(characters) for _ in range(rng.randint(0, 3))]
    if rng.random() < 0.3:
        place = rng.randrange(len(letters) + 1)
        letters = letters[place:] + letters[:place]
    return "".join(letters)


def corpus() -> tuple[list[list[str]], list[list[list[str]]]]:
    """Hypotheses and references as ids written as words, one a character, as the released evaluation scores them."""
    rng = random.Random(0)
    originals = texts()
    characters = "".join(sorted(set("".join(originals))))
    ids = {c: str(10_000 + i) for i, c in enumerate(characters)}
    references = [perturbed(originals[i % len(originals)], characters, rng) for i in range(CLIPS)]
    hypotheses = [perturbed(text, characters, rng) for text in references]
    return [[ids[c] for c in h] for h in hypotheses], [[[ids[c] for c in r]] for r in references]


def against_pycocoevalcap() -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor

    hypotheses, references = corpus()
    wanted = {i: [" ".join(r) for r in own] for i, own in enumerate(references)}
    written = {i: [" ".join(h)] for i, h in enumerate(hypotheses)}

    def jar() -> float:
        scorer = Meteor()
        value = scorer.compute_score(wanted, written)[0]
        scorer.meteor_p.stdin.close()
        scorer.meteor_p.wait()  # only then does its CPU time count as ours
        return value

    rows: list[tuple[str, Callable[[], Any], Callable[[], Any], float]] = [
        ("BLEU-1..4", lambda: bleu(hypotheses, references), lambda: Bleu(4).compute_score(wanted, written)[0], 1e-6),
        ("METEOR", lambda: meteor(hypotheses, references), jar, 0.002),
        ("CIDEr-D", lambda: cider(hypotheses, references), lambda: Cider().compute_score(wanted, written)[0], 1e-6),
    ]
    print(f"{CLIPS} clips, {sum(map(len, hypotheses)) / CLIPS:.1f} tokens a narration\n")
    print("| metric | ours CPU s (wall) | pycocoevalcap CPU s (wall) | ratio | apart by |")
    print("|---|--:|--:|--:|--:|")
    total, theirs_total = Clock(), Clock()
    for name, ours, theirs, most in rows:
        with timed() as own:
            value = ours()
        with timed() as other, contextlib.redirect_stdout(io.StringIO()):
            expected = theirs()
        apart = float(np.abs(np.subtract(value, expected)).max())
        for sum_, clock in ((total, own), (theirs_total, other)):
            sum_.cpu, sum_.wall = sum_.cpu + clock.cpu, sum_.wall + clock.wall
        print(_row(name, own, other, f"{apart:.1e}"), flush=True)
        if apart > most:
            sys.exit(f"{name} differs by {apart}, more than {most}")
    print(_row("all three", total, theirs_total, ""))


def _row(name: str, ours: Clock, theirs: Clock, apart: str) -> str:
    ratio = theirs.cpu / ours.cpu
    return (
        f"| {name} | {ours.cpu:.2f} ({ours.wall:.1f}) | {theirs.cpu:.2f} ({theirs.wall:.1f}) | {ratio:.1f}x | {apart} |"
    )


def bootstrap() -> None:
    """Scores and intervals of all three over videos, from texts."""
    hypotheses, references = corpus()
    videos = np.arange(CLIPS) // VIDEO
    with timed() as clock:
        found = []
        for rows, finish in (
            (bleu_statistics(hypotheses, references), lambda sums: bleu_of(sums)[..., 3]),
            (meteor_statistics(hypotheses, references), meteor_of),
            (with_count(cider_segments(hypotheses, references)), mean),
        ):
            sums = np.zeros((videos.max() + 1, rows.shape[1]))
            np.add.at(sums, videos, rows)
            found.append(interval(sums, finish, resamples=RESAMPLES))
    print(f"\nBLEU-4, METEOR and CIDEr-D with intervals of {RESAMPLES} resamples over {videos.max() + 1} videos: ")
    print(f"{clock.cpu:.2f} CPU s ({clock.wall:.1f} s on the wall), scoring included; {found}")


def embeddings() -> None:
    """InfoSim and InfoDiverse of stories whose texts repeat: one call a story, against one batched call of all."""
    from vn.metrics.content_words import ContentWords
    from vn.score.sentences import SentenceEncoder

    words = ContentWords("en")
    stories = list(demo_stories())

    def scores(of: Callable[[list[str]], dict[str, np.ndarray]]) -> list[tuple[float, int]]:
        found = []
        for narrations, points in stories:
            own = [words.all(text) for text in narrations]
            vectors = of([*points, *narrations, *(w for each in own for w in each)])
            known = np.stack([vectors[p] for p in points])
            sims = [
                info_sim(vectors[text], np.stack([vectors[w] for w in each]), known)
                for text, each in zip(narrations, own, strict=True)
            ]
            units = np.stack([vectors[t] for t in [*narrations, *(w for each in own for w in each)]])
            found.append((float(np.mean(sims)), points_told(units, known)))
        return found

    encoder = SentenceEncoder("minilm", DiskCache())
    encoder.embed(["a first text, to load the weights"])

    def one_by_one(unit_texts: list[str]) -> dict[str, np.ndarray]:
        """What the released evaluation does: a call a text, nothing kept from story to story."""
        return {text: SentenceEncoder.embed(fresh(encoder), [text])[text] for text in unit_texts}

    def a_story(unit_texts: list[str]) -> dict[str, np.ndarray]:
        """One padded call a story, every text of it as often as it occurs."""
        vectors = encoder._encode(unit_texts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return dict(zip(unit_texts, vectors / lengths, strict=True))

    everything = [
        text
        for narrations, points in stories
        for text in [*points, *narrations, *(w for n in narrations for w in words.all(n))]
    ]
    with timed() as batched:
        vectors = fresh(encoder).embed(everything)
        ours = scores(lambda unit_texts: vectors)
    print(f"\n{len(stories)} stories, {len(everything)} texts, {len(set(everything))} of them different\n")
    print("| embeddings | CPU s (wall) | against ours | InfoSim apart by | points told that differ |")
    print("|---|--:|--:|--:|--:|")
    print(f"| batched, each text once (ours) | {batched.cpu:.2f} ({batched.wall:.1f}) | | | |")
    for name, way in (("one padded call a story", a_story), ("one call a text", one_by_one)):
        with timed() as clock:
            theirs = scores(way)
        apart = max(abs(a - b) for (a, _), (b, _) in zip(ours, theirs, strict=True))
        differ = sum(a != b for (_, a), (_, b) in zip(ours, theirs, strict=True))
        print(
            f"| {name} | {clock.cpu:.2f} ({clock.wall:.1f}) | {clock.cpu / batched.cpu:.1f}x | {apart:.1e} | {differ} |"
        )
        if apart > 1e-4:
            sys.exit(f"{name} differs by {apart}")


def fresh(encoder: Any) -> Any:
    """The same weights with an empty cache."""
    from vn.score.sentences import SentenceEncoder

    other = SentenceEncoder(encoder.name, DiskCache())
    vars(other)["_model"] = encoder._model
    return other


def demo_stories() -> Iterator[tuple[list[str], list[str]]]:
    """Narrations and points of the demo's stories, which share their expressions as real ads do."""
    from vn.demo.world import make_stories

    for story in make_stories(0, STORIES, "train"):
        points = [p for known in story.knowledge for p in known.points]
        yield [clip.narration for clip in story.clips if clip.narration], points


PARTS = {"text": against_pycocoevalcap, "bootstrap": bootstrap, "embeddings": embeddings}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
