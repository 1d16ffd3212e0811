"""``vn narrate --videos``: many videos with one load of the model, and a report of all.

Each video gets a folder of its own in ``--out``, named like its file. What a story was asked for is kept in its
``story.json`` as one hash (``record.made_with.request``), so that the same command goes on where it was interrupted,
and writes again only the stories whose request has changed. Stories that were edited are left alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vn.data.shot_settings import shot_settings
from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.files import read_json, read_text
from vn.io.lock import claim
from vn.narrate.edit import Plan, plan_of, read_edited
from vn.narrate.job import Job
from vn.narrate.product import read_product
from vn.overlap import Overlap
from vn.progress import progress
from vn.story import count_words

REPORT = "report.json"
PRODUCTS = (".yaml", ".yml", ".json")
State = Literal["written", "kept", "edited", "failed", "not reached"]
ENDS = 1 << 16  # bytes at both ends of a video that tell it from others


@dataclass(slots=True)
class Entry:
    """One video of many.

    Attributes:
        job: what is asked for; its `made_with` has the request's hash.
        state: ``written`` now, ``kept`` as an earlier call of this command wrote it, ``edited`` by hand and kept,
            ``failed``, or ``not reached``.
        error: why it failed.
    """

    job: Job
    state: State = "not reached"
    error: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Its line of the report."""
        line = {"video": str(self.job.video), "story": str(self.job.out / "story.json"), "state": self.state}
        return line | ({"error": self.error} if self.error else {}) | self.summary


