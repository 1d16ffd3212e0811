"""What a test leaves behind: one line a clip, written by each rank and merged when all are there (design "Formats")."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning as L

from vn.data.atomic import write_text
from vn.errors import Findings, InputError
from vn.llm.generate import WrittenClip
from vn.story import Story


def prediction_lines(story: Story, written: Iterable[WrittenClip], range_source: str) -> list[dict[str, Any]]:
    """The lines of ``predictions.*.jsonl`` for one video."""
    lines = []
    for each in written:
        clip = story.clips[each.clip]
        names = [
            None if x is None else [label.text(story.language) for label in x]
            for x in (each.written.labels, each.given, clip.labels)
        ]
        source = range_source if clip.narration else "duration"
        lines.append(
            {
                "video": story.id,
                "clip": each.clip,
                "start": clip.start,
                "end": clip.end,
                "labels": names[0],
                "labels_given": names[1],
                "narration": each.written.narration,
                "word_range": [each.written.words.low, each.written.words.high],
                "range_source": source,
                "reference": clip.narration,
                "reference_labels": names[2],
            }
        )
    return lines


class PredictionWriter:
    """Collects the predictions and stories of one test over all ranks.

    Args:
        folder: gets ``predictions.<setting>.jsonl`` and ``stories.jsonl``.
        trainer: tells the rank; its strategy holds the barrier.
    """

    def __init__(self, folder: Path, trainer: L.Trainer) -> None:
        self.folder = folder
        self.trainer = trainer
        self.parts = folder / "parts"
        self.findings = Findings()
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.stories: dict[str, dict[str, Any]] = {}
        if trainer.is_global_zero:
            self.parts.mkdir(parents=True, exist_ok=True)
            for old in self.parts.iterdir():
                old.unlink()
        trainer.strategy.barrier("predictions-open")

    def add(self, setting: str, story: Story, lines: list[dict[str, Any]]) -> None:
        """Take the predictions of one video in one setting."""
        self.stories[story.id] = story.to_dict()
        self.lines.setdefault(setting, []).extend(lines)

    def skip(self, story: Story, why: str) -> None:
        """Note a video that a setting cannot be tested on."""
        self.findings.add(why, sample=story.id)

    def merge(self) -> None:
        """Write this rank's part; rank 0 then merges all and checks that each (video, clip) stands exactly once."""
        rank = self.trainer.global_rank
        part = self.parts / f"rank{rank}.json"
        write_text(part, json.dumps({"lines": self.lines, "stories": self.stories}, ensure_ascii=False))
        self.trainer.strategy.barrier("predictions-written")
        if self.trainer.is_global_zero:
            parts = [
                json.loads((self.parts / f"rank{r}.json").read_text(encoding="utf-8"))
                for r in range(self.trainer.world_size)
            ]
            stories = {k: v for p in parts for k, v in p["stories"].items()}
            _write_lines(self.folder / "stories.jsonl", (stories[k] for k in sorted(stories)))
            for setting in sorted({s for p in parts for s in p["lines"]}):
                lines = sorted(
                    (x for p in parts for x in p["lines"].get(setting, [])), key=lambda x: (x["video"], x["clip"])
                )
                places = [(x["video"], x["clip"]) for x in lines]
                if len(set(places)) != len(places):
                    twice = next(p for p in places if places.count(p) > 1)
                    raise InputError(f"clip {twice[1]} was written twice", file=self.parts, sample=twice[0])
                _write_lines(self.folder / f"predictions.{setting}.jsonl", lines)
            for file in self.parts.iterdir():
                file.unlink()
            self.parts.rmdir()
        self.trainer.strategy.barrier("predictions-merged")


def _write_lines(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
