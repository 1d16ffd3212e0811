"""One video to narrate: the request, its clips, and the warnings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import Findings, InputError
from vn.io.files import is_text
from vn.narrate.output import save
from vn.overlap import Overlap
from vn.story import Clip, Labels, count_words
from vn.story_file.edit import Plan, plan_of

if TYPE_CHECKING:
    from vn.card import NarratorCard
    from vn.data.shot_settings import ShotSettings
    from vn.written import WrittenClip


@dataclass(slots=True)
class Job:
    """A video to narrate, and how.

    Attributes:
        plan: what to narrate, and what is fixed.
        video: the video file.
        file: the product file, or the story that was edited; named in messages.
        out: the folder to write the story to.
        made_with: what `story.json` records of how it was written.
        clips_file: a file with the times of the clips, instead of the product's.
        storyline_file: a file with script labels.
        labels: its labels.
        shots: how shots are detected if no clips are given; None: the default settings.
        findings: collects the warnings.
        overlap: how to treat clips in `clips_file` that overlap.
    """

    plan: Plan
    video: Path
    file: Path
    out: Path
    made_with: Mapping[str, Any]
    clips_file: Path | None = None
    storyline_file: Path | None = None
    labels: Sequence[Labels | None] | None = None
    shots: ShotSettings | None = None
    findings: Findings = field(default_factory=Findings)
    overlap: Overlap = "refuse"

    def check(self, card: NarratorCard) -> None:
        """Check that this narrator can fulfil the request; called before anything slow.

        Raises:
            InputError: it was trained on another language, or there is not one label per clip.
        """
        if self.plan.story.language != card.language:
            message = f"is {self.plan.story.language!r}, but the narrator was trained on {card.language!r}"
            raise InputError(message, file=self.file, field="language")
        self.check_labels()
        if card.domain is not None and self.plan.story.domain != card.domain:
            message = f"is {self.plan.story.domain!r}, but the narrator was trained on {card.domain!r}"
            self.findings.add(message, file=self.file, field="domain")
        given = any("labels" in names for names in self.plan.given.values()) or any(self.labels or ())
        if not card.storyline and given:
            message = "this narrator was trained without a storyline; the labels are not used"
            self.findings.add(message, file=self.storyline_file or self.file)

    def check_labels(self) -> None:
        """Check the number of labels, if the clips are known.

        Raises:
            InputError: there is not one label per clip.
        """
        if self.labels is not None and self.plan.story.clips and self.clips_file is None:
            self._check_count(self.labels, self.plan.story.clips)

    def cut(self) -> bool:
        """Find the clips, if none are given, and put the storyline's labels on them.

        Given clips are compared with the video's length.

        Returns:
            Whether the clips are shots that were detected in the video.

        Raises:
            InputError: the video or the file of times cannot be read, the video's name is not UTF-8, all clips are
                beyond the video's end, or there is not one label per clip.
        """
        if not is_text(str(self.video)):
            message = "has a name that is not UTF-8, and cannot be written into story.json; rename it"
            raise InputError(message, file=self.video)
        story = dataclasses.replace(self.plan.story, video=str(self.video))
        found = False
        if self.clips_file is not None:
            from vn.data.video import VideoReader
            from vn.narrate.clip_times import read_clips

            end = VideoReader(self.video).duration
            clips = read_clips(self.clips_file, end, self.overlap, self.findings)
            story = dataclasses.replace(story, clips=tuple(clips))
        elif not story.clips:
            from vn.data.shots import find_shots

            shots = find_shots(self.video, settings=self.shots)
            story = dataclasses.replace(story, clips=tuple(Clip(start, end) for start, end in shots))
            found = True
        if not found:
            from vn.data.clip_bounds import check_clips, video_length

            check_clips(story.clips, video_length(self.video), self.findings, file=self.clips_file or self.file)
        self.plan = dataclasses.replace(self.plan, story=story)
        if self.labels is not None:
            self._put_labels(self.labels)
        return found

    def _check_count(self, labels: Sequence[Labels | None], clips: Sequence[Clip]) -> None:
        if len(labels) != len(clips):
            raise InputError(
                f"has {len(labels)} labels, but the video has {len(clips)} clips", file=self.storyline_file
            )

    def _put_labels(self, labels: Sequence[Labels | None]) -> None:
        story, fixed = self.plan.story, self.plan.fixed
        self._check_count(labels, story.clips)
        clips = [
            dataclasses.replace(clip, labels=own or clip.labels, narration=fixed[i].narration if i in fixed else None)
            for i, (clip, own) in enumerate(zip(story.clips, labels, strict=True))
        ]
        self.plan = plan_of(dataclasses.replace(story, clips=tuple(clips)))

    def finish(self, written: Sequence[WrittenClip]) -> None:
        """Add what was written, and save it."""
        self.take(written)
        save(self.out, self.plan, written, self.made_with, self.findings)

    def take(self, written: Sequence[WrittenClip]) -> None:
        """Add what was written, and collect warnings."""
        clips = list(self.plan.story.clips)
        for each in written:
            labels = each.written.labels if each.written.labels is not None else clips[each.clip].labels
            narration = each.written.narration or None
            clips[each.clip] = dataclasses.replace(clips[each.clip], labels=labels or None, narration=narration)
        self.plan = dataclasses.replace(self.plan, story=dataclasses.replace(self.plan.story, clips=tuple(clips)))
        self._warn(written)

    def _warn(self, written: Sequence[WrittenClip]) -> None:
        plan, forgotten = self.plan, 0
        for each in written:
            where = f"clips[{each.clip}].narration"
            if each.problem:
                self.findings.add(each.problem, file=self.video, field=where)
            if each.clip >= (plan.first or 0) and "narration" in plan.given.get(each.clip, ()):
                count, words = count_words(each.written.narration, plan.story.language), each.written.words
                if count not in words:
                    message = f"yours has {count} words, but the clip has time for {words.low} to {words.high}"
                    self.findings.add(message, file=self.file, field=where)
            if each.forgotten > forgotten:
                forgotten = each.forgotten
                message = f"from here on the text of the first {forgotten} clips is left out: it no longer fits"
                self.findings.add(message, file=self.video, field=where)
