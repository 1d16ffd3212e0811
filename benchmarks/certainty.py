"""How often `vn compare` is right about a difference: its interval's coverage, and what counts in made-up studies.

python benchmarks/certainty.py                  both, half an hour on busy cores
python benchmarks/certainty.py model            only the interval, on scores drawn from a model of seeds and videos
python benchmarks/certainty.py stored           whole studies of stored predictions, compared as `vn compare` does

Seed noise is not from trainings: in `stored`, every run has a share of its narrations replaced by those of other clips,
and that share is drawn again for each run, so that means over three seeds of the same method move as far as they did in
the demo's study, where only the order of sums differed (EXPERIMENTS.md: by 1 to 16 points of CIDEr).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compare"))
from finished_runs import make_stories, write_run

from vn.compare.crossed import Arm, contrast
from vn.compare.deltas import judged
from vn.compare.number import Delta
from vn.compare.paired import seed_difference
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure

SEEDS = 3
PILOTS = 12  # runs from which the noise of a given share of spoiled narrations is taken
PLANTED = 32.0  # CIDEr x100: twice the 16 points by which means over three seeds were apart
# Standard deviation of one run's CIDEr: with the first, the largest of 20 null differences is 16 points; with the
# second, null differences have the root mean square of the study's six variants near full's score (9.3 points).
NOISE = (8.7, 11.4)
METRICS = ("cider", "meteor", "bleu_4", "word_length_accuracy")


# -- the interval on a model ------------------------------------------------------------------------------------------


def drawn(
    random: np.random.Generator, videos: int, seeds: int, noise: float, ratio: float, apart: float, effect: float
):
    """Two arms of runs: seeds' noise, what each run does on each video, and what the second does on each video.

    Args:
        random: draws.
        videos: of the test.
        seeds: per arm.
        noise: standard deviation of a run's score; 38 % of its variance is from single videos, as in `stored`.
        ratio: of the second arm's seed noise to the first's.
        apart: standard deviation over videos of the effect, in per cent of a video's own (300).
        effect: second minus first.
    """
    by_seed, by_video = noise * 0.62**0.5, noise * (0.38 * videos) ** 0.5
    score = random.normal(0, 300, videos)
    arms = []
    for scale, shift in ((1.0, 0.0), (ratio, effect)):
        own = random.normal(0, 3 * apart, videos) if shift or scale != 1 or apart else 0.0
        parts = score + (own if len(arms) else 0.0) + shift + scale * random.normal(0, by_seed, (seeds, 1))
        parts = parts + random.normal(0, by_video, (seeds, videos))
        arms.append(Arm(parts.mean(axis=1), parts))
    return arms


def model(draws: int, seed: int) -> None:
    """Print how often the interval holds the true difference, and its width beside the bootstrap's over videos."""
    print(
        "| seeds | videos | second arm's noise | effect differs by video | coverage | width | bootstrap over videos |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    random = np.random.default_rng(seed)
    for seeds, videos, ratio, apart in (
        *((3, 150, 1.0, 0.0), (3, 150, 1.0, 20.0), (3, 150, 3.0, 0.0), (3, 150, 0.1, 0.0), (3, 20, 1.0, 0.0)),
        *((3, 20, 1.0, 20.0), (5, 150, 1.0, 0.0), (10, 150, 1.0, 0.0)),
    ):
        held = bootstrap_held = 0
        width = 0.0
        for _ in range(draws):
            first, second = drawn(random, videos, seeds, NOISE[1], ratio, apart, PLANTED)
            found = contrast([first, second], [-1, 1])
            held += found.low <= PLANTED <= found.high
            width += (found.high - found.low) / draws
            gap = second.parts.mean(axis=0) - first.parts.mean(axis=0)
            reach = 1.96 * gap.std() / videos**0.5  # what a bootstrap over videos of the seed means gives
            bootstrap_held += abs(gap.mean() - PLANTED) <= reach
        cells = f"{seeds} | {videos} | x{ratio:g} | {apart:g} % | {100 * held / draws:.1f} % | {width:.0f}"
        print(f"| {cells} | {100 * bootstrap_held / draws:.1f} % |", flush=True)


def effects(draws: int, seed: int) -> None:
    """Print the same of main effects: the mean difference of matched pairs, each at every seed."""
    print("| pairs | seeds | videos | effect differs by pair | coverage | width |")
    print("|---:|---:|---:|---:|---:|---:|")
    random = np.random.default_rng(seed)
    for pairs, seeds, videos, apart in ((2, 3, 150, 0.0), (4, 3, 150, 0.0), (4, 3, 20, 0.0), (4, 3, 150, 20.0)):
        held, width = 0, 0.0
        for _ in range(draws):
            of_pairs = PLANTED + random.normal(0, apart, pairs) if apart else np.full(pairs, PLANTED)
            each = [drawn(random, videos, seeds, NOISE[1], 1.0, 0.0, float(effect)) for effect in of_pairs]
            less, more = (np.concatenate([pair[side].parts for pair in each]) for side in (0, 1))
            found = contrast([Arm((more - less).mean(axis=1), more - less)], [1])
            held += found.low <= of_pairs.mean() <= found.high
            width += (found.high - found.low) / draws
        print(f"| {pairs} | {seeds} | {videos} | {apart:g} | {100 * held / draws:.1f} % | {width:.0f} |", flush=True)


# -- whole studies of stored predictions ------------------------------------------------------------------------------


class World:
    """Stories, and runs on them whose CIDEr is about what is asked for."""

    def __init__(self, folder: Path, videos: int, seed: int) -> None:
        self.folder, self.stories, self.seed = folder, make_stories(videos, seed, clips=10), seed
        self.wrong, self.spoiled = 0.35, 0.2
        here = [self.cider(folder / f"pilot{n}", self.spoiled) for n in range(PILOTS)]
        there = [self.cider(folder / f"pilot{n}", self.spoiled + 0.1) for n in range(PILOTS, 2 * PILOTS)]
        self.level, self.chance = (
            float(np.mean(here)),
            float(np.std([*(here - np.mean(here)), *(there - np.mean(there))], ddof=2)),
        )
        self.slope = (float(np.mean(there)) - self.level) / 0.1  # points of CIDEr for all narrations spoiled

    def write(self, folder: Path, ablation: str, seed: int, spoiled: float) -> Path:
        salt = f"{folder.name}{self.seed}"
        return write_run(folder, self.stories, ablation, seed, self.wrong, salt=salt, spoiled=spoiled)

    def cider(self, folder: Path, spoiled: float) -> float:
        self.write(folder, "full", len(folder.name), spoiled)
        found = study(*find_runs([folder]), ScoreSettings())
        return 100 * found.numbers["predicted"]["full"]["cider"].mean  # type: ignore[union-attr]

    def pair(self, name: str, noise: float, effect: float, random: np.random.Generator) -> Path:
        """A study of two arms of three seeds; the second scores `effect` less."""
        own = max(noise**2 - self.chance**2, 0) ** 0.5  # which narrations are spoiled moves a run by itself
        for ablation, loss in (("full", 0.0), ("no_memory", effect)):
            for seed in range(SEEDS):
                spoiled = self.spoiled + (-loss + random.normal(0, own)) / self.slope
                self.write(self.folder / name / f"{ablation}-seed{seed}", ablation, seed, max(0.0, spoiled))
        return self.folder / name


def stored(pairs: int, videos: int, draws: int, seed: int) -> None:
    """Print how many null and planted differences count, in `pairs` studies and in `draws` mixtures of their runs."""
    print(
        "| one run's noise | planted | root mean square, largest difference | counts: " + " | ".join((*METRICS, "any")),
        end=" | ",
    )
    print(f"CIDEr in {draws} mixtures |")
    print("|---:|---:|---:|" + "---:|" * (len(METRICS) + 2), flush=True)
    for noise in NOISE:
        arms: dict[float, tuple[list[Measure], list[Measure]]] = {}
        for effect in (0.0, PLANTED):
            any_metric = 0
            random = np.random.default_rng([seed, int(noise * 10), int(effect)])
            counted, gaps = dict.fromkeys(METRICS, 0), []
            arms[effect] = ([], [])
            with tempfile.TemporaryDirectory() as folder:
                world = World(Path(folder), videos, seed)
                for n in range(pairs):
                    found = study(
                        *find_runs([world.pair(f"{noise}-{effect}-{n}", noise, effect, random)]), ScoreSettings()
                    )
                    deltas = found.deltas["predicted"]["no_memory"]
                    gaps.append(100 * (deltas["cider"].value or 0))
                    any_metric += any(d.counts for d in deltas.values())
                    for metric in METRICS:
                        counted[metric] += deltas[metric].counts
                    for place, name in enumerate(("full", "no_memory")):
                        number = found.numbers["predicted"][name]["cider"]
                        arms[effect][place].extend(number.measures)  # type: ignore[union-attr]
            spread = float(np.sqrt(np.mean(np.square(np.array(gaps) + effect))))
            share = mixtures(*arms[effect], draws, random)
            cells = " | ".join(f"{counted[m]} of {pairs}" for m in METRICS) + f" | {any_metric} of {pairs}"
            largest = max(abs(g) for g in gaps)
            print(f"| {noise} | {effect:g} | {spread:.1f}, {largest:.1f} | {cells} | {100 * share:.1f} % |", flush=True)


def mixtures(first: Sequence[Measure], second: Sequence[Measure], draws: int, random: np.random.Generator) -> float:
    """The share of studies that count, each of other three runs of each of two pools."""
    counted = 0
    for _ in range(draws):
        own = [[pool[i] for i in random.choice(len(pool), SEEDS, replace=False)] for pool in (first, second)]
        counted += compared(*own).counts
    return counted / draws


def compared(first: Sequence[Measure], second: Sequence[Measure]) -> Delta:
    """The difference of CIDEr of two arms, with its verdict, as in a study of these two variants."""
    d = seed_difference(first, second)
    delta = Delta(d.value, d.low, d.high, d.p_value, d.seeds, few=len(first), videos=len(first[0].videos))
    return judged("cider", {"pair": delta})["pair"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("model", "stored"))
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--videos", type=int, default=150)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.perf_counter()
    if args.what != "stored":
        model(args.draws, args.seed)
        effects(args.draws, args.seed)
    if args.what != "model":
        stored(args.pairs, args.videos, args.draws, args.seed)
    print(f"{time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
