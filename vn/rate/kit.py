"""Makes a kit: one page per rater, the media once, and the key outside."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.io.atomic import PARTIAL, write_text
from vn.io.remote import Folder
from vn.rate.key import Key
from vn.rate.media import copy_videos, write_strips
from vn.rate.page_file import render
from vn.rate.systems import System, narrated
from vn.story import Story
from vn.subtitles.cues import cues


@dataclass(frozen=True)
class Plan:
    """What a kit is made of.

    Attributes:
        systems: what is rated.
        stories: the sampled stories.
        raters: number of pages.
        seed: random seed of the sample and of all orders.
        setting: whose predictions are rated.
        made: the command that makes the kit.
        videos: a folder of videos; None if frames are shown instead.
        shards: the data folder whose thumbnails are shown, without `videos`.
    """

    systems: Sequence[System]
    stories: Sequence[Story]
    raters: int
    seed: int
    setting: str
    made: str
    videos: Path | None = None
    shards: Folder | None = None


def make_kit(plan: Plan, out: Path, key_file: Path) -> Key:
    """Write a kit and its key; the folder appears whole or not at all.

    Args:
        plan: what the kit is made of.
        out: folder of the kit; must not exist.
        key_file: file of the key, outside of it.

    Raises:
        InputError: a video or its frames are missing, or browsers do not play it.
    """
    check_place(out, key_file)
    partial = out.with_name(out.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        keyed = dict(zip(_numbered("s", len(plan.stories)), plan.stories, strict=True))
        names = _numbered("", plan.raters)
        shown = _shown(plan, keyed, names, partial)
        contents = {name: _hash(own) for name, own in shown.items()}
        kit = _hash(list(contents.values()))[:16]
        common = {"kit": kit, "language": plan.systems[0].language, "domain": plan.stories[0].domain}
        for name in names:
            page = {**common, "rater": name, "content": contents[name], "stories": shown[name]}
            write_text(partial / f"rater-{name}.html", render(page))
        key = Key(
            kit=kit,
            made=plan.made,
            seed=plan.seed,
            setting=plan.setting,
            systems={system.name: _about(system) for system in plan.systems},
            stories={key: {"video": story.id, "seconds": _end(story)} for key, story in keyed.items()},
            raters={name: {"content": contents[name], "order": _names(orders(plan, keyed, name))} for name in names},
        )
        key_file.parent.mkdir(parents=True, exist_ok=True)
        key.save(key_file)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return key


Orders = Mapping[str, Sequence[System]]


def orders(plan: Plan, keys: Iterable[str], rater: str) -> Orders:
    """The order of a rater's stories, and of the systems in each, so that no place favours a story or a system."""
    random, known = np.random.default_rng([plan.seed, 1, int(rater)]), list(keys)
    systems = plan.systems
    return {known[i]: [systems[j] for j in random.permutation(len(systems))] for i in random.permutation(len(known))}


def _names(orders: Orders) -> dict[str, list[str]]:
    return {story: [system.name for system in order] for story, order in sorted(orders.items())}


def _shown(plan: Plan, keyed: Mapping[str, Story], names: Sequence[str], folder: Path) -> dict[str, list[Any]]:
    """What each rater's page shows; writes the media."""
    films = copy_videos(keyed, plan.videos, folder) if plan.videos else {}
    strips = write_strips(keyed, plan.shards, folder) if plan.shards and not plan.videos else {}
    return {
        name: [
            _story(key, keyed[key], order, films.get(key), strips.get(key))
            for key, order in orders(plan, keyed, name).items()
        ]
        for name in names
    }


def _numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{n:0{max(2, len(str(count)))}}" for n in range(1, count + 1)]


def _story(
    key: str, story: Story, order: Sequence[System], video: str | None, strips: Sequence[str] | None
) -> dict[str, Any]:
    """What a page shows of a story; nothing in it depends on a system but the narrations."""
    clips = narrated(story, order)
    versions = []
    for system in order:
        texts = [" ".join(system.narrations.get((story.id, i), "").split()) for i in clips]
        spoken = [(story.clips[i].start, story.clips[i].end, text) for i, text in zip(clips, texts, strict=True)]
        lines = cues(spoken, story.language) if video else []
        versions.append(
            {
                "narrations": texts,
                "cues": [[round(start, 3), round(end, 3), "\n".join(text)] for start, end, text in lines],
            }
        )
    return {
        "id": key,
        "title": story.title,
        "facts": [[known.aspect, list(known.points)] for known in story.knowledge],
        "video": video,
        "clips": [[story.clips[i].start, story.clips[i].end, strips[i] if strips else None] for i in clips],
        "versions": versions,
    }


def _about(system: System) -> dict[str, Any]:
    row, apart = (system.printed.system, system.printed.reasons) if system.printed else (None, ())
    return {"run": str(system.run), "paper_row": row, "differences_from_paper": list(apart)}


def _end(story: Story) -> float:
    return max(clip.end for clip in story.clips)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def check_place(out: Path, key_file: Path) -> None:
    """Raise `InputError` unless kit and key are new and the key is outside the kit."""
    if out.exists():
        raise InputError("exists already; give another folder", file=out, field="--out")
    if key_file.resolve().is_relative_to(out.resolve()):
        raise InputError("the key must not be in the kit, which raters get", file=key_file, field="--key")
    if key_file.exists():
        raise InputError("exists already; ratings of its kit cannot be merged without it", file=key_file, field="--key")
