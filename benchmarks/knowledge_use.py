"""How well the rule of `vn.narrate.knowledge_use` finds the points that narrations use, on a finished run of the demo.

    python benchmarks/knowledge_use.py runs/demo

The ground truth is exact: the references' own facts list which point each states; in predictions, a point counts as
stated if its words appear consecutively (`vn.metrics.facts`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from vn.metrics.facts import FactChecker, Values, clip_facts
from vn.narrate.knowledge_use import used_points
from vn.story_reader import parse_story

Point = tuple[str, str]


def read(file: Path) -> list[dict]:
    """The lines of a JSON Lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def report(name: str, pairs: Iterable[tuple[set[str], set[str]]]) -> None:
    """Print precision and recall of (found, true) points."""
    found = true = both = 0
    for a, b in pairs:
        found, true, both = found + len(a), true + len(b), both + len(a & b)
    print(f"| {name} | {true} | {found} | {100 * both / found:.1f} | {100 * both / true:.1f} |")


def main() -> None:
    """Print the table."""
    run = Path(sys.argv[1])
    stories = {data["id"]: parse_story(data, overlap="keep") for data in read(run / "stories.jsonl")}
    language = next(iter(stories.values())).language
    print("| narrations | points stated | found | precision | recall |\n|---|---:|---:|---:|---:|")
    pairs = []
    for story in stories.values():
        points = {point for each in story.knowledge for point in each.points}
        for i in story.narrated:
            stated = {fact.value for fact in clip_facts(story, i) if fact.source == "knowledge"} & points
            found = {point for _, point in used_points(story.clips[i].narration or "", story.knowledge, language)}
            pairs.append((found, stated))
    report("references", pairs)
    checker = FactChecker(stories.values(), language)
    for setting in ("predicted", "given"):
        pairs = []
        for line in read(run / f"predictions.{setting}.jsonl"):
            story = stories[line["video"]]
            points = {checker.units(p): p for each in story.knowledge for p in each.points}
            stated = {points[each] for each in checker.stated(line["narration"], Values(points))}
            found = {point for _, point in used_points(line["narration"], story.knowledge, language)}
            pairs.append((found, stated))
        report(f"predictions, storyline {setting}", pairs)


if __name__ == "__main__":
    main()
