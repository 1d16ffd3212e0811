"""``command:TEMPLATE``: any program that writes a WAV file."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from vn.braces import check_braces
from vn.errors import InputError
from vn.io.hashes import hash_file
from vn.story import Language
from vn.voice.programs import run_program
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import read_wav

NAMES = ("text_file", "out", "language", "speed")


class CommandVoice:
    """A `vn.voice.speech.Voice`; the template is split into an argument list once, and no shell sees it.

    Args:
        rest: the template, e.g. ``say.py --in {text_file} --to {out}``: ``{text_file}`` is a UTF-8 file with the text,
            which is standard input too; ``{out}`` is the WAV file to write.
        settings: how long a text may take.

    Raises:
        InputError: it cannot be split, or has other names in braces, or no ``{out}``.
    """

    def __init__(self, rest: str, settings: VoiceSettings) -> None:
        self.name = f"command:{rest}"
        try:
            self._words = shlex.split(rest)
        except ValueError as error:
            raise InputError(f"cannot be split into arguments: {error}", file=self.name) from None
        used: set[str] = set()
        for word in self._words:
            used |= check_braces(word, NAMES, self.name, "--voice")
        if "out" not in used:
            raise InputError("expected {out}, the WAV file that the program writes", file=self.name)
        self._timeout = settings.timeout
        self.speeds = (0.5, 2.0) if "speed" in used else (1.0, 1.0)
        files = [shutil.which(self._words[0]) or self._words[0], *self._words[1:]]
        self.fingerprint = self.name + "".join(f" {hash_file(Path(each))}" for each in files if os.path.isfile(each))

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        with tempfile.TemporaryDirectory(prefix="vn-voice-") as folder:
            file, out = Path(folder) / "text.txt", Path(folder) / "speech.wav"
            file.write_text(text, encoding="utf-8")
            values = {"text_file": str(file), "out": str(out), "language": language, "speed": f"{speed:.3f}"}
            words = [word.format_map(values) for word in self._words]
            run_program(words, "the voice's program", text, out, self._timeout)
            if not out.is_file():
                raise InputError("the voice's program wrote no WAV file", file=self.name)
            try:
                return read_wav(out)
            except InputError as error:
                reason = str(error).removeprefix(f"{out}: ")
                raise InputError(f"what the voice's program wrote {reason}") from None
