"""Made-up stories and shards for tests: unequal videos in unequal shards, written in milliseconds."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.manifest import Manifest
from vn.data.shard_writer import ShardWriter
from vn.story import Clip, Knowledge, ScriptLabel, Story

T, D = 2, 6
LABELS = list(ScriptLabel)
WORDS = ["the", "red", "kettle", "boils", "tea", "for", "you", "and", "your", "friends", "in", "a", "minute"]


def make_story(key: str, random: np.random.Generator, narrated: bool = True) -> Story:
    """A story of 1 to 6 clips; now and then a clip in the middle is not narrated."""
    clips, at = [], 0.0
    for i in range(int(random.integers(1, 7))):
        end = at + float(random.integers(1, 5))
        silent = not narrated or (i == 1 and random.random() < 0.3)
        words = " ".join(random.choice(WORDS, size=random.integers(3, 9)))
        clips.append(Clip(at, end, (LABELS[random.integers(12)],), None if silent else words.capitalize() + "."))
        at = end
    return Story(key, "Aurora kettle", "en", "ad", (Knowledge("Material", ("steel", "glass")),), tuple(clips))


def write_data(
    folder: Path, train: tuple[int, ...] = (5, 1, 7), val: int = 3, test: int = 5, seed: int = 0, thumbs: bool = False
) -> Path:
    """A data folder whose train split has shards of the given sizes.

    With `thumbs`, the picture of a frame at second s is grey of value 10 s.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    splits = {}
    for split, sizes in {"train": train, "val": (val,), "test": (test,)}.items():
        shards = []
        for n, size in enumerate(sizes):
            if not size:
                continue
            name = f"{split}-{n:05}.tar"
            with open(folder / name, "wb") as file:
                writer = ShardWriter(file, name, n)
                for i in range(size):
                    story = make_story(f"{split}-{n}-{i}", random)
                    count = int(story.clips[-1].end)
                    frames = random.normal(size=(count, T, D)).astype(np.float16)
                    pictures = [np.full((96, 64, 3), 10 * s, np.uint8) for s in range(count)] if thumbs else None
                    writer.add(story, frames, np.arange(count, dtype=np.float32), pictures)
                shards.append(writer.close())
        splits[split] = shards
    Manifest(
        encoder={"id": "made-up", "settings": {}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=True,
        tokens=T,
        width=D,
        dtype="float16",
        statistics={"mean": np.zeros(D), "std": np.ones(D)},
        language="en",
        domain="ad",
        splits=splits,
    ).save(folder)
    return folder


def as_format_1(folder: Path) -> dict[str, Any]:
    """Turn a folder's manifest into one of format 1, which has its samples in JSON; gives what is in it."""
    columns, data = Manifest.load(folder), json.loads((folder / "manifest.json").read_text("utf-8"))
    del data["samples"]
    data["format"] = 1
    for split, shards in columns.splits.items():
        data["splits"][split]["shards"] = [shard.to_dict() for shard in shards]
    write_manifest(folder, data)
    shutil.rmtree(folder / "samples")
    return data


def write_manifest(folder: Path, data: Any) -> None:
    """Write ``manifest.json`` as earlier builds did."""
    (folder / "manifest.json").write_bytes(json.dumps(data, ensure_ascii=False, indent=1).encode())


def change_column(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray | bytes | None]) -> None:
    """Change a column of samples, or the bytes of its file, and give the manifest its hash, as if made so."""
    file, manifest = folder / "samples" / f"{name}.npy", folder / "manifest.json"
    column = np.load(file)
    changed = change(column)
    if isinstance(changed, bytes):
        file.write_bytes(changed)
    else:
        np.save(file, column if changed is None else changed)
    data = json.loads(manifest.read_text("utf-8"))
    data["samples"][name] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(data), "utf-8")


def damage(folder: Path, *keys: str, split: str = "train") -> None:
    """Spoil the frames of samples, and leave their stories whole."""
    manifest = Manifest.load(folder)
    for entry in manifest.samples(split):
        if entry.key in keys:
            with open(folder / entry.shard, "r+b") as file:
                file.seek(entry.offset)
                data = file.read(entry.bytes)
                file.seek(entry.offset + data.index(b"\x93NUMPY"))
                file.write(b"broken")
