"""What the narrator writes for clips: for each alone, as if it were mid-video, and for all once they have an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vn.adapter import Assembly
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.order.clips import Clips
from vn.order.votes import Order
from vn.story import Clip, Fixed, Labels, Story

AT_ONCE = 16
NARRATED = "-"  # marks the one clip of its video whose frames are a clip's: others add nothing to its memory


def with_texts(clips: Clips, assembly: Assembly) -> Clips:
    """Clips with a label and a narration each; those that are known are kept.

    What is written depends on nothing but the clip, so it says nothing of an order by itself: it is written in the
    middle of a video of three such clips, of which the others have no frames.

    Args:
        clips: the clips, with their frames.
        assembly: the narrator.

    Raises:
        InputError: a clip does not fit into the context.
    """
    videos = []
    for number, clip in enumerate(clips.story.clips):
        seconds = clip.duration
        middle = Clip(seconds, 2 * seconds, clip.labels, NARRATED)
        own = (Clip(0.0, seconds), middle, Clip(2 * seconds, 3 * seconds))
        frames = clips.frames[number]
        times = (seconds + frames.seconds).astype(np.float64)
        fixed = {1: Fixed(clip.labels, clip.narration)}
        videos.append(VideoInput(replace(clips.story, clips=own), frames.features, times, [1], fixed))
    decoding = Decoding(length_control="none")
    written = StoryWriter(assembly.narrator, assembly.builder, decoding, static=False).write_all(
        videos, at_once=AT_ONCE
    )
    done = [
        replace(clip, labels=own[0].written.labels or None, narration=own[0].written.narration)
        for clip, own in zip(clips.story.clips, written, strict=True)
    ]
    return replace(clips, story=replace(clips.story, clips=tuple(done)))


def in_order(clips: Clips, order: Order, labels: Sequence[Labels | None], assembly: Assembly) -> Story:
    """The story of a video that has the clips in an order, written from its first clip on.

    Args:
        clips: the clips, with their frames; what was written for each alone is not kept.
        order: the order.
        labels: those known beforehand, one entry per clip; for None the narrator chooses.
        assembly: the narrator.

    Raises:
        InputError: the clips do not fit into the context.
    """
    story = clips.arranged(order)
    bare = [replace(clip, labels=labels[i], narration=None) for i, clip in zip(order, story.clips, strict=True)]
    frames = np.concatenate([clips.frames[i].features for i in order])
    fixed = {number: Fixed(clip.labels, None) for number, clip in enumerate(bare) if clip.labels}
    video = VideoInput(replace(story, clips=tuple(bare)), frames, clips.seconds(order), fixed=fixed)
    (written,) = StoryWriter(assembly.narrator, assembly.builder, static=False).write_all([video])
    done = [
        replace(clip, labels=own.written.labels or clip.labels, narration=own.written.narration)
        for clip, own in zip(bare, written, strict=True)
    ]
    return replace(story, clips=tuple(done))
