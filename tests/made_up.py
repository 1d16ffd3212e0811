"""Made-up stories and shards for tests: unequal videos in unequal shards, written in milliseconds."""

from __future__ import annotations

from pathlib import Path

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
