"""Clips whose order is asked for, and a video made of them in an order that is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vn.errors import InputError
from vn.order.votes import Order
from vn.story import Labels, Story
from vn.visual.plan import clip_frames


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """The frames of one clip.

    Attributes:
        features: ``[F, T, D]``, as stored.
        seconds: ``[F]``, from the start of the clip.
    """

    features: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips in the order in which they were given.

    Attributes:
        story: title, knowledge and clips; their times are those of the order given.
        frames: frames per clip; none if the method does not look at them.
        pictures: a JPEG of each clip's frames side by side, for chat models that see; none for others.
    """

    story: Story
    frames: tuple[ClipFrames, ...] = ()
    pictures: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.story.clips)

    @property
    def labels(self) -> list[Labels]:
        """The labels of each clip.

        Raises:
            InputError: one has none.
        """
        found = []
        for number, clip in enumerate(self.story.clips):
            if not clip.labels:
                raise InputError("has no script label", sample=self.story.id, field=f"clips[{number}].labels")
            found.append(clip.labels)
        return found

    def arranged(self, order: Order) -> Story:
        """The story of a video that has the clips in an order, one right after another."""
        clips, time = [], 0.0
        for number in order:
            clip = self.story.clips[number]
            clips.append(replace(clip, start=time, end=time + clip.duration))
            time += clip.duration
        return replace(self.story, clips=tuple(clips))

    def seconds(self, order: Order) -> np.ndarray:
        """``[F]``, the times of the frames in that video, of the clips in `order`."""
        starts = [clip.start for clip in self.arranged(order).clips]
        return np.concatenate([start + self.frames[i].seconds for start, i in zip(starts, order, strict=True)])

    def shuffled(self, order: Order) -> Clips:
        """The same clips, given in another order."""
        frames = tuple(self.frames[i] for i in order) if self.frames else ()
        return Clips(self.arranged(order), frames, tuple(self.pictures[i] for i in order) if self.pictures else ())


def clips_of(story: Story, features: np.ndarray | None = None, seconds: np.ndarray | None = None) -> Clips:
    """The clips of a video: those that are narrated, or all if none is.

    Args:
        story: the story.
        features: ``[F, T, D]``, frames as stored; None if nobody looks at them.
        seconds: ``[F]``, when each frame was taken.

    Raises:
        InputError: there are fewer than two.
    """
    numbers = story.narrated or tuple(range(len(story.clips)))
    if len(numbers) < 2:
        raise InputError(
            f"has {len(numbers)} clip{'' if len(numbers) == 1 else 's'}, an order needs two", sample=story.id
        )
    frames = []
    if features is not None and seconds is not None:
        for number in numbers:
            clip = story.clips[number]
            inside = clip_frames(seconds, clip.start, clip.end)
            since = np.asarray(seconds[inside], dtype=np.float64) - clip.start
            # A clip between two frames has the nearest one, which counts as its own.
            frames.append(ClipFrames(features[inside], since.clip(0.0, 0.999 * clip.duration)))
    found = Clips(replace(story, clips=tuple(story.clips[i] for i in numbers)), tuple(frames))
    return replace(found, story=found.arranged(tuple(range(len(numbers)))))


def without_texts(clips: Clips, labels: bool = True) -> Clips:
    """Clips whose narrations, and labels too unless they are to be kept, are not known."""
    bare = [
        replace(clip, labels=None if labels else clip.labels, narration=None, facts=None) for clip in clips.story.clips
    ]
    return replace(clips, story=replace(clips.story, clips=tuple(bare)))


def places_of(order: Sequence[int], truth: Sequence[int]) -> list[int]:
    """The true places of clips in the order found.

    Args:
        order: the clips as found.
        truth: the true place of each clip.
    """
    return [truth[clip] for clip in order]
