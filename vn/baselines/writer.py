"""What a baseline is: it gets a video and its facts, and writes labels and narrations for the clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from vn.story import Fixed, Story, WordRange
from vn.written import WrittenClip

Storyline = Literal["predicted", "given"]


class VideoContent(Protocol):
    """What can be seen in a video; everything is read when it is asked for."""

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Frame features ``[F, T, D]`` as stored, and their seconds ``[F]``.

        Raises:
            InputError: this run has no frame features.
        """

    def rgb(self) -> tuple[Sequence[np.ndarray], np.ndarray]:
        """RGB frames ``[H, W, 3]`` uint8, one per second, and their seconds ``[F]``.

        Raises:
            InputError: neither the video nor thumbnails are there.
        """


@dataclass(frozen=True, slots=True)
class BaselineVideo:
    """A video to narrate.

    Attributes:
        story: title, knowledge and clips; narrations are never shown to a system, and labels only if they are given.
        clips: numbers of the clips to narrate, ascending.
        words: the word range of each of them.
        content: what can be seen.
        fixed: labels or narrations that are fixed, by clip; with the storyline given, the story's labels are among
            them.
    """

    story: Story
    clips: Sequence[int]
    words: Mapping[int, WordRange]
    content: VideoContent
    fixed: Mapping[int, Fixed] = field(default_factory=dict)


class Writer(Protocol):
    """A system that writes stories.

    Attributes:
        name: name of the system for readers, such as ``chat, 3 examples``.
        settings: everything that the texts depend on, as plain values: goes into ``config.yaml``, and a run that is
            continued must have the same. Never a key or a URL with one.
        storylines: what it can do.
        workers: how many videos it writes at once; `write` is called from that many threads.
    """

    name: str
    settings: Mapping[str, Any]
    storylines: tuple[Storyline, ...]
    workers: int

    def write(self, video: BaselineVideo, storyline: Storyline) -> list[WrittenClip]:
        """Write all clips of a video, in order.

        Raises:
            InputError: it cannot be written; names the video. The others are still written.
            Unreachable: what it asks cannot be reached, so that no other video could be written either.
        """

    def report(self) -> Mapping[str, float]:
        """What was counted so far, such as requests, tokens, and narrations that stayed out of range.

        Numbers add up over the processes of a run that was interrupted, except those whose names begin with ``mean_``.
        """
