"""The test of a baseline: opens videos and system, writes what is left to write, and scores it."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from vn.baselines.context import Context
from vn.baselines.counts import of_one_video
from vn.baselines.options import word_rule
from vn.baselines.run_folder import ASKED, RunFolder, configuration
from vn.baselines.source import Data, Source, as_shown, open_data, open_source
from vn.baselines.word_ranges import usual_rule
from vn.baselines.writer import Storyline, Writer
from vn.baselines.writing import write_each
from vn.environment import wandb_variables
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.progress import progress
from vn.run_folder.parts import StoryParts
from vn.run_folder.sigterm import EXIT, Preempted
from vn.run_folder.story_table import Pictures, log_stories, stored_pictures, story_rows, written_files
from vn.run_folder.wandb_run import WandbRun, log_files, note_end
from vn.score.command import score_folder
from vn.score.report import print_table
from vn.story import Story, WordRangeRule
from vn.written import WrittenClip, prediction_lines

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a test needs.

    Attributes:
        source: the videos.
        data: the data folder, if there is one.
        writer: the system.
        storylines: the settings to write.
        words: how word ranges are computed.
        cache: keeps what is asked.
        findings: takes warnings.
    """

    source: Source
    data: Data | None
    writer: Writer
    storylines: tuple[Storyline, ...]
    words: WordRangeRule
    cache: DiskCache
    findings: Findings


def write_test(name: str, module: ModuleType, args: argparse.Namespace) -> None:
    """Write and score the stories of one run; a finished run is left as it is.

    Args:
        name: the baseline.
        module: its module.
        args: the parsed arguments, with the run folder.

    Raises:
        InputError: an option is wrong, the folder has another run, or a video could not be written.
    """
    folder = RunFolder(args.out)
    try:
        opened = open_test(module, args)
        own = opened.writer, opened.storylines, opened.source.record, opened.words
        config = configuration(name, *own, args.seed)
        folder.begin(config)
    except InputError:
        note_end(2, args.out)
        raise
    if folder.is_finished:
        again = f"vn score {args.out} scores it again; give another --out or --name to write again"
        print(f"{args.out} is finished; {again}")
        note_end(0, args.out)
        return
    asked = args.wandb or wandb_variables().run_id is not None
    wandb = WandbRun(args.out, config, {"ablation": opened.writer.name}) if asked else None
    try:
        if not folder.is_written:
            _Stories(opened, folder).write(config)
        scores = {} if args.no_score else _score(args, opened.findings)
        folder.finish(scores)
        if wandb is not None:
            _log(wandb, args.out, opened)
    except BaseException as error:
        if wandb is not None:
            preempted = isinstance(error, Preempted)
            wandb.finish(EXIT if preempted else 1, preempted)
        raise
    finally:
        opened.cache.close()
    if wandb is not None:
        wandb.finish(0)
    if scores:
        print_table(scores)
    if opened.findings:
        print(opened.findings.summary(), file=sys.stderr)
    print(f"vn baseline: done; results are in {args.out}", file=sys.stderr)


def open_test(module: ModuleType, args: argparse.Namespace) -> Opened:
    """Open the videos and the system.

    Args:
        module: the baseline's module.
        args: the parsed arguments, with the run folder.

    Raises:
        InputError: an option is wrong, or something is not there.
    """
    findings = Findings()
    data = open_data(args.data)
    source = open_source(args, data, findings)
    words = word_rule(args, usual_rule(source.corpus, source.language))
    cache = DiskCache(args.out / ASKED)
    context = Context(
        language=source.language,
        domain=source.domain,
        words=words,
        cache=cache,
        findings=findings,
        data=data.folder if data else None,
        manifest=data.manifest if data else None,
        videos=args.videos,
        seed=args.seed,
        amount=source.amount,
    )
    writer: Writer = module.open_writer(args, context)
    storylines = chosen_storylines(args.storyline, writer, source)
    return Opened(source, data, writer, storylines, words, cache, findings)


