"""One stage for all videos: which of them have its result already, and making it for the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from vn.annotate.entry import Entry
from vn.annotate.stage import KeyedByVideo, Stage, StageFailed
from vn.annotate.stage_file import (
    DAMAGED,
    EDITED,
    FORMAT,
    Damaged,
    StageFile,
    digest,
    read_stage,
    set_aside,
    stage_file,
    write_stage,
)
from vn.errors import Findings, InputError
from vn.io.hashes import hash_file


class StageFiles:
    """The files of one stage.

    Args:
        folder: the folder ``stages``.
        stage: the stage.
        again: make every result again (``--from``).

    Attributes:
        made: videos that it was made for by this command.
        seconds: seconds that took, summed over videos, which may have been worked on in parallel.
    """

    def __init__(self, folder: Path, stage: Stage, again: bool) -> None:
        self.folder = folder
        self.stage = stage
        self.again = again
        self.made = 0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def settle(self, entry: Entry) -> None:
        """Take the result, or make it; what is wrong with the video is noted in the entry.

        Raises:
            StageFailed: the whole stage cannot go on.
        """
        if entry.goes_on and not self.keep(entry):
            self.make(entry)

    def keep(self, entry: Entry) -> bool:
        """Take the result that is there if it still holds; True also if the video turns out to be bad.

        A file that was edited holds as long as what it was made from is the same. A damaged one is set aside.
        """
        file = self._file(entry)
        try:
            there = self._read(file, entry)
            if there is None:
                return False
            if there.made_from != self.made_from(entry):
                if not there.edited:
                    return False
                message = (
                    "was edited by hand, and what it was made from has changed since: undo that change, or give "
                    f"--from {self.stage.name} to make it again (the edited file is then kept beside it)"
                )
                raise InputError(message, file=file)
        except InputError as error:
            entry.error = str(error)
            return True
        entry.files[self.stage.name] = there
        entry.findings.lines += [line for line in there.warnings if line not in entry.findings.lines]
        return True

    def is_there(self, entry: Entry) -> bool:
        """Whether there is nothing to do for a video: it is out, or seems to have its result; it is not read."""
        return not entry.goes_on or (self._file(entry).exists() and not self.again)

    def begin(self, entries: Sequence[Entry]) -> None:
        """Let the stage work on several videos at once, before `make` is called for each.

        Raises:
            StageFailed: the whole stage cannot go on.
        """
        began = time.monotonic()
        self.stage.make_all([(entry.video, entry.before(self.stage.name)) for entry in entries])
        self.seconds += time.monotonic() - began

    def make(self, entry: Entry) -> None:
        """Make the result and write it.

        Raises:
            StageFailed: the whole stage cannot go on.
        """
        began = time.monotonic()
        findings = Findings()
        try:
            made = self.stage.make(entry.video, entry.before(self.stage.name), findings)
        except StageFailed:
            raise
        except InputError as error:
            text = str(error)
            known = str(entry.video.file) in text or entry.video.id in text
            entry.error = text if known else f"{entry.video.file}: {text}"
            return
        written = write_stage(self._file(entry), made, self.made_from(entry), findings.lines)
        entry.files[self.stage.name] = written
        entry.findings.lines += findings.lines
        with self._lock:
            self.made += 1
            self.seconds += time.monotonic() - began

    def made_from(self, entry: Entry) -> str:
        """The hash of everything that the result is made from."""
        video, stage = entry.video, self.stage
        parts: dict[str, object] = {
            "format": FORMAT,
            "video": video.sha256,
            "key": stage.key_for(video) if isinstance(stage, KeyedByVideo) else stage.key,
            "before": {name: entry.files[name].hash if name in entry.files else None for name in stage.needs},
        }
        if "language" in stage.reads:
            parts["language"] = video.language
        if "product" in stage.reads:
            parts["product"] = None if video.product is None else video.product.to_dict() | {"id": None}
        if "page" in stage.reads:
            parts["page"] = None if video.page is None else hash_file(video.page)
        return digest(parts)

    def _file(self, entry: Entry) -> Path:
        return stage_file(self.folder, self.stage.name, entry.video.id)

    def _read(self, file: Path, entry: Entry) -> StageFile | None:
        """The file as it is; None if it is to be made again."""
        try:
            there = read_stage(file)
        except Damaged as error:
            aside = set_aside(file, DAMAGED)
            entry.findings.add(f"{error}; it was made again, and what was there is now {aside.name}")
            return None
        except InputError:  # it was edited, and cannot be read now
            if not self.again:
                raise
            edited = True
        else:
            if not self.again or there is None:
                return there
            edited = there.edited
        if edited:
            aside = set_aside(file, EDITED)
            entry.findings.add(f"had been edited by hand; what was there is now {aside.name}", file=file)
        return None
