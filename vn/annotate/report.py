"""What ``vn annotate`` did, as text for the terminal and as JSON: stories, counts with names, marks, time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vn.annotate.entry import Entry
from vn.annotate.stage_files import StageFiles
from vn.annotate.write import Written
from vn.data.readers.groups import listing
from vn.data.splits import SPLITS

NAMES = 5  # videos that are named for a count; annotate.json has all


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that is counted over all videos.

    Attributes:
        total: the sum.
        videos: ids of the videos that have it.
    """

    total: float
    videos: tuple[str, ...]


def count(entries: Sequence[Entry]) -> dict[str, Counted]:
    """What the stages counted, and marks by their kind as ``marked KIND``."""
    totals: dict[str, float] = defaultdict(float)
    videos: dict[str, dict[str, None]] = defaultdict(dict)
    for entry in entries:
        if not entry.goes_on:
            continue
        for file in entry.files.values():
            each = dict(file.made.counts)
            for mark in file.made.marks:
                each[f"marked {mark.kind}"] = each.get(f"marked {mark.kind}", 0) + 1
            for name, number in each.items():
                if number:
                    totals[name] += number
                    videos[name][entry.video.id] = None
    return {name: Counted(totals[name], tuple(videos[name])) for name in totals}


def report_of(
    entries: Sequence[Entry], stages: Sequence[StageFiles], written: Written | None, seconds: float
) -> dict[str, Any]:
    """Everything that is counted, for ``annotate.json``."""
    return {
        "bad": {entry.video.id: entry.error for entry in entries if entry.error is not None},
        "duplicates": {entry.video.id: entry.same_as for entry in entries if entry.same_as is not None},
        "left_out": {} if written is None else written.left_out,
        "counts": {name: {"total": x.total, "videos": list(x.videos)} for name, x in count(entries).items()},
        "cost": {files.stage.name: _cost(files) for files in stages},
        "seconds": round(seconds, 3),
    }


def summary(entries: Sequence[Entry], stages: Sequence[StageFiles], written: Written | None, seconds: float) -> str:
    """The same for people."""
    lines = [] if written is None else _stories(written)
    rows: list[tuple[str, str, Sequence[str]]] = []
    same = [f"{entry.video.id} (as {entry.same_as})" for entry in entries if entry.same_as is not None]
    bad = [entry.video.id for entry in entries if entry.error is not None]
    rows += [("cannot be used", str(len(bad)), bad)] if bad else []
    rows += [("duplicates", str(len(same)), same)] if same else []
    if written is not None:
        rows += [(f"left out: {why}", str(len(ids)), ids) for why, ids in written.left_out.items()]
    rows += [(name, f"{x.total:g}", x.videos) for name, x in count(entries).items()]
    every = len([entry for entry in entries if entry.goes_on])
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, total, videos in rows:
        names = "all videos" if len(videos) == every > NAMES else listing(videos, NAMES)
        lines.append(f"  {name:{width}} {total:>7}  {names}")
    lines += ["", *(_time(files) for files in stages if files.made), f"  in all {seconds:.1f} s"]
    return "\n".join(lines)


def _stories(written: Written) -> list[str]:
    lines = ["  split   " + "".join(name.rjust(10) for name in ("products", "videos", "clips", "narrated", "minutes"))]
    for split in SPLITS:
        clips = [clip for draft in written.drafts[split] for clip in draft.clips]
        numbers = [
            written.products[split],
            len(written.drafts[split]),
            len(clips),
            sum(bool(x.narration) for x in clips),
        ]
        minutes = sum(clip.end - clip.start for clip in clips) / 60
        lines.append("  " + split.ljust(8) + "".join(str(n).rjust(10) for n in numbers) + f"{minutes:10.1f}")
    if written.removed:
        were = (
            "1 story of an earlier run was"
            if written.removed == 1
            else f"{written.removed} stories of earlier runs were"
        )
        lines.append(f"  {were} removed")
    return [*lines, ""]


def _cost(files: StageFiles) -> Mapping[str, float]:
    return {"videos": files.made, "seconds": round(files.seconds, 3), **files.stage.report()}


def _time(files: StageFiles) -> str:
    """A line like ``speech: 12 videos, 40.1 s (recogniser 38.2)``; what a stage reports itself is in brackets."""
    own = ", ".join(f"{name} {number:.6g}" for name, number in files.stage.report().items())
    name = files.stage.name.replace("_", " ")
    videos = f"{files.made} video{'s' * (files.made != 1)}"
    return f"  {name}: {videos}, {files.seconds:.1f} s" + (f" ({own})" if own else "")
