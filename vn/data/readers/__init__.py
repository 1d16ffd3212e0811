"""Sources of stories, by name; one file each.

A new source is a module here with ``read(path, context) -> list[SourceStory]`` and a line in `READERS`.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from vn.data.readers.source import ReadContext, SourceStory
from vn.errors import Findings, InputError, did_you_mean
from vn.files import read_text

READERS: dict[str, str] = {
    "esyncvidstory": "vn.data.readers.esyncvidstory",
    "video-storytelling": "vn.data.readers.video_storytelling",
    "stories": "vn.data.readers.stories",
}

__all__ = ["READERS", "SourceStory", "read"]


def read(
    name: str,
    path: str | Path,
    *,
    test_ids: str | Path | None = None,
    findings: Findings | None = None,
    bad: list[InputError] | None = None,
    topic: str | None = None,
) -> list[SourceStory]:
    """Read the stories of a source (spec "Data").

    Args:
        name: one of `READERS`.
        path: the annotation file or folder.
        test_ids: a file with one id a line, with or without ``.mp4``: those stories are the test split. An id that
            names no story is a finding.
        findings: takes the warnings.
        bad: takes the stories that cannot be used, which are then left out; without it the first one raises.
        topic: of `video-storytelling`, instead of the folder's name.

    Raises:
        InputError: naming file, story and field; also when an id stands twice or there is no story at all.
    """
    if name not in READERS:
        raise InputError(f"no reader {name!r}{did_you_mean(name, READERS)}; there are {', '.join(READERS)}")
    path = Path(path)
    if not path.exists():
        raise InputError("no such file or folder", file=path)
    wanted = _read_test_ids(test_ids) if test_ids is not None else set()
    context = ReadContext(findings if findings is not None else Findings(), bad, topic, frozenset(wanted))
    stories = importlib.import_module(READERS[name]).read(path, context)
    if not stories and not bad:
        raise InputError(f"no stories for the reader {name!r}", file=path)
    seen: dict[str, Path] = {}
    for source in stories:
        if source.story.id in seen:
            other = seen[source.story.id]
            raise InputError(
                "the id stands twice" if other == source.file else f"the id stands in {other} too",
                file=source.file,
                sample=source.story.id,
                field="id",
            )
        seen[source.story.id] = source.file
    unknown = sorted(wanted - context.matched_test_ids)
    if unknown:
        context.findings.add(
            f"{len(unknown)} of {len(wanted)} ids name no story, the first is {unknown[0]}", file=test_ids
        )
    return stories


def _read_test_ids(file: str | Path) -> set[str]:
    ids = {line.strip().removesuffix(".mp4") for line in read_text(file).splitlines() if line.strip()}
    if not ids:
        raise InputError("expected one test id a line, found none", file=file)
    return ids
