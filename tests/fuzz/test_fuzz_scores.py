"""Predictions and stories for ``vn score``: a score is a finite number or not computed, never NaN."""

import json
import math

import mutate
from place import sizes

STORIES = [
    {
        "id": f"v{n}",
        "title": "Aurora kettle",
        "language": "en",
        "domain": "ad",
        "knowledge": [{"aspect": "Material", "points": ["steel", "glass"]}],
        "clips": [
            {"start": 0, "end": 2, "labels": ["Sore Point"], "narration": "Cold tea again?"},
            {"start": 2, "end": 5, "labels": ["Product Effect"], "narration": "This red kettle boils in a minute."},
        ],
    }
    for n in range(2)
]
LINES = [
    {
        "video": story["id"],
        "clip": i,
        "start": clip["start"],
        "end": clip["end"],
        "labels": clip["labels"],
        "labels_given": None,
        "narration": "Cold tea, a red kettle." if i else clip["narration"],
        "word_range": [1, 9],
        "range_source": "duration",
        "reference": clip["narration"],
        "reference_labels": clip["labels"],
    }
    for story in STORIES
    for i, clip in enumerate(story["clips"])
]
CHINESE = [
    {"video": "v", "clip": n, "narration": "热茶真好喝。", "reference": "凉茶不好喝。", "word_range": [1, 9]}
    for n in (0, 1)
]


def scored(place, file, out, *more) -> mutate.Outcome:
    out.unlink(missing_ok=True)
    came = place.vn("score", file, "--out", out, *more, names=(place.folder,))
    assert out.exists() == (came == "result")
    if came == "result":
        for metrics in json.loads(out.read_text(encoding="utf-8"), parse_constant=refuse).values():
            for entry in metrics.values():
                numbers = [entry["value"], *(entry.get("interval") or ())]
                assert all(x is None or (math.isfinite(x) and x >= 0) for x in numbers), entry
                assert entry["value"] is not None or entry["why"]
    return came


def refuse(name: str) -> None:
    raise AssertionError(f"{name} in scores.json")


@sizes(30, 800)
def test_predictions(fuzz, place, count):
    place.out.mkdir()
    file = place.folder / "mine.jsonl"
    (place.folder / "stories.jsonl").write_bytes(mutate.as_json_lines(STORIES))

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return scored(place, file, place.out / "scores.json")

    fuzz("predictions: vn score", check, [mutate.as_json_lines(LINES)], count, [LINES], mutate.as_json_lines)


@sizes(20, 500)
def test_predictions_without_stories(fuzz, place, count):
    place.out.mkdir()
    file = place.folder / "mine.jsonl"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return scored(place, file, place.out / "scores.json")

    valid = [mutate.as_json_lines(lines) for lines in (LINES, CHINESE)]
    fuzz("predictions alone: vn score", check, valid, count, [LINES, CHINESE], mutate.as_json_lines)


@sizes(20, 600)
def test_stories_beside_predictions(fuzz, place, count):
    place.out.mkdir()
    file = place.folder / "mine.jsonl"
    file.write_bytes(mutate.as_json_lines(LINES))

    def check(data: bytes) -> mutate.Outcome:
        (place.folder / "stories.jsonl").write_bytes(data)
        return scored(place, file, place.out / "scores.json")

    fuzz("stories: vn score", check, [mutate.as_json_lines(STORIES)], count, [STORIES], mutate.as_json_lines)


def test_a_setting_is_named_as_its_file_is(place):
    """Names of files are shown, not read as markup."""
    place.out.mkdir()
    (place.folder / "stories.jsonl").write_bytes(mutate.as_json_lines(STORIES))
    file = place.folder / "[bold]x[y.jsonl"
    file.write_bytes(mutate.as_json_lines(LINES))
    assert scored(place, file, place.out / "scores.json") == "result"
