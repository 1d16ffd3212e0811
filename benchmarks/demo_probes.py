"""A check before training: can the demo's attributes be predicted from the frame features at all?

    python benchmarks/demo_probes.py            after `vn demo` or `vn prepare` of its world

Linear ridge probes on the shards, fitted on the train split's clips and scored on the test split, whose products are
combinations that no training video shows:

- on screen: the mean of the kept frames' tokens of a clip that shows the attribute (target: 95 %);
- earlier only: the consolidated memory, one frame, at clips whose narration names the attribute from an earlier
  frame; fitted on all clips whose earlier frames showed it and whose own do not (target: 85 %).

The features are those the narrator receives: standardised, compressed and consolidated by `vn.visual`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vn.data.manifest import Manifest
from vn.data.shards import read_sample
from vn.demo.film import make_film
from vn.demo.languages import LANGUAGES
from vn.demo.product import ATTRIBUTES
from vn.demo.storyline import PICTURES
from vn.visual.plan import VisualSettings, visual_plan

ON_SCREEN, EARLIER = 0.95, 0.85  # what is wanted
PENALTIES = (0.3, 3.0, 30.0, 300.0)  # of the ridge; chosen on a fifth of the training clips

Examples = dict[tuple[str, str], list[tuple[NDArray[np.float32], str, bool]]]


def examples(folder: Path, split: str, seed: int) -> Examples:
    """For each attribute and place (``picture``, ``earlier_picture``): features, value, and whether it is narrated."""
    manifest = Manifest.load(folder)
    mean, std = (np.array(manifest.statistics[k], dtype=np.float32) for k in ("mean", "std"))
    vocabulary = LANGUAGES[manifest.language]
    found: Examples = {}
    for entry in manifest.samples(split):
        story, frames, seconds = read_sample(folder / entry.shard, entry)
        film = make_film(vocabulary, seed, split, int(entry.key.rsplit("-", 1)[1]))  # type: ignore[arg-type]
        tokens = (frames.astype(np.float32) - mean) / std
        seen: set[str] = set()
        for clip, scene in enumerate(film.scenes):
            shows = PICTURES[scene.picture].shows
            plan = visual_plan(
                tokens.mean(axis=1), seconds, story, clip, VisualSettings(), manifest.similarity_threshold
            )
            visible = np.einsum("vf,ftd->vtd", plan.weights, tokens)
            memory, own = visible[: plan.memory], visible[plan.memory :]
            facts = story.clips[clip].facts or {}
            for name in ATTRIBUTES:
                value = film.product.attribute(name)
                said = facts.get(name, {}).get("from")
                if name in shows:
                    found.setdefault((name, "picture"), []).append((own.mean(0).ravel(), value, said == "picture"))
                elif name in seen:
                    example = (memory[0].ravel(), value, said == "earlier_picture")
                    found.setdefault((name, "earlier_picture"), []).append(example)
            seen |= shows
    return found


def ridge(x: NDArray[np.float32], y: NDArray[np.float32], penalty: float) -> NDArray[np.float32]:
    """Weights of a ridge regression in its dual form: there are more channels than examples."""
    gram = x @ x.T
    gram[np.diag_indices_from(gram)] += penalty * x.shape[1]
    return x.T @ np.linalg.solve(gram, y)


def probe(train: list, test: list) -> tuple[float, int]:
    """Accuracy on the narrated test examples, and how many there are."""
    values = sorted({value for _, value, _ in train})
    rng = np.random.default_rng(0)
    order = rng.permutation(len(train))
    x = np.stack([train[i][0] for i in order])
    centre = x.mean(0)
    x = np.c_[x - centre, np.ones(len(x), dtype=np.float32)]
    y = np.eye(len(values), dtype=np.float32)[[values.index(train[i][1]) for i in order]]
    held = len(x) // 5

    def accuracy(weights: NDArray[np.float32], at: NDArray[np.float32], truth: NDArray[np.intp]) -> float:
        return float(((at @ weights).argmax(1) == truth).mean())

    scores = [accuracy(ridge(x[held:], y[held:], p), x[:held], y[:held].argmax(1)) for p in PENALTIES]
    weights = ridge(x, y, PENALTIES[int(np.argmax(scores))])
    said = [example for example in test if example[2]]
    at = np.stack([features for features, _, _ in said]) - centre
    truth = np.array([values.index(value) for _, value, _ in said])
    return accuracy(weights, np.c_[at, np.ones(len(at), dtype=np.float32)], truth), len(said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("demo-work/shards"))
    parser.add_argument("--seed", type=int, default=0, help="of the world")
    args = parser.parse_args()
    train, test = (examples(args.data, split, args.seed) for split in ("train", "test"))
    print("| attribute | known from | fitted on | tested on | accuracy | wanted |\n|---|---|---:|---:|---:|---:|")
    short = 0
    for place, wanted in (("picture", ON_SCREEN), ("earlier_picture", EARLIER)):
        for name in ATTRIBUTES:
            accuracy, count = probe(train[name, place], test[name, place])
            short += accuracy < wanted
            where = "on screen" if place == "picture" else "earlier only"
            print(f"| {name} | {where} | {len(train[name, place])} | {count} | {accuracy:.3f} | {wanted} |")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
