"""The voices that the page offers: those of the command line, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vn.errors import InputError, show
from vn.story import Language

if TYPE_CHECKING:
    from vn.studio.edits import Entry
    from vn.voice.pace import Pace
    from vn.voice.speech import Voice

NONE = "none"


@dataclass(frozen=True, slots=True)
class Preview:
    """A clip's narration as it will sound in the video.

    Attributes:
        wav: the sound as a WAV file.
        seconds: how long it is.
        speed: how fast, relative to the voice's usual speed.
        over: seconds by which it ends after its clip.
    """

    wav: bytes
    seconds: float
    speed: float
    over: float


class Voices:
    """Voices to choose, each open already.

    Args:
        opened: name -> voice; the first is the usual one.
        language: what they speak.
        folder: where they keep what was measured; None: the usual folder.
    """

    def __init__(self, opened: Mapping[str, Voice], language: Language, folder: Path | None = None) -> None:
        self.opened = opened
        self.language: Language = language
        self.folder = folder
        self._pace = cache(self._measured)

    @property
    def names(self) -> list[str]:
        """What the page offers: the voices, then ``none``."""
        return [*self.opened, NONE]

    def get(self, name: str) -> Voice | None:
        """A voice; None for ``none``.

        Raises:
            InputError: it is none of those that the command line named.
        """
        if name == NONE:
            return None
        if name not in self.opened:
            raise InputError(f"the voice {show(name)} was not named when the studio was started: vn studio --voice")
        return self.opened[name]

    def preview(self, name: str, clip: int, entry: Entry) -> Preview:
        """Speak one clip's narration, fitted into the clip.

        Args:
            name: the voice.
            clip: number of the clip.
            entry: its entry.

        Raises:
            InputError: there is no narration to speak, no voice was chosen, or the voice fails.
        """
        from vn.voice.fit import Line, fit_lines
        from vn.voice.wav import wav_bytes

        voice = self.get(name)
        if voice is None:
            raise InputError("choose a voice first; vn studio --voice NAME offers one")
        line = Line(clip, entry["start"], entry["end"], entry.get("narration") or "")
        spoken = fit_lines([line], voice, self.language, self._pace(name))
        if not spoken:
            raise InputError("its narration has nothing to speak", field=f"clips[{clip}]")
        return Preview(wav_bytes(spoken[0].speech), spoken[0].speech.seconds, spoken[0].speed, spoken[0].over)

    def _measured(self, name: str) -> Pace | None:
        from vn.voice.pace import pace_of

        voice = self.opened[name]
        if getattr(voice, "is_recorded", False):
            return None
        return pace_of(voice, self.language, self.folder)
