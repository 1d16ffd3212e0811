"""Whether a voice speaks a language: measured, since programs read a text of another language without an error.

espeak-ng 1.51 reads Chinese characters as English letters' names, and a Chinese voice leaves English words out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.story import Language, count_words
from vn.voice.espeak import Espeak
from vn.voice.measured import Measured
from vn.voice.sentences import SENTENCES
from vn.voice.sound import trim
from vn.voice.speech import Voice

FOREIGN = 0.1  # share of the phonemes that may be of another language
# Seconds per unit (a character in Chinese, a word in English) between which a voice speaks the language.
SECONDS: dict[Language, tuple[float, float]] = {"zh": (0.12, 0.5), "en": (0.15, 0.8)}
UNITS: dict[Language, str] = {"zh": "character", "en": "word"}
LANGUAGES: dict[Language, str] = {"zh": "Chinese", "en": "English"}
SAMPLE = 1  # the built-in sentence that is spoken; the first is short


def check_suits(voice: Voice, language: Language, force: bool = False, folder: Path | None = None) -> None:
    """Raise if a voice does not speak a language, by what is measured of it (once: it is kept).

    Args:
        voice: the voice; recordings are not measured.
        language: the language.
        force: use it whatever is measured (``--force-voice``).
        folder: where measurements are kept; see `vn.voice.measured`.

    Raises:
        InputError: with what was measured.
    """
    if force or getattr(voice, "is_recorded", False):
        return
    kept = Measured("suits", voice, language, folder)
    found = kept.read()
    if found is None or set(found) != {"problem"}:
        found = {"problem": problem_of(voice, language)}
        kept.write(found)
    if found["problem"]:
        how = "; choose another voice, or use it all the same with --force-voice"
        raise InputError(f"the voice {voice.name} does not speak {LANGUAGES[language]}: {found['problem']}{how}")


def problem_of(voice: Voice, language: Language) -> str | None:
    """What keeps a voice from speaking a language; None if nothing does.

    Raises:
        InputError: the voice failed.
    """
    sentence = SENTENCES[language][SAMPLE]
    espeak = _innermost(voice)
    if isinstance(espeak, Espeak):
        share, other = espeak.foreign(sentence, language)
        if share > FOREIGN:
            return f"it reads {share:.0%} of a built-in sentence as another language ({other}); {FOREIGN:.0%} may be"
    try:
        speech = trim(voice.speak(sentence, language))
    except InputError as error:
        if "silence" in str(error) or "no sound" in str(error):
            return f"a built-in sentence is silent ({error})"
        raise
    low, high = SECONDS[language]
    seconds = speech.seconds / count_words(sentence, language)
    if not low <= seconds <= high:
        unit = UNITS[language]
        return f"a built-in sentence takes {seconds:.2f} s per {unit}; {low} to {high} s are expected"
    return None


def _innermost(voice: Any) -> Any:
    """The voice within those that check and keep it."""
    while hasattr(voice, "voice"):
        voice = voice.voice
    return voice
