"""Sources of stories, by name; one file each.

A new source is a function (`vn.data.readers.source.Reader`) in a module here and a line in `READERS`, or in another
package and a line in its metadata (docs/extending.md).
"""

from __future__ import annotations

from pathlib import Path

from vn.data.readers.groups import keep_together
from vn.data.readers.source import ReadContext, Reader, SourceStory
from vn.data.readers.test_ids import choose_test, read_test_ids
from vn.errors import Findings, InputError
from vn.io.urls import is_url
from vn.overlap import Overlap
from vn.plugins import Extension, resolve

READERS: dict[str, str] = {
    "esyncvidstory": "vn.data.readers.esyncvidstory:read",
    "video-storytelling": "vn.data.readers.video_storytelling:read",
    "stories": "vn.data.readers.stories:read",
}
CORPORA = {"esyncvidstory": "e-syncvidstory", "video-storytelling": "video-storytelling"}  # by reader

__all__ = ["CORPORA", "READERS", "SourceStory", "read"]


def read(
    name: str,
    path: str | Path,
    *,
    test_ids: str | Path | None = None,
    findings: Findings | None = None,
    bad: list[InputError] | None = None,
    topic: str | None = None,
    overlap: Overlap | None = None,
) -> list[SourceStory]:
    """Read the stories of a source (docs/method.md#data).

    Args:
        name: one of `READERS`, one that a package registers, or ``module:Name``.
        path: the annotation file or folder.
        test_ids: a file with the ids or videos of the test split (`vn.data.readers.test_ids`). Ids that match no
            story cause a warning.
        findings: collects the warnings.
        bad: collects the stories that cannot be used, which are then left out; without it the first one raises.
        topic: topic of `video-storytelling`, instead of the folder's name.
        overlap: how clips that overlap are treated (`vn.overlap.settle`); None: ``keep`` for E-SyncVidStory, which
            has such clips and is trained and tested on with them, else ``refuse``.

    Returns:
        The stories in the source's order, all those of a video in one split.

    Raises:
        InputError: naming file, story and field; also if an id appears twice or there is no story at all.
    """
    extension = resolve("reader", name, READERS, allow_import=True)
    if is_url(path):
        raise InputError("stories are read from a path, not from a URL (--out may be one)", file=path)
    path = Path(path)
    if not path.exists():
        raise InputError("no such file or folder", file=path)
    ids = read_test_ids(test_ids) if test_ids is not None else []
    context = ReadContext(
        findings if findings is not None else Findings(), bad, topic, overlap or default_overlap(name)
    )
    stories = _stories(extension, path, context)
    context.tell_overlaps()
    if not stories and not bad:
        raise InputError(f"no stories for the reader {name!r}", file=path)
    seen: dict[str, Path] = {}
    for source in stories:
        if source.story.id in seen:
            other = seen[source.story.id]
            raise InputError(
                "the id appears twice" if other == source.file else f"the id appears in {other} too",
                file=source.file,
                sample=source.story.id,
                field="id",
            )
        seen[source.story.id] = source.file
    if test_ids is not None:
        stories = choose_test(stories, ids, test_ids, context.findings, left_out=bool(bad))
    return keep_together(stories, context.findings)


def _stories(extension: Extension, path: Path, context: ReadContext) -> list[SourceStory]:
    """What a reader gives; that of another package is checked to be stories."""
    reader: Reader = extension.load()
    if extension.name in READERS:
        return list(reader(path, context))
    try:
        stories = list(reader(path, context))
    except (InputError, OSError):
        raise
    except Exception as error:  # another's code: what it raises is one sentence that names it
        message = f"the reader {extension.name!r} failed: {type(error).__name__}: {error}"
        raise InputError(message, file=path) from error
    if wrong := [each for each in stories if not isinstance(each, SourceStory)]:
        message = f"the reader {extension.name!r} gave a {type(wrong[0]).__name__} instead of a SourceStory"
        raise InputError(message, file=path)
    return stories


def default_overlap(name: str) -> Overlap:
    """How a reader treats clips that overlap by default."""
    return "keep" if name == "esyncvidstory" else "refuse"
