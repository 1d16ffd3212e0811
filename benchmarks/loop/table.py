"""The tables of the closed loop, as Markdown."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean as average
from typing import Any

import numpy as np
from loop.measure import Counts, measure, rates, results_of
from loop.speak import read_truth
from loop.train import TRUTH

from vn.metrics.bootstrap import difference, interval, mean
from vn.metrics.cider import cider_segments
from vn.metrics.tokenisation import DEFAULT, tokenisation_named
from vn.story import Language

WAYS = ("predicted", "given")
Pair = tuple[Path, Path]
"""The folder of a demo, and that of the closed loop."""


def spoken_table(work: Path) -> None:
    """Print how the narrations fitted into their clips."""
    files = sorted((work / "spoken").glob("*.json"))
    clips = [clip for file in files for clip in json.loads(file.read_text(encoding="utf-8"))["clips"]]
    late, fast = sum(clip["over"] > 0 for clip in clips), sum(clip["speed"] > 1.001 for clip in clips)
    longest = max(clip["over"] for clip in clips)
    print(
        f"{work.name}: {len(files)} videos, {len(clips)} clips spoken; {fast} faster than usual, "
        f"{late} longer than their clips even at the greatest speed (by {longest:.2f} s at most)"
    )


def annotation_table(pairs: Sequence[Pair], videos: Sequence[str]) -> None:
    """Print the rates of every folder of stories that was annotated."""
    columns: dict[str, dict[str, Any]] = {}
    for demo, work in pairs:
        for stories in sorted(work.glob("stories/*/stages")):
            counts = counts_of(demo / "world", stories.parent, videos)
            if counts:
                name = f"{work.name}, {stories.parent.name}, {len(counts)} videos"
                columns[name] = rates(list(counts.values()))
    print(f"\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        cells = [_cell(column[name]) if name in column else "" for column in columns.values()]
        print(f"| {name} | {' | '.join(cells)} |")


def counts_of(world: Path, stories: Path, videos: Sequence[str]) -> dict[str, Counts]:
    """The counts of the videos that went through all stages that any of them went through."""
    found = {video: results_of(stories, video) for video in videos}
    stages = {stage for results in found.values() for stage in results}
    whole = {video: results for video, results in found.items() if stages and set(results) == stages}
    return {video: measure(read_truth(world, video), results) for video, results in whole.items()}


def training_table(pairs: Sequence[Pair]) -> None:
    """Print CIDEr x100 of all runs on the test videos, and the difference to the runs on the truth, over videos."""
    print("\n| | trained on | storyline | seeds | CIDEr | each | to the truth | labels right | facts right |")
    print("|---|---|---|---:|---:|---|---:|---:|---:|")
    for demo, work in pairs:
        runs: dict[str, list[Path]] = defaultdict(list)
        for file in sorted(work.glob("runs/*/scores.json")):
            runs[file.parent.name.split("-seed")[0]].append(file.parent)
        for way in WAYS:
            _rows(work.name, way, runs, language_of(demo))


def _rows(name: str, way: str, runs: Mapping[str, Sequence[Path]], language: Language) -> None:
    sums = {data: [cider_sums(run, way, language) for run in each] for data, each in runs.items()}
    means = {data: np.mean(np.stack(each), axis=0) for data, each in sums.items()}  # over seeds
    for data in sorted(runs, key=lambda data: data != TRUTH):
        every = ", ".join(f"{100 * float(mean(one.sum(axis=0))):.1f}" for one in sums[data])
        total = float(mean(means[data].sum(axis=0))), interval(means[data], mean)
        apart = ""
        if data != TRUTH and TRUTH in means:
            found = difference(means[TRUTH], means[data], mean)
            apart = f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
        scores = [json.loads((run / "scores.json").read_text(encoding="utf-8"))[way] for run in runs[data]]
        cells = [_cell(total, ""), every, apart]
        cells += [_score(scores, "label_agreement") if way == "predicted" else "", _score(scores, "facts")]
        print(f"| {name} | {data} | {way} | {len(runs[data])} | {' | '.join(cells)} |")


def language_of(demo: Path) -> Language:
    """The language of a demo's stories."""
    return read_truth(demo / "world", "train-00000").language


def cider_sums(run: Path, way: str, language: Language) -> np.ndarray:
    """``[V, 2]``: CIDEr-D summed over a video's clips, and their number; videos by id."""
    text = (run / f"predictions.{way}.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    tokens = tokenisation_named(DEFAULT[language]).tokens
    scores = cider_segments([tokens(x["narration"]) for x in lines], [[tokens(x["reference"])] for x in lines])
    videos: dict[str, list[float]] = defaultdict(list)
    for line, score in zip(lines, scores, strict=True):
        videos[line["video"]].append(float(score))
    return np.array([[sum(videos[video]), len(videos[video])] for video in sorted(videos)])


def _score(scores: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [score[name]["value"] for score in scores if isinstance(score.get(name, {}).get("value"), float)]
    return f"{100 * average(values):.1f} %" if values else ""


def _cell(found: tuple[float, tuple[float, float] | None], unit: str = " %") -> str:
    """A rate in per cent, or a score x100, with its interval."""
    value, bounds = found
    inside = f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})" if bounds else ""
    return f"{100 * value:.1f}{unit}{inside}"
