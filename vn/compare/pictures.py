"""Small frames of each clip, from the thumbnails in the shards, as many as fit in a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from vn.data.manifest import Manifest
from vn.data.shards import read_seconds, read_thumbs
from vn.errors import InputError
from vn.io.remote import Folder
from vn.story import Story

HEIGHT = 64  # pixels
QUALITY = 60
A_CLIP = 3  # frames
BUDGET = 12_000_000  # bytes of JPEG in a page: it opens fast, and can still be sent by mail

Pictures = dict[str, list[list[str]]]  # video -> clip -> data URIs


def pictures(
    stories: Sequence[Story], folder: Folder, on_video: Callable[[str], None] = lambda video: None
) -> tuple[Pictures, str | None]:
    """Up to three frames per clip, fewer if there are many videos.

    Args:
        stories: the stories to show.
        folder: folder of the shards.
        on_video: called with each video read.

    Returns:
        The frames, and what a reader should know about them (None: all are there).
    """
    try:
        manifest = Manifest.load(folder)
    except InputError as error:
        return {}, f"there are no frames: {error}"
    found_there = ((story, manifest.find(story.id)) for story in stories)
    shown = [(story, entry) for story, entry in found_there if entry is not None]
    if not shown:
        return {}, f"there are no frames: {folder} has none of these videos"
    clips = sum(len(story.clips) for story, _ in shown)
    found: Pictures = {}
    size = 0
    each = A_CLIP
    for number, (story, entry) in enumerate(shown):
        on_video(story.id)
        try:
            thumbs = read_thumbs(folder / entry.shard, entry)
            seconds = read_seconds(folder / entry.shard, entry)
        except InputError as error:
            return found, f"frames are missing from here on: {error}"
        if thumbs is None:
            return found, f"there are no frames: the shards in {folder} have no thumbnails"
        found[story.id], bytes_used = _of_story(story, thumbs, seconds, each)
        size += bytes_used
        if not number:  # what one costs decides how many there can be
            one = bytes_used / max(1, sum(map(len, found[story.id])))
            each = int(min(A_CLIP, max(1, BUDGET // (one * clips))))
        if size > BUDGET:
            return found, f"{len(shown) - number - 1} videos have no frames, the page would be too large"
    return found, None


def _of_story(
    story: Story, thumbs: Sequence[np.ndarray], seconds: np.ndarray, each: int
) -> tuple[list[list[str]], int]:
    found, size = [], 0
    for clip in story.clips:
        own = np.flatnonzero((seconds >= clip.start) & (seconds < clip.end))
        if not len(own):
            own = np.array([np.abs(seconds - (clip.start + clip.end) / 2).argmin()])
        chosen = own[np.unique(np.linspace(0, len(own) - 1, min(each, len(own)) + 2)[1:-1].round().astype(int))]
        jpegs = [_jpeg(thumbs[i]) for i in chosen]
        size += sum(map(len, jpegs))
        found.append([f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" for jpeg in jpegs])
    return found, size


def _jpeg(thumb: np.ndarray) -> bytes:
    image = Image.fromarray(thumb)
    image = image.resize((max(1, round(image.width * HEIGHT / image.height)), HEIGHT), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()
