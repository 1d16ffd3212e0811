"""``piper:VOICE``: Piper's program, one process per speed, each for many texts."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

from vn.errors import InputError
from vn.io.hashes import hash_file
from vn.story import Language
from vn.voice.piper_program import find_program, find_voice
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import read_wav
from vn.voice.worker import Worker

WROTE = re.compile(r"Wrote (.+\.wav)$")  # logged when the file is complete
STEP = 0.02  # speeds are rounded to multiples of it, so that a process serves several texts
MOST = 3  # processes at once; each has the model in memory


class Piper:
    """A `vn.voice.speech.Voice`.

    Piper draws random numbers: the same text is not spoken twice alike, unless it is kept (`vn.voice.kept`).

    Args:
        rest: a file ``.onnx`` with its ``.onnx.json`` beside it, or an installed voice.
        settings: the program, and how long a text may take.

    Raises:
        InputError: no program, or no such voice.
    """

    speeds = (0.5, 2.0)

    def __init__(self, rest: str, settings: VoiceSettings) -> None:
        self.name, self._timeout = f"piper:{rest}", settings.timeout
        self._program = find_program(settings.piper)
        self._model = find_voice(rest, self._program)
        config = Path(f"{self._model}.json")
        self._scale = _length_scale(config)
        self.fingerprint = f"piper {self._program.version} {hash_file(self._model)} {hash_file(config)}"
        self._lock = threading.Lock()
        self._workers: dict[float, Worker] = {}  # by speed, the last used one last
        self._folder = Path(tempfile.mkdtemp(prefix="vn-voice-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        with self._lock:
            worker = self._worker(max(STEP, round(speed / STEP) * STEP))
            file = self._folder / Path(worker.ask(text, self._timeout)[1]).name
            try:
                return read_wav(file)
            finally:
                file.unlink(missing_ok=True)

    def _worker(self, speed: float) -> Worker:
        found = self._workers.pop(speed, None)
        if found is None or not found.running:
            while len(self._workers) >= MOST:
                self._workers.pop(next(iter(self._workers))).close()
            words = [*self._program.words, "--model", str(self._model), "--output-dir", str(self._folder)]
            words += ["--length-scale", f"{self._scale / speed:.4f}"]
            found = Worker(words, self.name, WROTE, self._folder)
        self._workers[speed] = found
        return found


def _length_scale(config: Path) -> float:
    """The length scale at which a voice speaks as it was made."""
    try:
        found = json.loads(config.read_text(encoding="utf-8")).get("inference", {}).get("length_scale", 1)
        scale = float(found)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"is not the configuration of a voice of Piper: {error}", file=config) from None
    if not 0.1 <= scale <= 10:
        raise InputError(f"expected 0.1 to 10, got {scale}", file=config, field="inference.length_scale")
    return scale
