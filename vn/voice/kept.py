"""What was spoken is kept: the same text by the same voice at the same speed is spoken once."""

from __future__ import annotations

import hashlib
import json
import logging
import struct
from contextlib import suppress
from pathlib import Path

from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.story import Language
from vn.voice.names import for_clip
from vn.voice.settings import kept_in
from vn.voice.speech import Speech, Voice
from vn.voice.wav import parse_wav, wav_bytes

logger = logging.getLogger(__name__)
MARK = b"vnsh"  # the chunk that holds the hash of what is before it


class KeptVoice:
    """A `vn.voice.speech.Voice` that keeps what another says, as WAV files of 16 bits.

    A file ends with a hash of its sound, and one that does not match is spoken again. Files may be removed at any time.

    Args:
        voice: the voice.
        folder: where they are kept; None for ``~/.cache/vn/voices``.
    """

    def __init__(self, voice: Voice, folder: Path | None = None) -> None:
        self.voice, self.name, self.fingerprint, self.speeds = voice, voice.name, voice.fingerprint, voice.speeds
        self.folder = kept_in(folder)
        self.is_recorded = bool(getattr(voice, "is_recorded", False))
        self._warned = False

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        if self.is_recorded:  # it is a file already
            return self.voice.speak(text, language, speed)
        file = self._file(text, language, speed)
        kept = _read(file)
        if kept is not None:
            return kept
        data = wav_bytes(self.voice.speak(text, language, speed))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file, own=True) as opened:
                opened.write(_marked(data))
        except (OSError, InputError) as error:
            if not self._warned:
                self._warned = True
                logger.warning("what is spoken cannot be kept in %s: %s", self.folder, error)
        return parse_wav(data)  # as it will be read next time

    def for_clip(self, clip: int) -> KeptVoice:
        """The voice of one clip; see `vn.voice.names.for_clip`."""
        own = for_clip(self.voice, clip)
        return self if own is self.voice else KeptVoice(own, self.folder)

    def _file(self, text: str, language: Language, speed: float) -> Path:
        key = json.dumps([self.fingerprint, text, language, round(speed, 4)])
        name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        return self.folder / name[:2] / f"{name}.wav"


def _marked(data: bytes) -> bytes:
    """A WAV file with the hash of its bytes in a chunk at its end, which players ignore."""
    whole = data[:4] + struct.pack("<I", len(data) + 40 - 8) + data[8:]  # RIFF's size counts all but its own 8 bytes
    return whole + struct.pack("<4sI32s", MARK, 32, hashlib.sha256(whole).digest())


def _read(file: Path) -> Speech | None:
    """What a file keeps; None if it is missing or damaged."""
    with suppress(OSError, InputError, struct.error):
        data = file.read_bytes()
        mark, _, digest = struct.unpack("<4sI32s", data[-40:])
        if mark == MARK and digest == hashlib.sha256(data[:-40]).digest():
            return parse_wav(data[:-40])
    return None
