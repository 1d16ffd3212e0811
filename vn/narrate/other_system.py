"""Another system of the paper's tables as what narrates a raw video; only imported if it is asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.baselines.content import FileContent
from vn.baselines.context import Context
from vn.baselines.on_video import VideoOptions, own_options, system_options
from vn.baselines.run_folder import ASKED
from vn.baselines.source import as_shown, open_data, video_encoder
from vn.baselines.word_ranges import usual_rule
from vn.baselines.writer import Storyline, Writer
from vn.baselines.writing import write_each
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.narrate.job import Job
from vn.narrate.system import Done, Failed
from vn.written import WrittenClip


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A video that was added, and what is called for it."""

    job: Job
    done: Done
    failed: Failed | None
    follow: Callable[[WrittenClip], None] | None


class OtherSystem:
    """A baseline (`vn.narrate.system.System`, and `Loaded` as well: its models are loaded when they are first used).

    Args:
        args: the command's arguments.
        jobs: the videos; the options of an edited story are the defaults.

    Raises:
        InputError: an option is wrong, or the videos are in several languages.
    """

    def __init__(self, args: argparse.Namespace, jobs: Sequence[Job]) -> None:
        first = jobs[0]
        before = first.made_with if args.edit is not None else {}
        options: VideoOptions = system_options(args, before, args.edit)
        own = options.args
        story, folder = first.plan.story, args.out if args.videos is not None else first.out
        self.findings = Findings()
        data = open_data(own.data)
        corpus = data.manifest.corpus if data else None
        self.words = replace(usual_rule(corpus, story.language), source="duration")  # a raw video has no references
        context = Context(
            language=story.language,
            domain=story.domain,
            words=self.words,
            cache=DiskCache(Path(folder) / ASKED),
            findings=self.findings,
            data=data.folder if data else None,
            manifest=data.manifest if data else None,
            seed=own.seed,
        )
        self.writer: Writer = options.module.open_writer(own, context)
        self.encoder = video_encoder(own, data)
        self.about = f"{options.name}: {self.writer.name}"
        settings = json.loads(json.dumps(dict(self.writer.settings), default=str))
        self.options: dict[str, Any] = {}
        self.notes: dict[str, Any] = {
            "adapter": None,
            "base_model": None,
            "baseline": options.name,
            "system": self.writer.name,
            "settings": settings,
            "options": own_options(options),
        }
        self.identity = json.dumps([options.name, self.writer.name, settings], sort_keys=True)
        self._kind = story.language, story.domain
        self._waiting: list[_Waiting] = []
        self._ids: set[str] = set()  # ids of the stories in `_waiting` or written

    def check(self, job: Job) -> None:
        """Raise if a video is in another language or domain than the first.

        Raises:
            InputError: names the product file.
        """
        story = job.plan.story
        if (story.language, story.domain) != self._kind:
            message = f"is {story.language!r}, {story.domain!r}, but the first video's is {self._kind[0]!r}, "
            raise InputError(f"{message}{self._kind[1]!r}: narrate them separately", file=job.file, field="language")
        job.check_labels()

    def load(self) -> OtherSystem:
        """Nothing is loaded here."""
        return self

    def add(
        self,
        job: Job,
        done: Done,
        failed: Failed | None = None,
        follow: Callable[[WrittenClip], None] | None = None,
    ) -> None:
        """Note a video; see `vn.narrate.system.Loaded`."""
        self._waiting.append(_Waiting(job, done, failed, follow))

    def finish(self) -> None:
        """Write all videos, as many at once as the system takes."""
        waiting, self._waiting = self._waiting, []
        self._ids = {one.job.plan.story.id for one in waiting}
        write_each(waiting, self._write, self._keep, self.writer.workers)

    def _keep(self, one: _Waiting, result: list[WrittenClip] | InputError) -> None:
        others = self._ids - {one.job.plan.story.id}
        for line in self.findings.lines:
            if line.split(": ", 1)[0] not in others:
                one.job.findings.add(line)
        if not isinstance(result, InputError):
            if one.follow is not None:
                for each in result:
                    one.follow(each)
            one.done(one.job, result)
        elif one.failed is None:
            raise result
        else:
            one.failed(one.job, result)

    def _write(self, one: _Waiting) -> list[WrittenClip]:
        job = one.job
        story, fixed = job.plan.story, job.plan.fixed
        content = FileContent(job.video, story.id, self.encoder, job.findings)
        video = as_shown(story, content, self.words, "predicted", fixed)
        labelled = all(i in fixed and fixed[i].labels for i in video.clips)
        storyline: Storyline = "given" if labelled and "given" in self.writer.storylines else "predicted"
        return [_with_fixed(each, job) for each in self.writer.write(video, storyline)]


def _with_fixed(written: WrittenClip, job: Job) -> WrittenClip:
    """A clip with the labels and the narration that a user has fixed, whatever the system has made of them."""
    fixed = job.plan.fixed.get(written.clip)
    if fixed is None:
        return written
    text = written.written
    if fixed.labels is not None:
        text = replace(text, labels=fixed.labels)
    if fixed.narration is not None:
        text = replace(text, narration=fixed.narration)
    return replace(written, written=text)
