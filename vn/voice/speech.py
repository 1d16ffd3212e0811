"""What a voice is: text in, sound out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vn.story import Language


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound of one channel.

    Attributes:
        samples: ``[N]`` float32, -1 to 1.
        rate: samples per second.
    """

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


class Voice(Protocol):
    """Speaks texts.

    Attributes:
        name: as on the command line, ``piper:joe.onnx``.
        fingerprint: a text that changes if its sound may: program and version, hash of the weights, settings.
        speeds: the slowest and fastest speed it can be asked for; (1, 1) if it has one speed only.
    """

    name: str
    fingerprint: str
    speeds: tuple[float, float]

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """Speak a text.

        Args:
            text: what to say.
            language: its language.
            speed: how fast it is asked to be, relative to its usual speed; what it makes of that is measured, not
                assumed.

        Raises:
            InputError: it failed, or what it returned is not sound: empty, cut short, of an impossible format.
        """