def narrate_all(args: argparse.Namespace, adapter: Path, options: Mapping[str, Any]) -> int:
    """Narrate the videos of a folder or a list.

    Args:
        args: the command's arguments.
        adapter: the adapter folder.
        options: how tokens are chosen.

    Raises:
        InputError: something is wrong with the request; or some videos could not be narrated, after all others were.
    """
    for name in ("video", "edit", "storyline"):
        if getattr(args, name) is not None:
            raise InputError(f"--videos does not go with {'one video' if name == 'video' else '--' + name}")
    if args.out is None:
        raise InputError("say where to write: --out")

    from vn.card import read_card
    from vn.io.hashes import hash_folder

    card = read_card(adapter)
    print(f"{adapter}: {card.about()}", file=sys.stderr)
    notes = {"adapter": str(adapter), "base_model": args.base_model, "overlap": args.overlap or "refuse"}
    made_with = {**notes, **options}
    narrator = hash_folder(adapter)
    entries = [Entry(job) for job in _jobs(args, made_with)]
    for entry in entries:
        entry.job.check(card)
        entry.job.made_with = {**entry.job.made_with, "request": _request(entry.job, narrator, options)}
    with claim(args.out, "vn narrate"):
        try:
            todo = [entry for entry in entries if not _is_done(entry, args.overwrite)]
            if todo:
                _write(todo, args, adapter, options)
        finally:
            report = {"videos": [entry.report() for entry in entries]}
            write_text(args.out / REPORT, json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    _show(entries, args.out)
    failed = [entry for entry in entries if entry.error]
    if failed:
        message = f"{len(failed)} of {len(entries)} videos could not be narrated, the first: {failed[0].error}"
        raise InputError(f"{message} ({args.out / REPORT} has all; the same command tries them again)")
    return 0


# -- what is asked for ------------------------------------------------------------------------------------------------


def _jobs(args: argparse.Namespace, made_with: Mapping[str, Any]) -> list[Job]:
    """All jobs, with every product file read: what is wrong with one of them is known before anything slow."""
    pairs = _listed(args.videos) if args.videos.is_file() else _found(args.videos)
    names = Counter(video.stem.casefold() for video, _ in pairs)
    if twice := next((video for video, _ in pairs if names[video.stem.casefold()] > 1), None):
        raise InputError(f"several videos have the name {twice.stem}; each needs a folder of its own", file=args.videos)
    bare = [video for video, product in pairs if product is None]
    if bare and args.product is None:
        message = f"{len(bare)} of {len(pairs)} videos have no product file, the first is {bare[0]}; put {bare[0].stem}"
        raise InputError(f"{message}.yaml beside it, or name one for all with --product", file=args.videos)
    if gone := next((video for video, _ in pairs if not video.is_file()), None):
        raise InputError("no such video", file=gone)
    overlap: Overlap = args.overlap or "refuse"
    jobs, shots = [], shot_settings(args)
    for video, own in pairs:
        product, findings = own or args.product, Findings()
        plan = plan_of(read_product(product, findings, overlap))
        plan = dataclasses.replace(plan, story=dataclasses.replace(plan.story, video=str(video)))
        clips = _clips_file(args.clips, video)
        if clips is not None and plan.story.clips:
            raise InputError(f"has clips of its own, and {clips} too", file=product, field="clips")
        out = args.out / video.stem
        jobs.append(Job(plan, video, product, out, made_with, clips, shots=shots, findings=findings, overlap=overlap))
    return jobs


def _found(folder: Path) -> list[tuple[Path, Path | None]]:
    from vn.data.find_video import VIDEO_SUFFIXES

    if not folder.is_dir():
        raise InputError("no such folder or list of videos", file=folder)
    videos = sorted(file for file in folder.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file())
    if not videos:
        raise InputError(f"no video in this folder (looked for {', '.join(VIDEO_SUFFIXES)})", file=folder)
    return [(video, _beside(video)) for video in videos]


def _listed(file: Path) -> list[tuple[Path, Path | None]]:
    pairs = []
    for line in read_text(file).splitlines():
        video, _, product = (part.strip() for part in line.partition("\t"))
        if video and not video.startswith("#"):
            path = file.parent / video
            pairs.append((path, file.parent / product if product else _beside(path)))
    if not pairs:
        raise InputError("no video in this list", file=file)
    return pairs


def _beside(video: Path) -> Path | None:
    return next((file for end in PRODUCTS if (file := video.with_suffix(end)).is_file()), None)


def _clips_file(folder: Path | None, video: Path) -> Path | None:
    from vn.narrate.clip_times import SUFFIXES

    if folder is None:
        return None
    if not folder.is_dir():
        raise InputError("with --videos, a folder of files of times is expected", file=folder, field="--clips")
    return next((file for end in SUFFIXES if (file := folder / (video.stem + end)).is_file()), None)


def _request(job: Job, narrator: str, options: Mapping[str, Any]) -> str:
    """One hash of all that the story depends on."""
    with job.video.open("rb") as file:
        digest = hashlib.sha256(file.read(ENDS))
        size = file.seek(0, 2)
        file.seek(max(0, size - ENDS))
        digest.update(file.read(ENDS))
    times = read_text(job.clips_file) if job.clips_file else None
    story = dataclasses.replace(job.plan.story, video=None).to_dict()  # where the video is stored does not matter
    given = {i: [fixed.narration, [x.name for x in fixed.labels or ()]] for i, fixed in job.plan.fixed.items()}
    parts = [story, given, times, size, digest.hexdigest(), narrator, dict(options), job.overlap]
    if job.shots is not None and not story.get("clips") and times is None:
        parts.append(job.shots.to_dict())
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _is_done(entry: Entry, overwrite: bool) -> bool:
    """Whether there is a story of this very request, or one that was edited since it was written."""
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
    except InputError as error:  # not ours to write over: somebody's work may be in it
        entry.state, entry.error = "failed", f"{error} (mend the file, remove it, or give --overwrite)"
        return True
    entry.summary = _summary_of(read_json(file))
    return True


def _is_edited(there: Plan, asked: Plan, same_request: bool) -> bool:
    """Whether an edit was followed earlier (``--edit``): what is fixed, or the product, is not what was asked for."""
    marked = ((i, entry.get("fixed")) for i, entry in enumerate(there.entries))
    fixed = {i: names for i, names in marked if isinstance(names, list) and names}
    if fixed != {i: list(names) for i, names in asked.given.items() if names}:
        return True
    facts = [(plan.story.title, plan.story.knowledge) for plan in (there, asked)]
    return same_request and facts[0] != facts[1]


# -- writing ----------------------------------------------------------------------------------------------------------


def _write(todo: Sequence[Entry], args: argparse.Namespace, adapter: Path, options: Mapping[str, Any]) -> None:
    from vn.narrate.write import Narrator

    narrator = Narrator(adapter, args.base_model, args.encoder_weights, options, args.device, args.videos_at_once)
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
            print(f"cannot be narrated; the others go on: {text}", file=sys.stderr, flush=True)
            step()

        for entry in todo:
            try:
                entry.job.cut()
                narrator.add(entry.job, done, failed)
            except InputError as error:
                failed(entry.job, error)
        narrator.finish()


# -- the report -------------------------------------------------------------------------------------------------------


def _summary_of(story: Mapping[str, Any]) -> dict[str, Any]:
    """What the report says of a ``story.json``."""
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
