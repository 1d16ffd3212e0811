"""The demo world on disk: stories, their videos, and one more video to narrate.

FOLDER/train/train-00000.json ...   stories (`vn.story.Story`); likewise val and test
FOLDER/videos/train-00000.mp4 ...   their videos
FOLDER/narrate/                     a test product's video, product.yaml (without clips), storyline.yaml,
                                    and reference.json (the story it was filmed from)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from vn.demo import canvas, film, product, props, render, scenes, sprites, storyline
from vn.demo.cached import fingerprint
from vn.demo.english import ENGLISH
from vn.demo.film import Film, make_film
from vn.demo.product import Split
from vn.demo.vocabulary import Vocabulary
from vn.io.atomic import atomic_write
from vn.story import ScriptLabel, Story

SPLITS: tuple[Split, ...] = ("train", "val", "test")

Progress = Callable[[int, int], None]
"""Called with the number of videos done, and of all."""


@dataclass(frozen=True, slots=True)
class World:
    """The paths of a demo world.

    Attributes:
        stories: folder with the splits, the input of ``vn prepare``.
        video, product, storyline: inputs of ``vn narrate``.
        reference: the story that the video to narrate was filmed from.
    """

    stories: Path
    video: Path
    product: Path
    storyline: Path
    reference: Path


def make_films(seed: int, count: int, split: Split, vocabulary: Vocabulary = ENGLISH) -> list[Film]:
    """The first films of a split; asking for more does not change the first ones."""
    return [make_film(vocabulary, seed, split, i) for i in range(count)]


def make_stories(seed: int, count: int, split: Split, vocabulary: Vocabulary = ENGLISH) -> list[Story]:
    """The stories of `make_films`."""
    return [each.story for each in make_films(seed, count, split, vocabulary)]


def showcase(seed: int, after: int, vocabulary: Vocabulary = ENGLISH) -> Film:
    """A test film from number `after` on with the usual course: problem, appearance, and finally the offer."""
    for index in count(after):
        shown = make_film(vocabulary, seed, "test", index)
        labels = [label for clip in shown.story.clips for label in clip.labels or ()]
        ends = labels[0] is ScriptLabel.SORE_POINT and labels[-1] is ScriptLabel.CALL_TO_ACTION
        if ends and ScriptLabel.APPEARANCE in labels and len(labels) >= 5:
            return shown
    raise AssertionError("an endless search ended")


def write_world(
    folder: str | Path,
    sizes: Mapping[Split, int],
    seed: int = 0,
    progress: Progress | None = None,
    vocabulary: Vocabulary = ENGLISH,
    processes: int = 1,
    niceness: int = 0,
) -> World:
    """Write the stories and render the videos; existing files are kept, so that a killed call can be resumed.

    Args:
        folder: output folder, created if it does not exist.
        sizes: number of stories by split.
        seed: random seed of everything; other seeds give other worlds with the same rules.
        progress: called after each video.
        vocabulary: the language of the stories.
        processes: how many render, one thread each.
        niceness: how much these give way to others, if there is more than one.
    """
    folder = Path(folder)
    videos = _video_folder(folder / "videos", seed)
    jobs: list[tuple[Film, Path]] = []
    for split in SPLITS:
        films = make_films(seed, sizes.get(split, 0), split, vocabulary)
        _write_stories(folder / split, [each.story for each in films])
        jobs += [(each, videos / f"{each.story.id}.mp4") for each in films]
    shown = showcase(seed, sizes.get("test", 0), vocabulary)
    world = _write_showcase(folder, shown)
    # Rendered among the others, and copied, so that the same caching applies to the video to narrate.
    jobs.append((shown, videos / f"{shown.story.id}.mp4"))
    _render(jobs, progress, processes, niceness)
    _write(world.video, jobs[-1][1].read_bytes())
    return world


def _video_folder(folder: Path, seed: int) -> Path:
    """The folder of videos, emptied if they were made from other code or another seed."""
    made_from = fingerprint(canvas, film, product, props, render, scenes, sprites, storyline, seed=seed)
    marker = folder / "made_from.txt"
    if not marker.exists() or marker.read_text("utf-8") != made_from:
        for old in folder.glob("*.mp4"):
            old.unlink()
        _write(marker, made_from.encode())
    return folder


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        with atomic_write(path) as file:
            file.write(content)


def _json(story: Story) -> bytes:
    return (json.dumps(story.to_dict(), ensure_ascii=False, indent=1) + "\n").encode()


def _yaml(value: Any) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode()


def _write_stories(folder: Path, stories: list[Story]) -> None:
    names = {f"{story.id}.json" for story in stories}
    for old in folder.glob(f"{folder.name}-?????.json"):  # from a larger world, written here before
        if old.name not in names:
            old.unlink()
    for story in stories:
        _write(folder / f"{story.id}.json", _json(story))


def _write_showcase(folder: Path, shown: Film) -> World:
    narrate = folder / "narrate"
    story = shown.story.to_dict()
    world = World(
        stories=folder,
        video=narrate / f"{shown.story.id}.mp4",
        product=narrate / "product.yaml",
        storyline=narrate / "storyline.yaml",
        reference=narrate / "reference.json",
    )
    _write(world.product, _yaml({key: story[key] for key in ("title", "language", "domain", "knowledge")}))
    _write(world.storyline, _yaml(["+".join(clip["labels"]) for clip in story["clips"]]))
    _write(world.reference, _json(shown.story))
    return world


def _render(jobs: list[tuple[Film, Path]], progress: Progress | None, processes: int, niceness: int) -> None:
    missing = [job for job in jobs if not job[1].exists()]

    def follow(results: Iterable[None]) -> None:
        if progress is not None:
            progress(len(jobs) - len(missing), len(jobs))
        for done, _ in enumerate(results, start=len(jobs) - len(missing) + 1):
            if progress is not None:
                progress(done, len(jobs))

    if processes == 1 or len(missing) <= 1:
        return follow(map(_render_one, missing))
    with ProcessPoolExecutor(
        processes,
        get_context("spawn"),
        initializer=os.nice,
        initargs=(niceness,),  # callers may have threads: no fork
    ) as pool:
        try:
            follow(pool.map(_render_one, missing))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a caller that gives up waits for no more than the videos begun
            raise


def _render_one(job: tuple[Film, Path]) -> None:
    import cv2

    cv2.setNumThreads(1)
    render.render(*job)
