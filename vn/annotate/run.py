"""All stages for all videos: shots and speech side by side, then one stage after the other.

Whatever a stage makes of a video is on disk before the next one begins, so a killed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vn.annotate.duplicates import Duplicates
from vn.annotate.entry import Entry
from vn.annotate.results import Shots
from vn.annotate.stage import STAGES, Stage, WorksAhead
from vn.annotate.stage_files import StageFiles
from vn.data.read_ahead import ReadAhead
from vn.errors import InputError
from vn.progress import progress

AHEAD = 4  # videos that may be cut before the first of them is recognised, per thread


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the stages are run.

    Attributes:
        again: the stage from which on every result is made again; None: only what is missing.
        jobs: videos that are cut into shots at once.
        keep_duplicates: go on with videos that are the same as earlier ones.
    """

    again: str | None = None
    jobs: int = 1
    keep_duplicates: bool = False


def run_stages(
    entries: Sequence[Entry], stages: Sequence[Stage], folder: Path, settings: RunSettings
) -> list[StageFiles]:
    """Bring all videos through the stages, which note in each entry what they found.

    Args:
        entries: the videos, in their order: of two that are the same the first one counts, or the one with a product.
        stages: in their order, the first is ``shots``.
        folder: the folder ``stages``.
        settings: how.

    Returns:
        The stages with what they cost.

    Raises:
        StageFailed: a whole stage cannot go on; what was made is kept.
    """
    first = len(STAGES) if settings.again is None or settings.again not in STAGES else STAGES.index(settings.again)
    every = [StageFiles(folder, stage, STAGES.index(stage.name) >= first) for stage in stages]
    shots, *rest = every
    speech = rest.pop(0) if rest and rest[0].stage.name == "speech" else None
    _cut_and_recognise(sorted(entries, key=_without_product), shots, speech, settings)
    for files in rest:
        _one_stage([entry for entry in entries if entry.goes_on], files)
    for entry in entries:
        if entry.goes_on:
            try:
                entry.draft()
            except InputError as error:  # a result that was edited is of other clips
                entry.error = str(error)
    return every


def _without_product(entry: Entry) -> bool:
    return entry.video.product_id is None


def _cut_and_recognise(
    entries: Sequence[Entry], shots: StageFiles, speech: StageFiles | None, settings: RunSettings
) -> None:
    """Cut the next videos in threads while the speech of this one is recognised: both release Python's lock."""
    duplicates = Duplicates()
    sources = [_source(entry, shots, speech) for entry in entries]
    what = "videos cut" if speech is None else "videos cut and recognised"
    ahead = ReadAhead(sources, settings.jobs, window=AHEAD * settings.jobs)
    with ahead, progress(what, len(entries)) as step:
        for cut in ahead:
            for entry in cut:
                if entry.error is None:
                    found = Shots.of_json(entry.files["shots"].made.result)
                    entry.same_as = duplicates.add(entry.video.id, entry.video.sha256, found)
                    entry.left_out = entry.same_as is not None and not settings.keep_duplicates
                if speech is not None:
                    speech.settle(entry)
            step()


def _source(entry: Entry, shots: StageFiles, speech: StageFiles | None) -> Callable[[], Iterator[Entry]]:
    def cut() -> Iterator[Entry]:
        shots.settle(entry)
        if speech is not None and isinstance(speech.stage, WorksAhead) and not speech.is_there(entry):
            with suppress(InputError):  # raised again when its turn comes
                speech.stage.ahead(entry.video)
        yield entry

    return cut


def _one_stage(entries: Sequence[Entry], files: StageFiles) -> None:
    missing = [entry for entry in entries if not files.keep(entry)]
    if not missing:
        return
    files.begin(missing)
    with progress(f"videos, {files.stage.name.replace('_', ' ')}", len(missing)) as step:
        for entry in missing:
            files.make(entry)
            step()
