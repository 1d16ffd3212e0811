"""Annotations: E-SyncVidStory's JSON, Video Storytelling's text files, Story files, lists of test ids."""

import json
import shutil

import mutate
import numpy as np
import pytest
from place import Place, sizes

from vn.data.manifest import Manifest
from vn.data.readers import read
from vn.data.shards import read_sample, verify
from vn.errors import Findings

ESYNC = {
    "101.mp4": {
        "p_name": "防晒衣",
        "p_info": "外观：白色、收腰\n功效: 防晒、 透气",
        "link": "https://example.org/101.mp4",
        "frames": [
            {"time": [0, 2], "label": "外观设计", "new_text": "白色收腰款。"},
            {"time": [2, 3], "label": "产品功效+质地/成分/材质", "new_text": "防晒又透气。"},
        ],
    },
    "102.mp4": {"p_name": "水杯", "p_info": "", "frames": [{"time": [0, 3]}, {"time": [0.8, 3], "new_text": ""}]},
}
STORIES = [
    {
        "id": "101",
        "title": "Aurora kettle",
        "language": "en",
        "domain": "ad",
        "knowledge": [{"aspect": "Material", "points": ["steel", "glass", 3]}],
        "clips": [
            {"start": 0, "end": 1.5, "labels": ["Sore Point"], "narration": "Cold tea again?", "facts": {"a": [1]}},
            {"start": 1.5, "end": 3, "labels": ["Product Effect", "Product Trial"]},
        ],
        "video": "101.mp4",
    },
    {"id": "102", "title": "水杯", "language": "zh", "clips": [{"start": 0, "end": 3, "narration": "好用。"}]},
]
TALK = b"101.mp4\n00:00 00:01 the guests arrive\n00:01 00:03 the bride walks in\n"


@pytest.fixture
def features(place: Place):
    """Stored features of the videos 101 and 102, three frames each."""
    folder = place.folder / "features"
    folder.mkdir()
    for video in ("101", "102"):
        for number in (1, 2, 3):
            np.save(folder / f"{video}_{number:03d}.jpg.npy", np.full((2, 3), number / 7, np.float16))
    return folder


def prepare(place: Place, source, reader: str, features, *more: object) -> mutate.Outcome:
    """``vn prepare`` on released features; what it accepts must be whole."""
    shutil.rmtree(place.out, ignore_errors=True)
    words = ["prepare", source, "--reader", reader, "--encoder", "features", "--features", features]
    came = place.vn(*words, "--out", place.out, "--threads", 1, *more, names=(source, features, *map_paths(more)))
    if came == "result":
        verify(place.out)
        manifest = Manifest.load(place.out)
        for split in ("train", "val", "test"):
            for entry in manifest.samples(split):
                story, frames, _ = read_sample(place.out / entry.shard, entry)
                assert story.id == entry.key
                assert np.isfinite(frames).all()
    else:
        assert not (place.out / "manifest.json").exists()
    return came


def map_paths(words):
    return [word for word in words if not isinstance(word, str | int)]


@sizes(40, 1000)
def test_esyncvidstory(fuzz, place, count):
    file = place.folder / "ads.json"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(lambda: read("esyncvidstory", file, findings=Findings()), file)

    fuzz("esyncvidstory: read", check, [mutate.as_json(ESYNC)], count, [ESYNC])


@sizes(20, 400)
def test_esyncvidstory_through_prepare(fuzz, place, features, count):
    file = place.folder / "ads.json"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return prepare(place, file, "esyncvidstory", features)

    fuzz("esyncvidstory: vn prepare", check, [mutate.as_json(ESYNC)], count, [ESYNC])


@sizes(40, 700)
def test_video_storytelling(fuzz, place, count):
    folder = place.folder / "wedding"
    folder.mkdir()
    (folder / "other.txt").write_bytes(TALK)

    def check(data: bytes) -> mutate.Outcome:
        (folder / "talk.txt").write_bytes(data)
        return place.read(lambda: read("video-storytelling", folder, findings=Findings()), folder)

    fuzz("video-storytelling: read", check, [TALK, TALK + b"\n61:00 61:01 end\n"], count, *structured_talk())


@sizes(10, 300)
def test_video_storytelling_through_prepare(fuzz, place, features, count):
    file = place.folder / "talk.txt"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return prepare(place, file, "video-storytelling", features)

    fuzz("video-storytelling: vn prepare", check, [TALK], count, *structured_talk())


def structured_talk():
    """Lines as lists of fields, to be mutated field by field."""
    value = [["101.mp4"], ["00:00", "00:01", "the guests arrive"], ["00:01", "00:03", "the bride walks in"]]

    def dump(made) -> bytes:
        lines = made if isinstance(made, list) else [made]
        rows = [" ".join(map(str_of, line)) if isinstance(line, list) else str_of(line) for line in lines]
        return "\n".join(rows).encode("utf-8", "surrogatepass")

    return [value], dump


def str_of(value) -> str:
    return mutate.as_json(value).decode() if not isinstance(value, str) else value


@sizes(40, 1000)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_stories(fuzz, place, count, suffix):
    file = place.folder / f"stories{suffix}"
    dump = mutate.as_json if suffix == ".json" else mutate.as_json_lines

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(lambda: read("stories", file, findings=Findings()), file)

    fuzz(f"stories{suffix}: read", check, [dump(STORIES)], count // 2, [STORIES, STORIES[:1]], dump)


@sizes(20, 600)
def test_stories_through_prepare(fuzz, place, features, count):
    folder = place.folder / "stories"
    folder.mkdir()

    def check(data: bytes) -> mutate.Outcome:
        (folder / "mine.json").write_bytes(data)
        return prepare(place, folder, "stories", features)

    fuzz("stories: vn prepare", check, [mutate.as_json(STORIES)], count, [STORIES, *STORIES])


@sizes(10, 200)
@pytest.mark.parametrize("overlap", ["trim", "refuse"])
def test_overlapping_clips_through_prepare(fuzz, place, features, count, overlap):
    file = place.folder / "mine.json"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return prepare(place, file, "stories", features, "--overlap", overlap, "--max-bad", 1)

    overlapping = {**STORIES[1], "clips": [{"start": 0, "end": 2}, {"start": 0.6, "end": 3}]}
    stories = [STORIES[0], overlapping]
    fuzz(f"overlaps, {overlap}: vn prepare", check, [mutate.as_json(stories)], count, [stories])


PROMPTS = [{"id": "101_0", "video": "101.mp4", "conversations": [{"from": "human", "value": "?"}]}, "102.mp4"]


@sizes(10, 200)
@pytest.mark.parametrize("form", ["lines", "json"])
def test_ids_of_the_test_split(fuzz, place, features, count, form):
    ads, ids = place.folder / "ads.json", place.folder / "ids.txt"
    ads.write_text(json.dumps(ESYNC))

    def check(data: bytes) -> mutate.Outcome:
        ids.write_bytes(data)
        return prepare(place, ads, "esyncvidstory", features, "--test-ids", ids)

    if form == "lines":
        fuzz("test ids: vn prepare", check, [b"101.mp4\n", b"101\n102\n"], count)
    else:
        fuzz("test ids, JSON: vn prepare", check, [mutate.as_json(PROMPTS)], count, [PROMPTS, PROMPTS[:1]])
