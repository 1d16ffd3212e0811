"""``order.METHOD.TEXTS.json``: the orders that a method found for a test's shuffled clips, and their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.metrics.bootstrap import Difference, difference, interval
from vn.metrics.ordering import ORDERING, finish_of, ordering_sums

METHODS: dict[str, str] = {
    "labels": "by the mean place of each clip's script labels in the training stories",
    "transitions": "by what label follows what in the training stories",
    "likelihood": "by a trained narrator's probability of labels and narrations at their places",
    "chat": "by a chat model that is given the clips' texts, frames or both",
}
TEXTS = ("given", "predicted")
FORMAT = 1
CLIP_COUNTS = ((2, 4), (5, 7), (8, 10), (11, None))


@dataclass(frozen=True, slots=True)
class Ordered:
    """One video.

    Attributes:
        id: the story's id.
        given: the true places of the clips in the order in which the method got them.
        found: the true places in the order that it found.
        expected: the tau that the method itself expected, if it has probabilities.
        refused: why it found none, so that the order given was kept; empty if it did.
    """

    id: str
    given: tuple[int, ...]
    found: tuple[int, ...]
    expected: float | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A test of one method.

    Attributes:
        method: its name.
        texts: ``given`` (labels and narrations of the data) or ``predicted`` (written by the narrator).
        made_from: split, seed of the shuffling, hashes and settings.
        videos: the orders.
        cost: passes, tokens and requests.
    """

    method: str
    texts: str
    made_from: Mapping[str, Any]
    videos: tuple[Ordered, ...]
    cost: Mapping[str, float]

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"order.{self.method}.{self.texts}.json"


def scores_of(videos: Sequence[Ordered]) -> dict[str, dict[str, Any]]:
    """Metric -> value and 95 % interval over videos (None for a single one), for all videos.

    Args:
        videos: at least one.
    """
    sums = ordering_sums([each.found for each in videos])
    scores: dict[str, dict[str, Any]] = {}
    for metric in ORDERING:
        finish = finish_of(metric)
        ends = interval(sums, finish)
        scores[metric] = {"value": float(finish(sums.sum(axis=0))), "interval": list(ends) if ends else None}
    return scores


def by_clip_count(videos: Sequence[Ordered]) -> dict[str, list[Ordered]]:
    """Videos by their number of clips: name of the group -> videos; groups without any are left out."""
    found = {}
    for low, high in CLIP_COUNTS:
        own = [each for each in videos if low <= len(each.found) <= (high or len(each.found))]
        if own:
            found[f"{low}-{high} clips" if high else f"{low} clips and more"] = own
    return found


def tau_difference(first: Sequence[Sequence[Ordered]], second: Sequence[Sequence[Ordered]]) -> Difference | None:
    """The tau of a second method minus that of a first, each the mean over its runs, paired over videos.

    Args:
        first: the videos of each run.
        second: likewise.

    Returns:
        None if there are fewer than two videos, or not the same ones.
    """
    sums = []
    for runs in (first, second):
        keys = [[each.id for each in own] for own in runs]
        if any(own != [each.id for each in first[0]] for own in keys):
            return None
        sums.append(np.mean([ordering_sums([each.found for each in own]) for own in runs], axis=0))
    return difference(sums[0], sums[1], finish_of("tau")) if len(first[0]) > 1 else None


def write_result(folder: Path, result: Result) -> Path:
    """Write a result into a folder; returns the file."""
    file = folder / result.name
    groups = by_clip_count(result.videos)
    data = {
        "format": FORMAT,
        "method": result.method,
        "texts": result.texts,
        "made_from": dict(result.made_from),
        "scores": scores_of(result.videos),
        "by_clips": {name: {"videos": len(own), **scores_of(own)} for name, own in groups.items()},
        "refused": sum(bool(each.refused) for each in result.videos),
        "cost": dict(result.cost),
        "videos": [asdict(each) for each in result.videos],
    }
    write_text(file, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return file


def read_result(file: Path) -> Result:
    """Read what `write_result` wrote; scores are computed again from the orders.

    Raises:
        InputError: it is not such a file, or an order in it is none.
    """
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("videos"), list):
        raise InputError("is not a file that vn order wrote", file=file)
    try:
        videos = tuple(
            Ordered(
                str(each["id"]),
                tuple(each["given"]),
                tuple(each["found"]),
                each.get("expected"),
                str(each.get("refused") or ""),
            )
            for each in data["videos"]
        )
        result = Result(str(data["method"]), str(data["texts"]), data["made_from"], videos, data.get("cost") or {})
        ordering_sums([each.given for each in videos] + [each.found for each in videos])
        for each in videos:
            if len(each.given) != len(each.found):
                raise ValueError(f"{each.id} has {len(each.given)} clips as given and {len(each.found)} as found")
        if len({each.id for each in videos}) < len(videos):
            raise ValueError("a video is in it twice")
        if not isinstance(result.made_from, Mapping) or not isinstance(result.cost, Mapping):
            raise ValueError("made_from and cost have names and values")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"is damaged: {show(str(error))}", file=file) from None
    if not videos:
        raise InputError("has no videos", file=file, field="videos")
    return result


def read_results(folder: Path) -> list[Result]:
    """The results in a folder, by texts, then by method; copies under other names are left out.

    Raises:
        InputError: a file is damaged.
    """
    found = []
    for texts in TEXTS:
        for method in METHODS:
            file = folder / f"order.{method}.{texts}.json"
            if file.exists():
                found.append(read_result(file))
                if found[-1].name != file.name:
                    raise InputError(f"has the results of {found[-1].name}", file=file)
    return found
