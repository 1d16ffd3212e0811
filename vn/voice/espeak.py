"""``espeak-ng[:VOICE]``: the program of that name."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from vn.errors import InputError
from vn.story import Language
from vn.voice.programs import run_program
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import read_wav

PROGRAM = "espeak-ng"
VOICES: dict[Language, str] = {"en": "en", "zh": "cmn"}
USUAL = 175  # words per minute, by its own count
# Slower than 80 it speaks as at 80; above 390 its speed goes up and down (measured with 1.51).
SLOWEST, FASTEST = 80, 390
VOICE = re.compile(r"[A-Za-z0-9][\w+-]*", re.ASCII)


class Espeak:
    """A `vn.voice.speech.Voice`; starts a program per text, which takes milliseconds.

    Args:
        rest: name of a voice of espeak-ng; empty for that of the language.
        settings: how long a text may take.

    Raises:
        InputError: the program is not installed, or the name is none.
    """

    speeds = (SLOWEST / USUAL, FASTEST / USUAL)

    def __init__(self, rest: str, settings: VoiceSettings) -> None:
        if rest and not VOICE.fullmatch(rest):
            raise InputError(f"expected the name of a voice, as espeak-ng --voices prints them, got {rest!r}")
        self._voice, self._timeout = rest, settings.timeout
        self.name = f"{PROGRAM}:{rest}" if rest else PROGRAM
        version = run_program([PROGRAM, "--version"], PROGRAM, timeout=settings.timeout)
        found = re.search(r"\d+(?:\.\d+)+\S*", version)
        self.fingerprint = f"{self.name} {found[0] if found else version.strip()}"

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        with tempfile.TemporaryDirectory(prefix="vn-voice-") as folder:
            out = Path(folder) / "speech.wav"
            rate = str(min(max(round(USUAL * speed), SLOWEST), FASTEST))
            words = [*self._words(language), "-s", rate, "-w", str(out)]
            run_program(words, self.name, _plain(text), out, self._timeout)
            if not out.exists():
                raise InputError(f"{self.name} returned no sound for {text!r}")
            return read_wav(out)

    def phonemes(self, text: str, language: Language) -> str:
        """How it reads a text, in the phonetic alphabet, with ``(en)`` and the like where it changes the language."""
        return run_program([*self._words(language), "-q", "--ipa"], self.name, _plain(text), timeout=self._timeout)

    def foreign(self, text: str, language: Language) -> tuple[float, str]:
        """Which share of a text it reads as another language than the voice's, and which that mostly is."""
        own = (self._voice or VOICES[language]).split("+")[0].split("-")[0]
        counts: dict[str, int] = {own: 0}
        now = own
        for part in re.split(r"(\([a-z]{2,3}(?:-[\w-]+)?\))", self.phonemes(text, language)):
            if part.startswith("("):
                now = part[1:-1].split("-")[0]
            else:
                counts[now] = counts.get(now, 0) + sum(character.isalpha() for character in part)
        total, others = sum(counts.values()), {name: n for name, n in counts.items() if name != own}
        return (sum(others.values()) / total if total else 0.0), max(others, key=lambda name: others[name], default="")

    def _words(self, language: Language) -> list[str]:
        return [PROGRAM, "-v", self._voice or VOICES[language], "-b", "1", "--stdin"]


def _plain(text: str) -> str:
    """A text in which nothing is a command: espeak-ng reads what is in ``[[`` and ``]]`` as phonemes."""
    return text.replace("[[", "[ [").replace("]]", "] ]")
