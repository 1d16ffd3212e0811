"""The stories of a test while it runs, so that an interrupted one continues with those that remain.

``parts/`` has one file per process with one line per story that is written (docs/design.md#predictions):

    parts/rank0.jsonl       {"test": what is tested and how}
                            {"setting": "predicted", "story": {...}, "lines": [...]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from vn.errors import Findings, InputError
from vn.io.atomic import disk_fault, write_text
from vn.story import Story

FOLDER = "parts"
KEPT = "kept.jsonl"  # what an interrupted test had written
STORIES = "stories.jsonl"


class StoryParts:
    """The parts of one test.

    One process calls `collect` and, when all have called `close`, `merge`; each process calls `open` in between.

    Args:
        folder: folder to write ``predictions.<setting>.jsonl`` and ``stories.jsonl`` to.
        test: what is tested and how, as JSON; stories that another test had written are discarded.

    Attributes:
        place: the folder of the parts.
        done: (setting, video) of the stories that were written before, after `open`.
    """

    def __init__(self, folder: Path, test: Mapping[str, Any]) -> None:
        self.folder = folder
        self.place = folder / FOLDER
        self.done: set[tuple[str, str]] = set()
        self._head = json.dumps({"test": test}, ensure_ascii=False, sort_keys=True)

    def collect(self) -> None:
        """Put what interrupted processes of the same test have left into one file."""
        self.place.mkdir(parents=True, exist_ok=True)
        kept = list(self._written())
        write_text(self.place / KEPT, "".join(line + "\n" for line in (self._head, *kept)))
        for old in self.place.glob("rank*.jsonl"):
            old.unlink()

    def open(self, rank: int = 0) -> None:
        """Open the file of a process, and note what is done."""
        self.done = {(part["setting"], part["story"]["id"]) for part in self._parts(KEPT)}
        self.file: BinaryIO = (self.place / f"rank{rank}.jsonl").open("wb")
        self._append(self._head)

    def add(self, setting: str, story: Story, lines: list[dict[str, Any]]) -> None:
        """Keep the predictions of one video in one setting."""
        part = {"setting": setting, "story": story.to_dict(), "lines": lines}
        self._append(json.dumps(part, ensure_ascii=False))

    def skip(self, setting: str, story: Story, why: str) -> None:
        """Record a video that a setting cannot be tested on."""
        part = {"setting": setting, "story": story.to_dict(), "lines": [], "skipped": why}
        self._append(json.dumps(part, ensure_ascii=False))

    def close(self) -> None:
        """Close the file of this process."""
        self.file.close()

    def merge(self, expected: Iterable[tuple[str, str]], findings: Findings) -> None:
        """Write the files of the test, and remove the parts; each (video, clip) must be there exactly once.

        Args:
            expected: (setting, video) of all stories that must have been written.
            findings: takes the videos that were skipped.

        Raises:
            InputError: a video is missing, a clip was written twice, or all videos were skipped.
        """
        parts = [part for file in sorted(self.place.glob("*.jsonl")) for part in self._parts(file.name)]
        there = {(part["setting"], part["story"]["id"]) for part in parts}
        for setting, video in expected:
            if (setting, video) not in there:
                message = f"was not written with the storyline {setting}: a process ended too early"
                raise InputError(message, file=self.place, sample=video)
        for part in parts:
            if "skipped" in part:
                findings.add(part["skipped"], sample=part["story"]["id"])
        if parts and all("skipped" in part for part in parts):
            raise InputError(f"no story can be written: {parts[0]['skipped']}", sample=parts[0]["story"]["id"])
        parts = [part for part in parts if "skipped" not in part]
        for setting in sorted({part["setting"] for part in parts}):
            lines = sorted(
                (line for part in parts if part["setting"] == setting for line in part["lines"]),
                key=lambda x: (x["video"], x["clip"]),
            )
            seen = set()
            for line in lines:
                at = line["video"], line["clip"]
                if at in seen:
                    raise InputError(f"clip {at[1]} was written twice", file=self.place, sample=at[0])
                seen.add(at)
            _write_lines(self.folder / f"predictions.{setting}.jsonl", lines)
        stories = {part["story"]["id"]: part["story"] for part in parts}
        _write_lines(self.folder / STORIES, (stories[k] for k in sorted(stories)))  # last: with it, a test is written
        for file in self.place.iterdir():
            file.unlink()
        self.place.rmdir()

    def _written(self) -> Iterator[str]:
        """The complete lines that an interrupted run of the same test left; a half-written last one is dropped."""
        seen = set()
        for file in sorted(self.place.glob("*.jsonl")):
            first, *lines = file.read_bytes().decode("utf-8", errors="replace").split("\n")
            for line in lines[:-1] if first == self._head else ():
                try:
                    part = json.loads(line)
                    key = part["setting"], part["story"]["id"]
                except (ValueError, TypeError, KeyError):
                    break  # damaged: what comes from here on is written again
                if key not in seen:
                    seen.add(key)
                    yield line

    def _parts(self, name: str) -> list[dict[str, Any]]:
        lines = (self.place / name).read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[1:] if line]

    def _append(self, line: str) -> None:
        try:
            self.file.write(line.encode() + b"\n")
            self.file.flush()
        except OSError as error:
            raise InputError(f"cannot be written: {disk_fault(error)}", file=self.place) from None


def _write_lines(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
