"""``wavs:FOLDER``: recordings, one per clip."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from vn.errors import InputError
from vn.story import Language
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech, Voice
from vn.voice.wav import read_wav

FILE = re.compile(r"(\d{1,9})\.wav", re.IGNORECASE)


class Recordings:
    """A `vn.voice.speech.Voice` that reads ``000.wav``, ``001.wav``, ... for the clips 0, 1, ...

    It has no sound for a text alone: `for_clip` gives the voice of a clip.

    Args:
        rest: the folder.
        settings: not used.
        clip: number of the clip; None for the folder as a whole.

    Raises:
        InputError: no such folder, none of its files has a number for its name, or two have the same one.
    """

    speeds = (1.0, 1.0)
    is_recorded = True

    def __init__(self, rest: str, settings: VoiceSettings, clip: int | None = None) -> None:
        self.name, self._folder, self._settings, self._clip = f"wavs:{rest}", Path(rest), settings, clip
        if not self._folder.is_dir():
            raise InputError("no such folder", file=rest, field="--voice")
        self._files: dict[int, Path] = {}
        for path in sorted(self._folder.iterdir()):
            if found := FILE.fullmatch(path.name):
                if int(found[1]) in self._files:
                    raise InputError(f"two files for clip {int(found[1])}: {path.name}", file=rest, field="--voice")
                self._files[int(found[1])] = path
        if not self._files:
            raise InputError("expected WAV files named after the clips: 000.wav, 001.wav, ...", file=rest)
        own = [self._file()] if clip is not None else list(self._files.values())
        digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in own))
        self.fingerprint = f"wavs {digest.hexdigest()}"

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """The recording of the clip, whatever the text is.

        Raises:
            InputError: it is missing or damaged, or no clip was named.
        """
        if self._clip is None:
            raise InputError("recordings belong to clips; a text alone cannot be spoken", file=self.name)
        return read_wav(self._file())

    def for_clip(self, clip: int) -> Voice:
        """The voice of one clip."""
        return Recordings(str(self._folder), self._settings, clip)

    def _file(self) -> Path:
        assert self._clip is not None
        if self._clip not in self._files:
            raise InputError(f"no recording {self._clip:03}.wav for clip {self._clip}", file=str(self._folder))
        return self._files[self._clip]
