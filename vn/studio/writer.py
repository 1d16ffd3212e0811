"""Finding shots and writing stories, with one narrator that is loaded once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vn.errors import Findings, InputError
from vn.io.lock import claim
from vn.narrate.choice import OF_ANOTHER_SYSTEM
from vn.narrate.job import Job
from vn.narrate.trained import DEFAULTS
from vn.narrate.write import Narrator
from vn.story import Language, WordRange, WordRangeRule
from vn.story_file.edit import overlap_of
from vn.studio.edits import Entry
from vn.studio.story_folder import AT_WORK, StoryFolder
from vn.written import WrittenClip

if TYPE_CHECKING:
    from vn.data.shot_settings import ShotSettings


class Writer:
    """Writes the stories of the studio, as ``vn narrate`` does.

    Args:
        adapter: the adapter folder.
        base_model: path of the base model, if it has moved since training.
        encoder_weights: weights files of the frame encoder, if it has any.
        device: e.g. ``cpu``; None is CUDA if available.
        imports: each ``module:Name`` that the adapter may import.

    Raises:
        InputError: see `Narrator`.
    """

    def __init__(
        self,
        adapter: Path,
        base_model: str | None,
        encoder_weights: Sequence[str] = (),
        device: str | None = None,
        imports: Collection[str] = (),
    ) -> None:
        self.notes = {"adapter": str(adapter), "base_model": base_model, **DEFAULTS}
        self.narrator = Narrator(adapter, base_model, encoder_weights, DEFAULTS, device, 1, imports)
        self.card = self.narrator.card
        self.language = cast(Language, self.card.language)
        self._words = WordRangeRule("duration", self.card.word_range.rate, self.card.word_range.margin)

    def word_range(self, entry: Entry) -> WordRange:
        """The word range that fits the duration of a clip."""
        from vn.story import Clip

        return self._words.range_of(Clip(entry["start"], entry["end"]), self.language)

    def find_shots(self, story: StoryFolder, settings: ShotSettings | None = None) -> int:
        """Find the shots of a story whose product file has no clips, and save them there as its clips.

        Args:
            story: the story, not written yet.
            settings: how shots are found; None: the default.

        Returns:
            The number of clips.

        Raises:
            InputError: the video cannot be read, or the clips that are given do not fit it.
        """
        with claim(story.folder, AT_WORK):
            job = self._job(story, settings)
            if job.cut():
                story.save_product(job.plan.story)
        return len(job.plan.story.clips)

    def write(self, story: StoryFolder, follow: Callable[[int, int], Any] | None = None) -> Sequence[str]:
        """Write a story from the first clip that was edited, or from the start.

        Args:
            story: the story.
            follow: called with each clip that was written and the number of clips.

        Returns:
            The warnings.

        Raises:
            InputError: nothing was edited, it is no longer a story, the narrator cannot write it, or it is being
                written or rendered.
        """
        with claim(story.folder, AT_WORK):
            job = self._job(story)
            if job.plan.first is None:
                raise InputError("nothing was edited since it was written")
            job.check(self.card)
            job.cut()
            count = len(job.plan.story.clips)
            self.narrator.add(job, Job.finish, follow=_followed(follow, count) if follow else None)
            self.narrator.finish()
        return job.findings.lines

    def _job(self, story: StoryFolder, settings: ShotSettings | None = None) -> Job:
        findings = Findings()
        plan = story.plan(findings)
        before = plan.made_with or {}
        kept = {name: value for name, value in before.items() if name not in OF_ANOTHER_SYSTEM}
        overlap = overlap_of(before)
        job = Job(plan, story.video(), story.file, story.folder, {**kept, **self.notes, "overlap": overlap})
        return dataclasses.replace(job, shots=settings, findings=findings, overlap=overlap)


def _followed(follow: Callable[[int, int], Any], count: int) -> Callable[[WrittenClip], None]:
    return lambda written: follow(written.clip + 1, count)
