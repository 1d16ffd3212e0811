"""How a voice is fitted into clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Overflow = Literal["none", "next"]

FASTEST = 1.12  # times the voice's usual speed: what listeners do not notice as hurried


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a voice is fitted into clips.

    Attributes:
        most: the fastest a narration may be, relative to the voice's usual speed.
        step: by how much the speeds of two narrations that follow each other may differ.
        overflow: ``none`` ends each narration with its clip; ``next`` lets it go on until the next narration starts.
        end: end of the video in seconds, for the last narration if `overflow` is ``next``; None: the end of its clip.
    """

    most: float = FASTEST
    step: float = 0.06
    overflow: Overflow = "none"
    end: float | None = None