def chosen_storylines(asked: str | None, writer: Writer, source: Source) -> tuple[Storyline, ...]:
    """The settings to write: those asked for, else all that the system can do and the stories have labels for.

    Raises:
        InputError: the system cannot do what is asked for.
    """
    if asked is None:
        has_labels = _has_labels(source)
        return tuple(each for each in writer.storylines if each == "predicted" or has_labels)
    wanted: tuple[Storyline, ...] = ("predicted", "given") if asked == "both" else (asked,)  # type: ignore[assignment]
    if missing := next((each for each in wanted if each not in writer.storylines), None):
        can = ", ".join(writer.storylines)
        raise InputError(f"{writer.name} cannot write with the storyline {missing}, only {can}", field="--storyline")
    return wanted


def _has_labels(source: Source) -> bool:
    """Whether the first story that can be read has labels; those that cannot are named when they are written."""
    for number in range(len(source.keys)):
        try:
            story, _ = source.read(number)
        except InputError:
            continue
        return all(story.clips[i].labels for i in story.narrated or range(len(story.clips)))
    return False


@dataclass(frozen=True, slots=True)
class _Job:
    """A video in one setting."""

    number: int
    storyline: Storyline


@dataclass(frozen=True, slots=True)
class _Written:
    """A story with its references, and what was written for it; `clips` is None if it has no labels to give."""

    story: Story
    clips: list[WrittenClip] | None


class _Stories:
    """Writes the stories that are not written yet.

    Args:
        opened: videos, system and settings.
        folder: the run folder.
    """

    def __init__(self, opened: Opened, folder: RunFolder) -> None:
        self.opened = opened
        self.folder = folder

    def write(self, config: dict[str, Any]) -> None:
        """Write, and merge what was written.

        Args:
            config: the run's configuration.

        Raises:
            InputError: a video could not be written; the others are.
        """
        parts = StoryParts(self.folder.folder, config)
        parts.collect()
        parts.open()
        opened, keys = self.opened, self.opened.source.keys
        every = [_Job(n, storyline) for n in range(len(keys)) for storyline in opened.storylines]
        jobs = [job for job in every if (job.storyline, keys[job.number]) not in parts.done]
        if done := len(every) - len(jobs):
            print(f"{done} of {len(every)} stories were written before", file=sys.stderr)
        failed: list[str] = []
        with progress("stories", len(jobs)) as step:

            def keep(job: _Job, result: _Written | InputError) -> None:
                if isinstance(result, InputError):
                    logger.warning("cannot be written; continuing with the others: %s", result)
                    failed.append(str(result))
                elif result.clips is None:
                    parts.skip(job.storyline, result.story, "has no script labels to give")
                else:
                    lines = prediction_lines(result.story, result.clips, opened.words.source)
                    parts.add(job.storyline, result.story, lines)
                self.folder.count(opened.writer.report)
                step()

            try:
                write_each(jobs, self._write, keep, opened.writer.workers)
            finally:
                parts.close()
                if jobs:
                    self.folder.count(opened.writer.report, at_once=True)
        if failed:
            count = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise InputError(f"{failed[0]}{count}; what was written is kept; repeat the command to continue")
        parts.merge([(job.storyline, keys[job.number]) for job in every], opened.findings)

    def _write(self, job: _Job) -> _Written:
        source, writer = self.opened.source, self.opened.writer
        story, content = source.read(job.number)
        video = as_shown(story, content, self.opened.words, job.storyline)
        if job.storyline == "given" and any(i not in video.fixed for i in video.clips):
            return _Written(story, None)
        with of_one_video():
            written = writer.write(video, job.storyline)
        if [each.clip for each in written] != list(video.clips):
            raise RuntimeError(f"{writer.name} wrote other clips of {story.id} than it was asked for")
        return _Written(story, written)


def _score(args: argparse.Namespace, findings: Findings) -> dict[str, Any]:
    options = {name: getattr(args, name) for name in ("tokenisation", "sentences", "judge")}
    options |= {"videos": args.videos, "data": args.data}
    return dict(score_folder(args.out, findings, **options))


def _log(wandb: WandbRun, folder: Path, opened: Opened) -> None:
    """Log numbers, stories with their thumbnails, and files."""
    wandb.mirror()
    if wandb.disabled:
        return
    data = opened.data

    def pictures(video: str) -> Pictures:
        return [] if data is None else stored_pictures(data.folder, data.manifest.find(video))

    log_stories(wandb.run, folder, partial(story_rows, language=opened.source.language, pictures_of=pictures))
    log_files(wandb.run, "predictions", written_files(folder))
