"""``vn narrate --videos``: many videos with the model loaded once, and a report on all of them.

Each video gets its own folder in ``--out``, named after its file. The request for a story is stored in its
``story.json`` as one hash (``record.made_with.request``), so that the same command continues where it was interrupted,
and rewrites only the stories whose request has changed. Stories that were edited are left alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.io.lock import claim
from vn.narrate.choice import recorded, system_of
from vn.narrate.job import Job
from vn.narrate.system import System
from vn.narrate.video_list import jobs_of, request_of
from vn.narrate.voiced import render, voice_of_call
from vn.progress import progress
from vn.story import count_words
from vn.story_file.edit import Plan, read_edited

if TYPE_CHECKING:
    from vn.voice.kept import KeptVoice

REPORT = "report.json"
State = Literal["written", "kept", "edited", "failed", "not reached"]


@dataclass(slots=True)
class Entry:
    """One video of many.

    Attributes:
        job: the request; its `made_with` has the request's hash.
        state: ``written`` now, ``kept`` from an earlier call of this command, ``edited`` by hand and kept, ``failed``,
            or ``not reached``.
        error: why it failed.
    """

    job: Job
    state: State = "not reached"
    error: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Its entry in the report."""
        line = {"video": str(self.job.video), "story": str(self.job.out / "story.json"), "state": self.state}
        return line | ({"error": self.error} if self.error else {}) | self.summary


def narrate_all(args: argparse.Namespace) -> int:
    """Narrate the videos of a folder or a list.

    Args:
        args: the command's arguments.

    Raises:
        InputError: the request is wrong; or some videos could not be narrated, raised after all others were written.
    """
    for name in ("video", "edit", "storyline"):
        if getattr(args, name) is not None:
            raise InputError(f"--videos cannot be combined with {'one video' if name == 'video' else '--' + name}")
    if args.out is None:
        raise InputError("no output folder given; use --out")
    jobs = jobs_of(args)
    voice = voice_of_call(args, jobs[0].plan.story.language, {})
    system = system_of(args, jobs, voice)
    print(system.about, file=sys.stderr)
    entries = [Entry(job) for job in jobs]
    for job in jobs:
        system.check(job)
        job.made_with = {**recorded(job, system), "request": request_of(job, system.identity, system.options)}
    with claim(args.out, "vn narrate"):
        try:
            todo = [entry for entry in entries if not _is_done(entry, args.overwrite)]
            if todo:
                _write(todo, system)
            if voice is not None:
                from vn.render.page.index import write_index

                _render(entries, voice, args)
                write_index(args.out)
        finally:
            report = {"videos": [entry.report() for entry in entries]}
            write_text(args.out / REPORT, json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    _show(entries, args.out)
    failed = [entry for entry in entries if entry.error]
    if failed:
        message = f"{len(failed)} of {len(entries)} videos could not be narrated, the first: {failed[0].error}"
        raise InputError(f"{message} ({args.out / REPORT} lists all; repeat the command to try these again)")
    return 0


# -- existing stories --------------------------------------------------------------------------------------------------


def _is_done(entry: Entry, overwrite: bool) -> bool:
    """Whether there is a story from the same request, or one that was edited since it was written."""
    file = entry.job.out / "story.json"
    if overwrite or not file.exists():
        return False
    try:
        plan = read_edited(file, Findings())
        same = (plan.made_with or {}).get("request") == entry.job.made_with["request"]
        if plan.first is not None or _is_edited(plan, entry.job.plan, same):
            entry.state = "edited"
        elif same:
            entry.state = "kept"
        else:
            return False
    except InputError as error:  # not overwritten: it may contain somebody's work
        entry.state, entry.error = "failed", f"{error} (repair the file, remove it, or give --overwrite)"
        return True
    entry.summary = _summary_of(read_json(file))
    return True


def _is_edited(there: Plan, asked: Plan, same_request: bool) -> bool:
    """Whether an edit was applied earlier (``--edit``): what is fixed, or the product, differs from the request."""
    marked = ((i, entry.get("fixed")) for i, entry in enumerate(there.entries))
    fixed = {i: names for i, names in marked if isinstance(names, list) and names}
    if fixed != {i: list(names) for i, names in asked.given.items() if names}:
        return True
    facts = [(plan.story.title, plan.story.knowledge) for plan in (there, asked)]
    return same_request and facts[0] != facts[1]


# -- writing ----------------------------------------------------------------------------------------------------------


def _write(todo: Sequence[Entry], system: System) -> None:
    narrator = system.load()
    entry_of = {id(entry.job): entry for entry in todo}
    with progress("videos", len(todo)) as step:

        def done(job: Job, written: list[Any]) -> None:
            entry = entry_of[id(job)]
            try:
                job.out.mkdir(parents=True, exist_ok=True)
                job.finish(written)
            except InputError as error:
                failed(job, error)
                return
            entry.state = "written"
            entry.summary = _summary_of(read_json(job.out / "story.json"))
            step()

        def failed(job: Job, error: InputError) -> None:
            entry = entry_of[id(job)]
            text = str(error) if str(job.video) in str(error) else f"{job.video}: {error}"
            entry.state, entry.error = "failed", text
            print(f"cannot be narrated; continuing with the others: {text}", file=sys.stderr, flush=True)
            step()

        for entry in todo:
            try:
                entry.job.cut()
                narrator.add(entry.job, done, failed)
            except InputError as error:
                failed(entry.job, error)
        narrator.finish()


def _render(entries: Sequence[Entry], voice: KeptVoice, args: argparse.Namespace) -> None:
    """Render all stories; those that have not changed since they were rendered are left as they are."""
    there = [entry for entry in entries if entry.error is None and (entry.job.out / "story.json").is_file()]
    with progress("videos rendered", len(there)) as step:
        for entry in there:
            try:
                render(entry.job.out, voice, args, quiet=True)
            except InputError as error:
                entry.state, entry.error = "failed", f"{entry.job.video}: {error}"
                print(f"cannot be rendered; continuing with the others: {entry.error}", file=sys.stderr, flush=True)
            step()


# -- the report -------------------------------------------------------------------------------------------------------


def _summary_of(story: Mapping[str, Any]) -> dict[str, Any]:
    """A ``story.json``'s part of the report."""
    clips, language = story["clips"], story["language"]
    ranged = [clip for clip in clips if "word_range" in clip]
    counts = [count_words(clip.get("narration", ""), language) for clip in ranged]
    inside = sum(clip["word_range"][0] <= n <= clip["word_range"][1] for clip, n in zip(ranged, counts, strict=True))
    used = {(p["aspect"], p["point"]) for clip in clips for p in clip.get("knowledge_used", ())}
    return {
        "clips": len(clips),
        "words_in_range": inside,
        "knowledge_used": len(used),
        "knowledge": sum(len(each["points"]) for each in story.get("knowledge", ())),
        "warnings": list(story.get("warnings", ())),
    }


def _show(entries: Sequence[Entry], out: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("video", "", "clips", "in range", "knowledge", "warnings")
    for entry in entries:
        row = entry.summary
        cells = (
            [str(row["clips"]), f"{row['words_in_range']}", f"{row['knowledge_used']} of {row['knowledge']}"]
            if row
            else []
        )
        warnings = str(len(row["warnings"])) if row else ""
        table.add_row(escape(entry.job.video.name), entry.state, *(cells or [""] * 3), warnings)
    Console().print(table)
    counts = Counter(entry.state for entry in entries)
    print(f"{', '.join(f'{n} {state}' for state, n in counts.items())}; wrote {out / REPORT}")
