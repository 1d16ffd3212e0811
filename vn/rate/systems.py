"""The systems that are rated: one run folder each, with the same videos cut into the same clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vn.compare.runs import Run, find_runs
from vn.errors import InputError, did_you_mean
from vn.score.paper import paper
from vn.score.printed_rows import Printed
from vn.story import Language, Story

MOST = 26  # versions have letters


@dataclass(frozen=True)
class System:
    """What one system wrote.

    Attributes:
        name: name for readers, as `vn compare` names its variant if no other run here has the same.
        run: its run folder.
        printed: the paper's row for it in the human evaluation; None if there is none.
        language: language of its stories.
        stories: the stories it narrated, by id.
        narrations: (video, clip) -> narration; empty if it wrote none.
    """

    name: str
    run: Path
    printed: Printed | None
    language: Language
    stories: dict[str, Story]
    narrations: dict[tuple[str, int], str]


def read_systems(folders: Sequence[Path], setting: str) -> list[System]:
    """Read one system per run folder.

    Args:
        folders: run folders, each once.
        setting: ``predicted`` or ``given``: whose predictions are rated.

    Raises:
        InputError: a folder is not a run, occurs twice, or has no predictions in this setting; too many systems.
    """
    if len(folders) > MOST:
        raise InputError(f"at most {MOST} systems can be rated side by side, got {len(folders)}")
    runs: list[Run] = []
    for folder in folders:
        found, left_out = find_runs([folder])
        own = next((run for run in found if run.folder.resolve() == folder.resolve()), None)
        if own is None:
            why = left_out[0].reason if left_out else "expected a run folder, it is a folder of runs; name each of them"
            raise InputError(why, file=folder)
        if any(own.folder.resolve() == run.folder.resolve() for run in runs):
            raise InputError("is given twice", file=folder)
        if setting not in own.tests:
            hint = did_you_mean(setting, own.tests)
            raise InputError(f"has no predictions.{setting}.jsonl{hint}", file=folder, field="--setting")
        runs.append(own)
    ablations = [run.ablation for run in runs]
    names = [run.ablation if ablations.count(run.ablation) == 1 else run.name for run in runs]
    names = [name if names.count(name) == 1 else str(run.folder) for name, run in zip(names, runs, strict=True)]
    systems = []
    for name, run in zip(names, runs, strict=True):
        test = run.tests[setting]
        narrations = {(clip.video, clip.clip): clip.narration for clip in test.clips}
        stories = {story.id: story for story in test.stories}
        systems.append(System(name, run.folder, _printed(run), test.language, stories, narrations))
    for system in systems[1:]:
        if system.language != systems[0].language:
            raise InputError(f"is in another language than {systems[0].run}", file=system.run)
    return systems


def _printed(run: Run) -> Printed | None:
    """The paper's row for a run; a folder of another program's predictions has none."""
    return paper().printed({**run.config, "ablation": run.ablation}, paper().human) if run.config else None


def shared_stories(systems: Sequence[System]) -> list[Story]:
    """The stories that all systems narrated, by id.

    Raises:
        InputError: a story has other clips or another title in another run.
    """
    first = systems[0]
    ids = sorted(set.intersection(*(set(system.stories) for system in systems)))
    for system in systems[1:]:
        for key in ids:
            one, other = first.stories[key], system.stories[key]
            if [(c.start, c.end) for c in one.clips] != [(c.start, c.end) for c in other.clips]:
                raise InputError(f"is cut into other clips than in {first.run}", file=system.run, sample=key)
            if (one.title, one.knowledge) != (other.title, other.knowledge):
                raise InputError(f"has another title or knowledge than in {first.run}", file=system.run, sample=key)
    return [first.stories[key] for key in ids]


def sample_stories(systems: Sequence[System], count: int, seed: int) -> list[Story]:
    """A seeded sample of the shared stories.

    Stories with several narrated clips come first, since a single narration has no coherence to rate: those of one
    clip are taken only if there are too few others.

    Args:
        systems: from `read_systems`.
        count: number of stories.
        seed: random seed.

    Raises:
        InputError: the systems share fewer stories.
    """
    shared = shared_stories(systems)
    if len(shared) < count:
        runs = "the run has" if len(systems) == 1 else "the runs share"
        raise InputError(f"{runs} {len(shared)} narrated videos, {count} were asked for", field="--stories")
    drawn = [shared[i] for i in np.random.default_rng([seed, 0]).permutation(len(shared))]
    drawn.sort(key=lambda story: len(narrated(story, systems)) < 2)  # a stable sort: the drawn order stays
    return drawn[:count]


def narrated(story: Story, systems: Sequence[System]) -> list[int]:
    """The clips that a system was to narrate, by number."""
    return [i for i in range(len(story.clips)) if any((story.id, i) in system.narrations for system in systems)]
