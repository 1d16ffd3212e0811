"""The stories of whatever holds some, one after another: shards, Story files, a run, annotations of a known corpus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vn.data.manifest import NAME as MANIFEST
from vn.data.manifest import Manifest
from vn.data.readers import read
from vn.data.readers.source import ReadContext, SourceStory
from vn.data.readers.stories import SUFFIXES
from vn.data.readers.stories import each as stories_of
from vn.data.shard_records import FOLDER as RECORDS
from vn.data.shards import announce, read_story
from vn.data.splits import SPLITS
from vn.errors import Findings, InputError
from vn.io.remote import Folder, open_folder
from vn.story import Story

UNASSIGNED = "unassigned"
"""The split of stories that no split is given for: ``vn prepare`` divides them between train and val."""

_CORPUS_KEY = re.compile(r'\s*\{\s*"[^"]+\.mp4"\s*:')  # how annotations in the schema of E-SyncVidStory begin
_BEGINNING = 4096  # characters
AHEAD = 16  # remote samples that are fetched before they are needed


@dataclass(slots=True)
class Found:
    """What reading stories came across, besides the stories.

    Attributes:
        findings: warnings.
        bad: stories that cannot be used.
        empty: splits that are there and have no story.
    """

    findings: Findings = field(default_factory=Findings)
    bad: list[InputError] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DataSource:
    """Something that holds stories.

    Attributes:
        path: path or URL, as it was given.
        kind: ``data folder``, ``run``, or the reader's name.
        read: gives split and story, one after another; they are read as they are asked for.
    """

    path: str
    kind: str
    read: Callable[[Found], Iterator[tuple[str, Story]]]


def open_source(path: str, reader: str | None = None) -> DataSource:
    """Find out what a path holds.

    Args:
        path: a data folder (which may be a URL), a run folder, or whatever a reader of ``vn prepare`` reads.
        reader: the reader's name; None: found out from the files.

    Raises:
        InputError: there is nothing, or an unfinished data folder.
    """
    place = open_folder(path)
    if not isinstance(place, Path) or (reader is None and _is_data(place)):
        if reader is not None:
            raise InputError("stories are read from a path, not from a URL", file=path, field="--reader")
        manifest = Manifest.load(place)
        return DataSource(path, "data folder", lambda found: _of_shards(place, manifest, found))
    if not place.exists():
        raise InputError("no such file or folder", file=place)
    if reader is None and (place / "stories.jsonl").is_file():
        return DataSource(path, "run", lambda found: _of_run(place / "stories.jsonl", found))
    name = reader or _reader_of(place)
    return DataSource(path, name, lambda found: _of_reader(name, place, found))


def _is_data(place: Path) -> bool:
    """Whether a folder is for shards, complete or not."""
    return place.is_dir() and ((place / MANIFEST).is_file() or (place / RECORDS).is_dir() or any(place.glob("*.tar")))


def _reader_of(place: Path) -> str:
    if place.is_dir():
        folders = [place, *(place / split for split in SPLITS)]
        if any(_any_story(each) for each in folders if each.is_dir()):
            return "stories"
        return "video-storytelling" if any(place.rglob("*.txt")) else "stories"
    if place.suffix == ".txt":
        return "video-storytelling"
    try:
        with place.open(encoding="utf-8") as file:
            return "esyncvidstory" if _CORPUS_KEY.match(file.read(_BEGINNING)) else "stories"
    except (OSError, UnicodeDecodeError):
        return "stories"  # whose error says what is wrong with the file


def _of_shards(folder: Folder, manifest: Manifest, found: Found) -> Iterator[tuple[str, Story]]:
    for split in SPLITS:
        samples = manifest.samples(split)
        if not len(samples):
            found.empty.append(split)
        for number, entry in enumerate(samples):
            if number % AHEAD == 0:
                for later in samples[number : number + AHEAD]:
                    announce(folder / later.shard, later, whole=False)
            try:
                yield split, read_story(folder / entry.shard, entry)
            except InputError as error:
                found.bad.append(error)


def _of_run(file: Path, found: Found) -> Iterator[tuple[str, Story]]:
    context = ReadContext(found.findings, found.bad, overlap="keep")
    return (("test", source.story) for source in _each_once(stories_of(file, context)))


def _of_reader(name: str, place: Path, found: Found) -> Iterator[tuple[str, Story]]:
    if name == "stories":
        if place.is_dir():
            found.empty += [split for split in SPLITS if (place / split).is_dir() and not _any_story(place / split)]
        sources = _each_once(stories_of(place, ReadContext(found.findings, found.bad, overlap="keep")))
    else:
        sources = iter(read(name, place, findings=found.findings, bad=found.bad, overlap="keep"))
    for source in sources:
        folder = source.file.parent
        own = folder.name if folder.name in SPLITS and folder.parent == place else UNASSIGNED
        yield source.split or own, source.story


def _any_story(folder: Path) -> bool:
    return any(file.suffix in SUFFIXES for file in folder.iterdir())


def _each_once(sources: Iterator[SourceStory]) -> Iterator[SourceStory]:
    """The same stories; an id that appears twice is an error, as it is for ``vn prepare``."""
    files: dict[str, Path] = {}
    for source in sources:
        other = files.get(source.story.id)
        if other is not None:
            message = "the id appears twice" if other == source.file else f"the id appears in {other} too"
            raise InputError(message, file=source.file, sample=source.story.id, field="id")
        files[source.story.id] = source.file
        yield source
