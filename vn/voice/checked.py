"""Around every voice: what cannot be spoken is not sent to it, and what comes back must be speech."""

from __future__ import annotations

import numpy as np

from vn.errors import InputError
from vn.story import Language
from vn.voice.speech import Speech, Voice

SILENT = 0.003  # the loudest sample of what counts as silence, about -50 dB
CLIPPED = 0.2  # share of samples at full scale: distorted beyond use
FLATNESS = 0.35  # spectral flatness: 0.56 in white noise; up to 0.14 in speech, sentences full of s included
WINDOW = 1024  # samples, of which the spectrum is taken
LONGEST = (10.0, 2.0)  # seconds that any text may take, and those that each character adds


class Checked:
    """A `vn.voice.speech.Voice` with its sound checked.

    Args:
        voice: the voice.
    """

    def __init__(self, voice: Voice) -> None:
        self.voice, self.name, self.fingerprint, self.speeds = voice, voice.name, voice.fingerprint, voice.speeds

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`; a text is one line for every voice.

        Raises:
            InputError: it failed, its sound cannot be used, or the text has nothing to speak.
        """
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if not is_speakable(line):
            raise InputError(f"nothing in {line!r} can be spoken: it has no letter and no digit", field="narration")
        slowest, fastest = self.speeds
        speech = self.voice.speak(line, language, min(max(speed, slowest), fastest))
        try:
            check_speech(speech, line)
        except InputError as error:
            raise InputError(f"the voice {self.name} cannot be used for {line!r}: {error}") from None
        return speech

    def for_clip(self, clip: int) -> Checked:
        """The voice of one clip; the same for all unless it reads recordings."""
        own = getattr(self.voice, "for_clip", None)
        return self if own is None else Checked(own(clip))

    @property
    def is_recorded(self) -> bool:
        """Whether it reads recordings, whose text and speed nobody can choose."""
        return bool(getattr(self.voice, "is_recorded", False))


def is_speakable(text: str) -> bool:
    """Whether a text has a letter, a digit or a Chinese character.

    >>> is_speakable("199"), is_speakable("…… !")
    (True, False)
    """
    return any(character.isalnum() for character in text)


def check_speech(speech: Speech, text: str) -> None:
    """Raise unless a sound may be the speech of a text.

    Raises:
        InputError: it is empty, silent, not finite, endless, clipped or noise.
    """
    samples = speech.samples
    if not len(samples):
        raise InputError("it returned no sound")
    if not np.isfinite(samples).all():
        raise InputError("its sound has values that are not numbers")
    level = np.abs(samples)
    if level.max() < SILENT:
        raise InputError(f"it returned {speech.seconds:.1f} s of silence")
    limit = LONGEST[0] + LONGEST[1] * len(text)
    if speech.seconds > limit:
        raise InputError(f"it spoke for {speech.seconds:.0f} s; {len(text)} characters may take {limit:.0f} s")
    clipped = float((level >= 0.999).mean())
    if clipped > CLIPPED:
        raise InputError(f"{clipped:.0%} of its sound is clipped at full scale")
    flatness = spectral_flatness(samples)
    if flatness > FLATNESS:
        raise InputError(f"it returned noise (spectral flatness {flatness:.2f}, in speech under 0.2)")


def spectral_flatness(samples: np.ndarray) -> float:
    """How much a sound is like noise: geometric by arithmetic mean of the power spectrum, 0 to 1.

    Args:
        samples: ``[N]``.

    Returns:
        The median over the windows that are at least a tenth as loud as the loudest; 0 if there is no whole window.
    """
    windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    loudness = np.sqrt((windows**2).mean(axis=1))
    loud = windows[loudness > 0.1 * loudness.max(initial=0.0)]
    if not len(loud):
        return 0.0
    power = np.abs(np.fft.rfft(loud * np.hanning(WINDOW), axis=1))[:, 1:-1] ** 2 + 1e-12
    return float(np.median(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)))
