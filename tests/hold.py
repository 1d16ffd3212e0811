"""Stops a `vn` that a test runs as a separate process at a known point, however fast the machine is."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import lightning as L

from vn.train.checkpoints import Checkpoints

LONGEST = 900.0  # seconds that anything is waited for: far more than any machine takes


class Hold(L.Callback):
    """Waits at a place, until SIGTERM has come or the place is free; other signals end the wait by themselves.

    Args:
        file: names the place (see `Gate.close`); without it nothing is held.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def setup(self, trainer, pl_module, stage):
        self._pass(trainer, "setup")

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self._pass(trainer, f"step {trainer.global_step}")

    def on_predict_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self._pass(trainer, f"video {batch_idx}")

    def _pass(self, trainer, place):
        if not trainer.is_global_zero or self._closed() != place:
            return
        Path(f"{self.file}.{Path(trainer.default_root_dir).name}").touch()
        sigterm = next((c.sigterm for c in trainer.callbacks if isinstance(c, Checkpoints)), None)
        end = time.monotonic() + LONGEST
        while self._closed() == place and not (sigterm and sigterm.received):
            assert time.monotonic() < end, "nobody came"
            time.sleep(0.005)

    def _closed(self) -> str | None:
        return self.file.read_text() if self.file.exists() else None


class Gate:
    """The test's side of a `Hold`.

    Args:
        folder: for its files.

    Attributes:
        flags: for the command line of what is held, and of what goes on with it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "hold"
        hold = {"class_path": "hold.Hold", "init_args": {"file": str(self._file)}}
        self.flags = (f"--trainer.callbacks={json.dumps([hold])}",)

    def close(self, place: str) -> None:
        """Hold runs at ``setup``, before ``step N`` (optimizer steps done), or before ``video N`` of a prediction."""
        self._file.write_text(place)

    def open(self) -> None:
        """Let all pass."""
        self._file.unlink()

    def reached(self, run: str) -> bool:
        """Whether the run with this folder's name has come to a place that was closed, once."""
        return Path(f"{self._file}.{run}").exists()

    def wait(self, process: subprocess.Popen, run: str) -> None:
        """Wait until a process of the run is held."""
        wait_for(process, lambda: self.reached(run))
        Path(f"{self._file}.{run}").unlink()


def wait_for(process: subprocess.Popen, when: Callable[[], bool]) -> None:
    """Wait until something holds, with the process alive."""
    end = time.monotonic() + LONGEST
    while not when():
        assert process.poll() is None, process.stderr.read()[-3000:] if process.stderr else "it has ended"
        assert time.monotonic() < end
        time.sleep(0.01)


def environment(**more: str) -> dict[str, str]:
    """This process's environment for another one, which finds the tests' modules, and has one thread."""
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path), **more}
