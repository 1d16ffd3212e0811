"""Kits over made-up shards, and raters whose ratings are known: a quality per narrated story, plus noise."""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from pathlib import Path

import numpy as np
from finished_runs import write_run
from made_up import write_data

from vn.cli import main
from vn.story import Story
from vn.story_reader import parse_story

CRITERIA = ("relevance", "attractiveness", "coherence")
# The names that raters must not see: a system's, its ablation's and that of its folder.
SYSTEMS = {"Zephyr-chat 70B": "runzephyr", "no_memory": "runnomemory", "Quokka few-shot": "runquokka"}


def stories_of(data: Path) -> list[Story]:
    found = []
    for shard in sorted(data.glob("*.tar")):
        with tarfile.open(shard) as tar:
            texts = [tar.extractfile(member).read() for member in tar if member.name.endswith(".json")]
        found += [parse_story(json.loads(text), file=shard.name) for text in texts]
    return found


def write_world(folder: Path, stories: int = 12, systems: dict[str, str] = SYSTEMS, **changes: object) -> list[Path]:
    """Shards with thumbnails, and a run per system that narrated some of their videos."""
    data = write_data(folder / "data", train=(stories,), thumbs=True)
    own = stories_of(data)[: stories + 5]
    return [
        write_run(folder / "secretruns" / name, own, system, seed=n, wrong=0.2 * n, data__folder=str(data), **changes)
        for n, (system, name) in enumerate(systems.items())
    ]


def make_kit(folder: Path, runs: list[Path], *words: object) -> Path:
    kit = folder / "kit"
    seed = [] if "--seed" in words else ["--seed", "0"]
    assert main(["rate", "make", *map(str, runs), "--out", str(kit), *map(str, words), *seed]) == 0
    return kit


def key_of(kit: Path) -> dict:
    return json.loads(kit.with_name(f"{kit.name}.key.json").read_text(encoding="utf-8"))


def page_data(kit: Path, rater: str) -> dict:
    """What a page's script reads."""
    text = (kit / f"rater-{rater}.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def simulate(key: dict, seed: int = 0, noise: float = 0.6) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """(rater, story, system) -> ratings. No result of anything: a test only."""
    random = np.random.default_rng(seed)
    quality = {s: random.normal(1.6, 0.9, (len(key["systems"]), 3)) for s in key["stories"]}
    found = {}
    for rater in key["raters"]:
        for story in key["stories"]:
            for m, system in enumerate(key["systems"]):
                points = np.clip(np.round(quality[story][m] + random.normal(0, noise, 3)), 0, 3)
                found[rater, story, system] = tuple(int(p) for p in points)
    return found


def saved(kit: Path, rater: str, ratings: dict, seconds: int = 40) -> dict:
    """The file that a page saves with these ratings; items that are not in them stay open."""
    data, key = page_data(kit, rater), key_of(kit)
    rows = []
    for story, order in key["raters"][rater]["order"].items():
        for letter, system in zip("ABCDEFG", order, strict=False):
            points = ratings.get((rater, story, system), (None, None, None))
            row = {"story": story, "version": letter, **dict(zip(CRITERIA, points, strict=True)), "seconds": seconds}
            rows.append(row)
    head = {
        "format": 1,
        "kit": data["kit"],
        "rater": rater,
        "content": data["content"],
        "saved": "2026-11-27T10:00:00Z",
    }
    return with_check({**head, "ratings": rows})


def with_check(file: dict) -> dict:
    """The file with the checksum that its page would give it."""
    head = " ".join(str(file[name]) for name in ("format", "kit", "rater", "content", "saved"))
    names = ("story", "version", *CRITERIA, "seconds")
    rows = [" ".join("-" if row[name] is None else str(row[name]) for name in names) for row in file["ratings"]]
    return {**file, "check": f"{zlib.crc32(chr(10).join([head, *rows]).encode()):08x}"}


def write_saved(kit: Path, ratings: dict, raters: list[str] | None = None, **options: int) -> list[str]:
    """The files of all raters, in the kit's folder."""
    files = []
    for rater in raters or list(key_of(kit)["raters"]):
        file = kit / f"ratings-{rater}.json"
        file.write_text(json.dumps(saved(kit, rater, ratings, **options)))
        files.append(str(file))
    return files


def matrix(key: dict, ratings: dict) -> np.ndarray:
    """``[raters, stories, systems, criteria]``, NaN for none."""
    none = (np.nan,) * 3
    return np.array(
        [[[ratings.get((r, s, m), none) for m in key["systems"]] for s in key["stories"]] for r in key["raters"]], float
    )
