"""A frame encoder for tests of ``vn prepare`` in many processes: it is held, or ends its process, at a chosen video.

Other processes import it by its name, ``deadly_encoder:Deadly``; the folder ``VN_TEST_DEADLY`` says what it does:

    log               gets a line per batch: the process that encodes it, its frames, and the processors for decoding
    hold              while this file is there, the video with that number of frames is not encoded
    kill, kill-once   the video with that number of frames ends its process: each time, or the first time
    no-start          no process but the first one can load it
"""

import os
import signal
import time
from multiprocessing import parent_process
from pathlib import Path

import numpy as np
from colour_encoder import LONGEST, ColourEncoder

from vn.data.read_ahead import check_wanted, processors_each
from vn.errors import InputError

VARIABLE = "VN_TEST_DEADLY"
NAME = "deadly_encoder:Deadly"


class Deadly(ColourEncoder):
    """The colours of frames; a video has one batch."""

    batch_size = 1000

    def __init__(self, fps: float = 1.0) -> None:
        super().__init__(fps)
        self.folder = Path(os.environ[VARIABLE])
        if parent_process() is not None and (self.folder / "no-start").exists():
            raise InputError("cannot be loaded", file="weights.pt")

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        with (self.folder / "log").open("a") as file:
            file.write(f"{os.getpid()} {len(inputs)} {processors_each()}\n")
        end = time.monotonic() + LONGEST
        while self._chosen("hold", inputs) and time.monotonic() < end:
            check_wanted()
            time.sleep(0.01)
        if self._chosen("kill", inputs):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._chosen("kill-once", inputs):
            (self.folder / "kill-once").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(inputs)

    def _chosen(self, what: str, inputs: np.ndarray) -> bool:
        file = self.folder / what
        try:
            return int(file.read_text()) == len(inputs)
        except FileNotFoundError:
            return False


class Control:
    """The test's side: what the encoder is to do, and what it has done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def set(self, what: str, frames: int = 0) -> None:
        partial = self.folder / "new"
        partial.write_text(str(frames))
        partial.rename(self.folder / what)

    def unset(self, what: str) -> None:
        (self.folder / what).unlink()

    def log(self) -> list[tuple[int, int]]:
        """The process and the frames of each batch begun."""
        return [(int(process), int(frames)) for process, frames, _ in self._lines()]

    def processors(self) -> list[int]:
        """The processors that each batch's video may use."""
        return [int(processors) for _, _, processors in self._lines()]

    def _lines(self) -> list[list[str]]:
        file = self.folder / "log"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def process_at(self, frames: int) -> int | None:
        """The process that has begun the video with that number of frames last."""
        return next((process for process, count in reversed(self.log()) if count == frames), None)
