"""The spoken videos through ``vn annotate``: with the shots that it finds, and once more with the true clips.

It gets what a user has: videos, a product file for each, and some labelled stories of other videos.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loop.speak import read_truth
from loop.train import vn

from vn.story import Language

SOUND, TRUE_CLIPS = "sound", "sound-true-clips"


@dataclass(frozen=True, slots=True)
class Annotation:
    """How the videos are annotated.

    Attributes:
        language: language of the stories.
        recogniser: name of the recogniser.
        labelled: how many other stories the labels are learned from.
        more: further options of ``vn annotate``.
    """

    language: Language
    recogniser: str
    labelled: int
    more: Sequence[str] = ()


def annotate(work: Path, world: Path, videos: Sequence[str], annotation: Annotation, true_clips: bool) -> None:
    """Annotate the videos that have been spoken; what is there is kept.

    Args:
        work: folder of the closed loop.
        world: the demo's ``world``.
        videos: ids; those that were not spoken yet are left out.
        annotation: how.
        true_clips: correct the shots to the true clips first, as a person would, in the files of the stage.
    """
    videos = [video for video in videos if (work / "spoken" / f"{video}.json").is_file()]
    _products(work, world, videos)
    _labelled(work, world, videos, annotation.labelled)
    out = work / "stories" / (TRUE_CLIPS if true_clips else SOUND)
    files = [work / "videos" / f"{video}.mp4" for video in videos]
    call = ["annotate", *files, "--out", out, "--language", annotation.language, "--products", work / "products"]
    call += ["--speech", annotation.recogniser, "--refine", "facts", "--labels", f"classifier:{work / 'labelled'}"]
    call += annotation.more
    if true_clips:
        vn(*call, "--until", "shots")
        for video in videos:
            _correct(out / "stages" / "shots" / f"{video}.json", world, video)
    vn(*call)


def _products(work: Path, world: Path, videos: Sequence[str]) -> None:
    (work / "products").mkdir(exist_ok=True)
    for video in videos:
        data = read_truth(world, video).to_dict()
        product = {name: data[name] for name in ("title", "language", "knowledge")}
        file = work / "products" / f"{video}.json"
        if not file.is_file():
            file.write_text(json.dumps(product, ensure_ascii=False, indent=1), encoding="utf-8")


def _labelled(work: Path, world: Path, videos: Sequence[str], count: int) -> None:
    """The last training stories of the world, none of them one of the videos."""
    (work / "labelled").mkdir(exist_ok=True)
    for file in sorted((world / "train").glob("*.json"))[-count:]:
        assert file.stem not in videos
        data = json.loads(file.read_text(encoding="utf-8"))
        for clip in data["clips"]:
            clip.pop("facts", None)
        text = json.dumps(data, ensure_ascii=False, indent=1)
        (work / "labelled" / file.name).write_text(text, encoding="utf-8")


def _correct(file: Path, world: Path, video: str) -> None:
    """Put the true clips into a file of the stage ``shots``, as a person may."""
    content = json.loads(file.read_text(encoding="utf-8"))
    clips = [[clip.start, clip.end] for clip in read_truth(world, video).clips]
    if content["result"]["clips"] != clips:
        content["result"]["clips"] = clips
        file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
