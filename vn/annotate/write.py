"""The last step: stories in ``train/``, ``val/`` and ``test/``, as ``vn prepare --reader stories`` reads them.

Only files that this step wrote, and nobody changed since, are ever replaced or removed: ``stages/written.json`` has
their hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vn.annotate.draft import Draft
from vn.annotate.entry import Entry
from vn.annotate.splits import products_by_video, split_of
from vn.data.readers.source import Split
from vn.data.splits import SPLITS
from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.files import read_json

WRITTEN = "written.json"


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """What is written, and where.

    Attributes:
        val_share: share of the products in val.
        test_share: share of the products in test.
        only_reviewed: leave out videos that nobody reviewed.
    """

    val_share: float = 0.05
    test_share: float = 0.1
    only_reviewed: bool = False


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes:
        drafts: the stories by split.
        products: number of products by split.
        left_out: ids by reason.
        removed: stories of earlier runs that were removed.
    """

    drafts: dict[Split, list[Draft]]
    products: dict[Split, int]
    left_out: dict[str, list[str]] = field(default_factory=dict)
    removed: int = 0


def write_stories(out: Path, entries: Sequence[Entry], settings: WriteSettings, findings: Findings) -> Written:
    """Write a story for each video that can be used.

    Args:
        out: the folder of stories.
        entries: all videos.
        settings: what is written.
        findings: receives warnings.

    Raises:
        InputError: a story is in the way that this step did not write, or that was changed since.
    """
    products = products_by_video(entries)
    written = Written({split: [] for split in SPLITS}, {})
    seen: dict[Split, set[str]] = {split: set() for split in SPLITS}
    for entry in entries:
        draft = _draft(entry, settings, written.left_out)
        if draft is not None:
            product = products[entry.video.id]
            split = split_of(product, settings.val_share, settings.test_share)
            written.drafts[split].append(draft)
            seen[split].add(product)
    written.products = {split: len(each) for split, each in seen.items()}
    texts = {f"{split}/{x.video.id}.json": _text(x, out / split) for split in SPLITS for x in written.drafts[split]}
    written.removed = _replace(out, texts, findings)
    shares: dict[Split, float] = {"val": settings.val_share, "test": settings.test_share}
    for split, share in shares.items():
        if share and not seen[split]:
            findings.add(f"no product is in the {split} split: there are {sum(written.products.values())} in all")
    return written


def _draft(entry: Entry, settings: WriteSettings, left_out: dict[str, list[str]]) -> Draft | None:
    """The draft of a video, or None if it is not written; the reason is noted."""
    if not entry.goes_on:
        return None
    draft = entry.draft()
    reason = None
    if settings.only_reviewed and not draft.reviewers:
        reason = "not reviewed"
    elif not any(clip.narration for clip in draft.clips):
        reason = "without a narration"
    if reason is None:
        return draft
    left_out.setdefault(reason, []).append(entry.video.id)
    return None


def _text(draft: Draft, folder: Path) -> str:
    """A story's file; its video is relative to the folder, so that stories and videos can be moved together."""
    video = os.path.relpath(draft.video.file.absolute(), folder.absolute())
    story = replace(draft.story(), video=Path(video).as_posix())
    return json.dumps(story.to_dict(), ensure_ascii=False, indent=1) + "\n"


def _replace(out: Path, texts: Mapping[str, str], findings: Findings) -> int:
    """Write these files and remove those of earlier runs; returns how many were removed.

    Before a file is written its hash is recorded, beside that of the one it replaces, so that a killed run finds its
    own files again.
    """
    record = out / "stages" / WRITTEN
    ours = _recorded(record)
    new = {name: _hash(text.encode()) for name, text in texts.items()}
    there = {
        f"{split}/{file.name}": file
        for split in SPLITS
        if (out / split).is_dir()
        for file in sorted((out / split).glob("*.json"))
    }
    hashes = {name: _hash(file.read_bytes()) for name, file in there.items()}
    foreign = [name for name, found in hashes.items() if found not in (*ours.get(name, ()), new.get(name))]
    ids = {name.partition("/")[2] for name in texts}
    if blocked := next((name for name in foreign if name.partition("/")[2] in ids), None):
        message = "was not written by vn annotate, or was changed since: move it away, or make the change in a review"
        raise InputError(message, file=out / blocked)
    if foreign:
        are = "1 story is" if len(foreign) == 1 else f"{len(foreign)} stories are"
        message = f"{are} not from vn annotate, and left as before; the first is {foreign[0]}"
        findings.add(message, file=out)
    _record(record, {name: sorted({*ours.get(name, ()), *([new[name]] if name in new else [])}) for name in ours | new})
    for split in SPLITS:
        (out / split).mkdir(parents=True, exist_ok=True)  # without val/, vn prepare would take a share of train
    for name, text in texts.items():
        if hashes.get(name) != new[name]:
            write_text(out / name, text)
    stale = [file for name, file in there.items() if name not in texts and name not in foreign]
    for file in stale:
        file.unlink()
    _record(record, {name: [found] for name, found in new.items()})
    return len(stale)


def _recorded(file: Path) -> dict[str, list[str]]:
    """Hashes of the files that earlier runs wrote."""
    if not file.exists():
        return {}
    data = read_json(file)
    if not isinstance(data, dict) or not all(isinstance(each, list) for each in data.values()):
        raise InputError("expected hashes by file; if it was damaged, remove it and the stories", file=file)
    return data


def _record(file: Path, hashes: Mapping[str, Sequence[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(hashes, indent=0, sort_keys=True) + "\n")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
