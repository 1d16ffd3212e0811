"""The output of a test: one line per clip, written by each rank and merged when all are complete.

See docs/design.md#predictions.

While a test runs, ``parts/`` has one file per rank with one line per story that is written, so that an interrupted test
continues with the remaining stories, on any number of ranks:

    parts/rank0.jsonl       {"test": what is tested and how}
                            {"setting": "predicted", "story": {...}, "lines": [...]}
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import lightning as L

from vn.errors import Findings, InputError
from vn.io.atomic import disk_fault, write_text
from vn.story import Story
from vn.train.ranks import gather, leave

logger = logging.getLogger(__name__)

KEPT = "kept.jsonl"  # what an interrupted test had written


class PredictionWriter:
    """Collects the predictions and stories of one test over all ranks.

    Args:
        folder: folder to write ``predictions.<setting>.jsonl`` and ``stories.jsonl`` to.
        trainer: gives the rank; its strategy provides the barrier.
        test: what is tested and how, as JSON; stories that another test had written are discarded.
    """

    def __init__(self, folder: Path, trainer: L.Trainer, test: dict[str, Any]) -> None:
        self.folder = folder
        self.trainer = trainer
        self.parts = folder / "parts"
        self.findings = Findings()
        self._unread: list[str] = []
        head = json.dumps({"test": test}, ensure_ascii=False, sort_keys=True)
        if trainer.is_global_zero:
            self.parts.mkdir(parents=True, exist_ok=True)
            kept = list(self._written(head))
            write_text(self.parts / KEPT, "".join(line + "\n" for line in (head, *kept)))
            for old in self.parts.glob("rank*.jsonl"):
                old.unlink()
        trainer.strategy.barrier("predictions-open")
        self.done = {(part["setting"], part["story"]["id"]) for part in self._parts(KEPT)}
        self.file: BinaryIO = (self.parts / f"rank{trainer.global_rank}.jsonl").open("wb")
        self._append(head)

    def _written(self, head: str) -> Iterator[str]:
        """The complete lines that an interrupted run of the same test left; a half-written last one is dropped."""
        seen = set()
        for file in sorted(self.parts.glob("*.jsonl")):
            first, *lines = file.read_bytes().decode("utf-8", errors="replace").split("\n")
            for line in lines[:-1] if first == head else ():
                try:
                    part = json.loads(line)
                    key = part["setting"], part["story"]["id"]
                except (ValueError, TypeError, KeyError):
                    break  # damaged: what comes from here on is written again
                if key not in seen:
                    seen.add(key)
                    yield line

    def _parts(self, name: str) -> list[dict[str, Any]]:
        lines = (self.parts / name).read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[1:] if line]

    def _append(self, line: str) -> None:
        try:
            self.file.write(line.encode() + b"\n")
            self.file.flush()
        except OSError as error:
            raise InputError(f"cannot be written: {disk_fault(error)}", file=self.parts) from None

    def add(self, setting: str, story: Story, lines: list[dict[str, Any]]) -> None:
        """Add the predictions of one video in one setting."""
        part = {"setting": setting, "story": story.to_dict(), "lines": lines}
        self._append(json.dumps(part, ensure_ascii=False))

    def skip(self, setting: str, story: Story, why: str) -> None:
        """Record a video that a setting cannot be tested on."""
        part = {"setting": setting, "story": story.to_dict(), "lines": [], "skipped": why}
        self._append(json.dumps(part, ensure_ascii=False))

    def note_unread(self, why: str) -> None:
        """Record a video that cannot be read: the test continues, so that nothing is lost, and is not merged."""
        logger.warning("cannot be narrated; the others are narrated before the test fails: %s", why)
        self._unread.append(why)

    def merge(self, expected: Iterable[tuple[str, str]]) -> None:
        """Merge what all ranks wrote, and check that each (video, clip) appears exactly once.

        Args:
            expected: (setting, video) of all stories that must have been written.

        Raises:
            InputError: a video could not be read or is missing, or a clip was written twice.
        """
        self.file.close()
        if unread := sorted(why for found in gather(self.trainer, self._unread) for why in found):
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            leave(self.trainer, f"{unread[0]}{more}; what was written is kept; repeat the command to continue")
        self.trainer.strategy.barrier("predictions-written")
        if self.trainer.is_global_zero:
            parts = [part for file in sorted(self.parts.glob("*.jsonl")) for part in self._parts(file.name)]
            there = {(part["setting"], part["story"]["id"]) for part in parts}
            for setting, video in expected:
                if (setting, video) not in there:
                    message = f"was not written with the storyline {setting}: a process ended too early"
                    raise InputError(message, file=self.parts, sample=video)
            for part in parts:
                if "skipped" in part:
                    self.findings.add(part["skipped"], sample=part["story"]["id"])
            parts = [part for part in parts if "skipped" not in part]
            stories = {part["story"]["id"]: part["story"] for part in parts}
            _write_lines(self.folder / "stories.jsonl", (stories[k] for k in sorted(stories)))
            for setting in sorted({part["setting"] for part in parts}):
                lines = sorted(
                    (line for part in parts if part["setting"] == setting for line in part["lines"]),
                    key=lambda x: (x["video"], x["clip"]),
                )
                seen = set()
                for line in lines:
                    place = line["video"], line["clip"]
                    if place in seen:
                        raise InputError(f"clip {place[1]} was written twice", file=self.parts, sample=place[0])
                    seen.add(place)
                _write_lines(self.folder / f"predictions.{setting}.jsonl", lines)
            for file in self.parts.iterdir():
                file.unlink()
            self.parts.rmdir()
        self.trainer.strategy.barrier("predictions-merged")


def _write_lines(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
