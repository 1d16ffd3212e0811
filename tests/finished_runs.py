"""Run folders as after a test, made in milliseconds: predictions are the references with words changed."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import yaml

from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRange

BOTH = ("predicted", "given")
LABELS = list(ScriptLabel)
WORDS = [*("red", "kettle", "boils", "tea", "you", "your", "friends", "in", "minute", "while", "old", "pots", "leak")]
EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


def make_stories(count: int, seed: int = 0, evil: bool = False, clips: int = 6) -> list[Story]:
    """Stories of 2 to `clips` clips with labels and facts; the first of `evil` ones holds markup in every text."""
    random = np.random.default_rng(seed)
    stories = []
    for n in range(count):
        end_of_text = EVIL if evil and n == 0 else ""
        own, at = [], 0.0
        for _ in range(int(random.integers(2, clips + 1))):
            end = at + float(random.integers(2, 12))
            words = list(random.choice(WORDS, size=int(random.integers(4, 12))))
            label = LABELS[int(random.integers(12))]
            narration = f"{' '.join(words)}{end_of_text}."
            facts = {"thing": {"value": str(words[0]), "from": "picture"}}
            own.append(Clip(at, end, (label,), narration, facts))
            at = end
        title = f"Aurora kettle {n}{end_of_text}"
        known = Knowledge(f"Material{end_of_text}", ("steel", f"glass{end_of_text}"))
        stories.append(Story(f"test-{n:05}", title, "en", "ad", (known,), tuple(own)))
    return stories


def write_run(
    folder: Path,
    stories: list[Story],
    ablation: str = "full",
    seed: int = 0,
    wrong: float = 0.2,
    *,
    settings: tuple[str, ...] = ("predicted",),
    scores: dict | None = None,
    evil: bool = False,
    salt: str = "",
    spoiled: float = 0.0,
    **config: object,
) -> Path:
    """A finished run.

    Args:
        folder: of the run.
        stories: of its test.
        ablation: as in the configuration.
        seed: of the run, and of what goes wrong in it.
        wrong: the share of words and labels that the model gets wrong.
        settings: of the storyline.
        scores: the content of ``scores.json``; None: there is none.
        evil: narrations hold markup.
        salt: of what goes wrong, beside seed and ablation.
        spoiled: the share of narrations that are those of other clips instead.
        config: further settings, dots as double underscores.
    """
    random = np.random.default_rng([seed, *map(ord, ablation + salt)])
    folder.mkdir(parents=True, exist_ok=True)
    settings_of_run = {"seed_everything": seed, "name": folder.name, "ablation": ablation}
    tree: dict = {**settings_of_run, "model": {"base_model": "tiny"}, "data": {"folder": "shards"}}
    for key, value in config.items():
        *parents, leaf = key.split("__")
        place = tree
        for name in parents:
            place = place.setdefault(name, {})
        place[leaf] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    _write_lines(folder / "stories.jsonl", [s.to_dict() for s in stories])
    for setting in settings:
        lines = [
            _prediction(story, i, setting, wrong, random, EVIL if evil and story is stories[0] else "")
            for story in stories
            for i in story.narrated
        ]
        for i in np.flatnonzero(random.random(len(lines)) < spoiled) if spoiled else ():
            lines[i]["narration"] = lines[int(random.integers(len(lines)))]["reference"]
        _write_lines(folder / f"predictions.{setting}.jsonl", lines)
    losses = [{"step": s, "epoch": s // 50, "train/loss": 3 / (1 + s / 40) + wrong} for s in range(0, 200, 10)]
    losses += [{"step": s, "epoch": s // 50, "val/loss": 3 / (1 + s / 30) + wrong} for s in range(49, 200, 50)]
    _write_lines(folder / "metrics.jsonl", losses)
    if scores is not None:
        (folder / "scores.json").write_text(json.dumps(scores))
    return folder


def write_study(folder: Path, stories: list[Story], **changes: bool) -> Path:
    """A sweep of three variants, three seeds each, the last clearly worse."""
    for ablation, wrong in {"full": 0.1, "no_position": 0.12, "no_memory": 0.5}.items():
        for seed in range(3):
            write_run(folder / f"{ablation}-seed{seed}", stories, ablation, seed, wrong, settings=BOTH, **changes)
    return folder


GRID = {"model.base_model": ("tiny", "larger"), "model.lora.rank": (8, 32)}


def write_grid(folder: Path, stories: list[Story], seeds: int = 3, **changes: bool) -> Path:
    """A sweep of three factors: `no_memory` loses much, the larger base model wins a little less, the rank nothing."""
    for ablation, base, rank, seed in product(("full", "no_memory"), *GRID.values(), range(seeds)):
        wrong = 0.2 + 0.3 * (ablation == "no_memory") - 0.1 * (base == "larger")
        name = f"{ablation}-{base}-{rank}-seed{seed}"
        memory = {"full": "merge", "no_memory": "all"}[ablation]
        settings = {"model__base_model": base, "model__lora__rank": rank, "model__visual__memory": memory}
        write_run(folder / name, stories, ablation, seed, wrong, salt=name, **settings, **changes)
    return folder


def write_many(folder: Path, stories: list[Story], count: int, seeds: int = 3) -> Path:
    """`full` and other variants up to `count`, each with more errors than the one before."""
    names = [
        "full",
        "no_lora",
        "no_storyline",
        "no_position",
        "no_compression",
        "no_memory",
        "memory_none",
        "text_only",
    ]
    for n in range(count):
        own = {"ablation": names[n]} if n < len(names) else {"model__lora__rank": n}
        for seed in range(seeds):
            write_run(folder / f"v{n}-seed{seed}", stories, seed=seed, wrong=0.15 + 0.02 * n, settings=BOTH, **own)
    return folder


def other_stories(stories: list[Story]) -> list[Story]:
    """The same ids with other clips."""
    return [replace(s, clips=tuple(replace(c, narration="Other words.") for c in s.clips)) for s in stories]


def _prediction(story: Story, i: int, setting: str, wrong: float, random: np.random.Generator, end: str) -> dict:
    clip = story.clips[i]
    words = [str(random.choice(WORDS)) if random.random() < wrong else w for w in (clip.narration or "").split()]
    label = LABELS[int(random.integers(12))] if random.random() < wrong else (clip.labels or ())[0]
    count = len((clip.narration or "").split())
    words = words[: max(1, len(words) - int(wrong * random.integers(0, 8)))]
    span = WordRange(max(1, count - 2), count + 2)
    given = setting == "given"
    return {
        "video": story.id,
        "clip": i,
        "start": clip.start,
        "end": clip.end,
        "labels": None if given else [label.en],
        "labels_given": [x.en for x in clip.labels or ()] if given else None,
        "narration": " ".join(words) + end,
        "word_range": [span.low, span.high],
        "range_source": "duration",
        "reference": clip.narration,
        "reference_labels": [x.en for x in clip.labels or ()],
    }


def _write_lines(file: Path, lines: list[dict]) -> None:
    file.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
