"""A narration as it sounds in the video."""

from __future__ import annotations

from dataclasses import dataclass

from vn.voice.speech import Speech


@dataclass(frozen=True, slots=True)
class SpokenClip:
    """One clip's narration, spoken and fitted into the clip.

    Attributes:
        clip: its number, from 0.
        start: when the voice starts, in seconds on a player's clock (`vn.data.clock`): with its clip, or later if the
            narration before it was too long.
        speech: the sound in the video: trimmed, pauses shortened, at its final speed.
        text: what is spoken.
        words: number of words (`vn.story.count_words`).
        speed: how fast its words are, relative to the same voice at its usual speed.
        over: seconds by which it ends too late: after its clip, or if it may run over, after the start of the next
            narration; 0 if it fits.
    """

    clip: int
    start: float
    speech: Speech
    text: str
    words: int
    speed: float
    over: float

    @property
    def end(self) -> float:
        """When the voice ends, in seconds."""
        return self.start + self.speech.seconds
