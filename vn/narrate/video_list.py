"""The requests of ``vn narrate --videos``: one job per video of a folder or list, and one hash per request."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.data.shot_settings import shot_settings
from vn.errors import Findings, InputError
from vn.io.files import read_text
from vn.narrate.job import Job
from vn.overlap import Overlap
from vn.story_file.edit import plan_of
from vn.story_file.product import read_product

PRODUCTS = (".yaml", ".yml", ".json")
ENDS = 1 << 16  # bytes at both ends of a video that identify it


def jobs_of(args: argparse.Namespace) -> list[Job]:
    """All jobs, with every product file read, so that errors in them are found before anything slow."""
    pairs = _listed(args.videos) if args.videos.is_file() else _found(args.videos)
    names = Counter(video.stem.casefold() for video, _ in pairs)
    if twice := next((video for video, _ in pairs if names[video.stem.casefold()] > 1), None):
        raise InputError(f"several videos have the name {twice.stem}; each needs a folder of its own", file=args.videos)
    bare = [video for video, product in pairs if product is None]
    if bare and args.product is None:
        message = f"{len(bare)} of {len(pairs)} videos have no product file, the first is {bare[0]}; put {bare[0].stem}"
        raise InputError(f"{message}.yaml beside it, or give one for all with --product", file=args.videos)
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
        jobs.append(Job(plan, video, product, out, {}, clips, shots=shots, findings=findings, overlap=overlap))
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
        raise InputError("expected a folder of files with clip times (with --videos)", file=folder, field="--clips")
    return next((file for end in SUFFIXES if (file := folder / (video.stem + end)).is_file()), None)


def request_of(job: Job, narrator: str, options: Mapping[str, Any]) -> str:
    """One hash of everything that the story depends on."""
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
