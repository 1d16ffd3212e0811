"""What raters look at: each story's video, or a strip of frames per clip from the shards' thumbnails; stored once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vn.data.find_video import VideoFinder, looked_for
from vn.data.manifest import Manifest
from vn.data.shards import read_seconds, read_thumbs
from vn.data.thumbs import strip
from vn.errors import InputError
from vn.io.remote import Folder
from vn.story import Story

FOLDER = "media"
PLAYED = (".mp4", ".m4v", ".webm", ".mov", ".ogv")  # what browsers play, if they know the codec
A_CLIP = 3  # frames


def copy_videos(stories: Mapping[str, Story], folder: Path, out: Path) -> dict[str, str]:
    """Link each story's video into the kit, or copy it if it is on another disk.

    Args:
        stories: key in the kit -> story.
        folder: where the videos are, by the stories' ``video`` or id.
        out: the kit.

    Returns:
        Key -> the video's path in the kit.

    Raises:
        InputError: there is no such video, or browsers do not play its format.
    """
    if not folder.is_dir():
        raise InputError("no such folder of videos", file=folder, field="--videos")
    finder, found = VideoFinder(folder), {}
    for key, story in stories.items():
        names = [story.video] if story.video and "://" not in story.video else []
        video = finder.find(names, [story.id])
        if video is None:
            raise InputError(f"has no video {looked_for(names, [story.id])}", file=folder, sample=story.id)
        if video.suffix.lower() not in PLAYED:
            raise InputError(f"browsers play {' '.join(PLAYED)}, not {video.suffix}; convert it first", file=video)
        found[key] = f"{FOLDER}/{key}{video.suffix.lower()}"
        (out / FOLDER).mkdir(exist_ok=True)
        try:
            os.link(video.resolve(), out / found[key])
        except OSError:
            shutil.copyfile(video, out / found[key])
    return found


def write_strips(stories: Mapping[str, Story], data: Folder, out: Path) -> dict[str, list[str]]:
    """Write up to three frames side by side per clip.

    Args:
        stories: key in the kit -> story.
        data: folder of the shards that have these videos.
        out: the kit.

    Returns:
        Key -> path in the kit by clip.

    Raises:
        InputError: the shards lack a video, or have no thumbnails.
    """
    manifest = Manifest.load(data)
    found: dict[str, list[str]] = {}
    (out / FOLDER).mkdir(exist_ok=True)
    for key, story in stories.items():
        entry = manifest.find(story.id)
        if entry is None:
            raise InputError("the shards have no such video; give its folder with --videos", file=data, sample=story.id)
        thumbs = read_thumbs(data / entry.shard, entry)
        if thumbs is None:
            raise InputError("the shards have no thumbnails; give a folder of videos with --videos", file=data)
        seconds = read_seconds(data / entry.shard, entry)
        found[key] = []
        for number, clip in enumerate(story.clips, 1):
            name = f"{FOLDER}/{key}-{number:02}.jpg"
            (out / name).write_bytes(strip([thumbs[i] for i in _chosen(seconds, clip.start, clip.end)]))
            found[key].append(name)
    return found


def _chosen(seconds: np.ndarray, start: float, end: float) -> Sequence[int]:
    """Frames spread evenly over a clip; the nearest one if none is in it."""
    own = np.flatnonzero((seconds >= start) & (seconds < end))
    if not len(own):
        return [int(np.abs(seconds - (start + end) / 2).argmin())]
    places = np.linspace(0, len(own) - 1, min(A_CLIP, len(own)) + 2)[1:-1] if len(own) > A_CLIP else np.arange(len(own))
    return [int(own[i]) for i in np.unique(np.round(places).astype(int))]
