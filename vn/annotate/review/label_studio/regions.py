"""The regions of an annotation as clips: whole frames in order, with at most one narration and three labels each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from vn.annotate.draft import Draft
from vn.annotate.result_reader import MOST_LABELS, ResultReader
from vn.annotate.results import ReviewedClip
from vn.annotate.review.label_studio.export import CLIPS, LABELS, NARRATION
from vn.annotate.review.label_studio.frames import Times, frames_of
from vn.annotate.review.review_file import ACCEPTED, SKIPPED, SavedClip
from vn.errors import InputError, show
from vn.story import Labels, parse_labels

KINDS = {CLIPS: "timelinelabels", NARRATION: "textarea", LABELS: "choices"}
Parts = Mapping[str, Any]  # what a region has: by control, its value
BEYOND = 1  # frames that a region may have after the last one that we counted: players round lengths up


def clips_of(
    reader: ResultReader, result: Sequence[Any], where: str, draft: Draft, fps: float
) -> tuple[SavedClip, ...]:
    """The clips of an annotation, in order; one without a narration counts as left without one.

    Args:
        reader: makes the errors.
        result: the annotation's ``result``.
        where: its place in the file.
        draft: the video as it was exported.
        fps: frames per second by which Label Studio counted.

    Raises:
        InputError: a region is not on whole frames in the video, two overlap, or a text or label is wrong.
    """
    times = Times([(clip.start, clip.end) for clip in draft.clips], fps)
    last = frames_of(draft.clips[-1].start, draft.clips[-1].end, fps)[1] + BEYOND
    regions = {name: _region(reader, name, parts, where, last) for name, parts in _grouped(reader, result, where)}
    order = sorted(regions, key=lambda name: regions[name][0])
    for one, other in pairwise(order):
        (first, end), (start, stop) = regions[one][0], regions[other][0]
        if start <= end:
            spans = f"region {one} (frames {first} to {end}) and region {other} (frames {start} to {stop})"
            raise reader.fail(f"{spans} overlap", where)
    clips = []
    for name in order:
        frames, narration, labels = regions[name]
        clip = ReviewedClip(*times.span(*frames), narration, labels)
        clips.append(SavedClip(clip, ACCEPTED if narration is not None else SKIPPED))
    return tuple(clips)


def _grouped(reader: ResultReader, result: Sequence[Any], where: str) -> list[tuple[str, Parts]]:
    """The results by the region that they belong to."""
    found: dict[str, dict[str, Any]] = {}
    for i, item in enumerate(result):
        place = f"{where}[{i}]"
        if not isinstance(item, dict):
            raise reader.fail(f"expected a result, got {show(item)}", place)
        if item.get("type") == "relation":
            continue
        name = reader.one_of(item.get("from_name"), tuple(KINDS), f"{place}.from_name")
        reader.one_of(item.get("type"), (KINDS[name],), f"{place}.type")
        region, value = reader.text(item, "id", f"{place}."), item.get("value")
        if not isinstance(value, dict):
            raise reader.fail(f"expected a value, got {show(value)}", f"{place}.value")
        own = found.setdefault(region, {})
        if name in own:
            raise reader.fail(f"region {show(region)} has {name} twice", place)
        own[name] = value
    for region, parts in found.items():
        if CLIPS not in parts:
            raise reader.fail(f"region {show(region)} has {' and '.join(parts)}, but no frames", where)
    return list(found.items())


Region = tuple[tuple[int, int], str | None, Labels | None]


def _region(reader: ResultReader, name: str, parts: Parts, where: str, last: int) -> Region:
    """Frames, narration and labels of a region."""
    place = f"{where}, region {name}"
    ranges = parts[CLIPS].get("ranges")
    if not isinstance(ranges, list) or len(ranges) != 1 or not isinstance(ranges[0], dict):
        raise reader.fail(f"expected one range of frames, got {show(ranges)}", place)
    first, end = (_frame(reader, ranges[0].get(side), f"{place}, {side}") for side in ("start", "end"))
    if not 1 <= first <= end <= last:
        message = f"expected frames from 1 to {last}, the first one first, got {first} to {end}"
        raise reader.fail(message, place)
    texts = parts.get(NARRATION, {}).get("text", [])
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise reader.fail(f"expected a list of texts, got {show(texts)}", f"{place}, {NARRATION}")
    narration = " ".join(" ".join(texts).split()) or None
    return (first, end), narration, _labels(reader, parts, place, narration)


def _labels(reader: ResultReader, parts: Parts, place: str, narration: str | None) -> Labels | None:
    names = parts.get(LABELS, {}).get("choices", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise reader.fail(f"expected a list of labels, got {show(names)}", f"{place}, {LABELS}")
    try:
        labels = parse_labels(names)
    except InputError as error:
        raise reader.fail(str(error), f"{place}, {LABELS}") from None
    if len(labels) > MOST_LABELS:
        raise reader.fail(f"expected 1 to {MOST_LABELS} labels, got {len(labels)}", f"{place}, {LABELS}")
    return labels if labels and narration is not None else None


def _frame(reader: ResultReader, value: Any, where: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise reader.fail(f"expected the number of a frame, from 1, got {show(value)}", where)
    return int(value)
