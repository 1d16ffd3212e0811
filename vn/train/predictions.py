"""The output of a test on all ranks: one line per clip, written by each rank and merged when all are complete.

What an interrupted test has written is kept in `vn.run_folder.parts`, for any number of ranks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning as L

from vn.errors import Findings
from vn.run_folder.parts import StoryParts
from vn.story import Story
from vn.train.ranks import gather, leave

logger = logging.getLogger(__name__)


class PredictionWriter:
    """Collects the predictions and stories of one test over all ranks.

    Args:
        folder: folder to write ``predictions.<setting>.jsonl`` and ``stories.jsonl`` to.
        trainer: gives the rank; its strategy provides the barrier.
        test: what is tested and how, as JSON; stories that another test had written are discarded.
    """

    def __init__(self, folder: Path, trainer: L.Trainer, test: dict[str, Any]) -> None:
        self.trainer = trainer
        self.parts = StoryParts(folder, test)
        self.findings = Findings()
        self._unread: list[str] = []
        if trainer.is_global_zero:
            self.parts.collect()
        trainer.strategy.barrier("predictions-open")
        self.parts.open(trainer.global_rank)

    @property
    def done(self) -> set[tuple[str, str]]:
        """(setting, video) of the stories that an interrupted test had written."""
        return self.parts.done

    def add(self, setting: str, story: Story, lines: list[dict[str, Any]]) -> None:
        """Add the predictions of one video in one setting."""
        self.parts.add(setting, story, lines)

    def skip(self, setting: str, story: Story, why: str) -> None:
        """Record a video that a setting cannot be tested on."""
        self.parts.skip(setting, story, why)

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
        self.parts.close()
        if unread := sorted(why for found in gather(self.trainer, self._unread) for why in found):
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            leave(self.trainer, f"{unread[0]}{more}; what was written is kept; repeat the command to continue")
        self.trainer.strategy.barrier("predictions-written")
        if self.trainer.is_global_zero:
            self.parts.merge(expected, self.findings)
        self.trainer.strategy.barrier("predictions-merged")
