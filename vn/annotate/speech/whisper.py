"""``faster-whisper:FOLDER``: a Whisper model for CTranslate2, from a folder of this machine; nothing is downloaded."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from vn.annotate.speech.recogniser import Recognised, TimedWord
from vn.environment import cores
from vn.errors import InputError
from vn.extras import require
from vn.io.hashes import hash_folder
from vn.io.retries import Unreachable

NEEDED = ("config.json", "model.bin", "tokenizer.json")  # without its tokenizer the library would download one
LONGEST = 600.0  # seconds at once: the spectrum of ten hours would need more than 8 GB
WINDOW = 30.0  # seconds that Whisper looks at
STUCK = (
    2.4  # compression ratio of a segment's text above which Whisper repeats itself (Radford et al. 2022, section 4.5)
)
TOO_FAST = 25.0  # words (in Chinese: of one or two characters) per second that nobody speaks; fast speech has 8
A_FEW = 3  # words that are not too many for any segment: times are coarse
TWO_FRAMES = 320  # samples of two frames of its spectrum: its times are multiples of them, and so windows begin there


@dataclass(frozen=True, slots=True)
class WhisperSettings:
    """How Whisper searches.

    Attributes:
        beam: beams; 1 is greedy.
        previous: whether a window of 30 s is recognised with the text of the one before it.
        compute: type of number that CTranslate2 computes with; ``auto`` is its fastest here, int8 on processors.
        threads: processor cores; None for half of them, and at most 4, beside the voice activity of the next video.
    """

    beam: int = 5
    previous: bool = False
    compute: str = "auto"
    threads: int | None = None


class FasterWhisper:
    """A `vn.annotate.speech.recogniser.Recogniser`.

    It searches at temperature 0 only, so that the same sound gives the same words.

    Args:
        folder: the model.
        settings: how it searches.

    Raises:
        InputError: the folder has no model that CTranslate2 reads, or faster-whisper is not installed.
    """

    longest = LONGEST

    def __init__(self, folder: str | Path, settings: WhisperSettings | None = None) -> None:
        self.folder, self.settings = Path(folder), settings or WhisperSettings()
        self.name = f"faster-whisper:{folder}"
        missing = [name for name in NEEDED if not (self.folder / name).is_file()]
        if not self.folder.is_dir():
            raise InputError("no such folder; a Whisper model for CTranslate2 is expected", file=folder)
        if missing:
            raise InputError(f"no Whisper model for CTranslate2: it has no {missing[0]}", file=folder)
        require("faster_whisper", field="--speech", command="annotate")

    @functools.cached_property
    def key(self) -> str:
        """See `Recogniser`."""
        settings = {name: value for name, value in asdict(self.settings).items() if name != "threads"}
        settings |= {"stuck": STUCK, "fast": TOO_FAST}
        made_with = [version("faster-whisper"), version("ctranslate2")]
        return json.dumps(["faster-whisper", hash_folder(self.folder), settings, made_with])

    @functools.cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        threads = self.settings.threads or max(1, min(4, cores() // 2))
        try:
            return WhisperModel(
                str(self.folder), compute_type=self.settings.compute, cpu_threads=threads, local_files_only=True
            )
        except Exception as error:  # from C++, a tokenizer, or JSON: no common class
            raise Unreachable(f"no Whisper model that can be read ({error})", file=self.folder) from None

    def recognise(self, samples: np.ndarray, language: str, hints: str = "") -> Recognised:
        """See `Recogniser`.

        Whisper may fill a last window of a few tenths of a second with hundreds of words, often the same one. Segments
        that nobody could speak in their time are left out, and their words are counted. If hints make it repeat itself
        elsewhere, the sound is recognised without them, which is counted too.

        Raises:
            Unreachable: the model cannot be read, or knows English only.
        """
        if language != "en" and not self._model.model.is_multilingual:
            raise Unreachable(f"the model knows English only, and the speech is in {language}", file=self.folder)
        # Of a window of one frame of the spectrum, as 30.01 s leave, the library cannot say when its words are.
        samples = np.pad(samples, (0, -len(samples) % TWO_FRAMES))
        segments = self._segments(samples, language, hints)
        counts: dict[str, float] = {}
        if hints and any(segment.compression_ratio > STUCK for segment in segments if not _too_fast(segment)):
            segments = self._segments(samples, language, "")
            counts["hotwords left out"] = 1
        if fast := sum(len(segment.words) for segment in segments if _too_fast(segment)):
            counts["words too fast for speech"] = fast
        return Recognised(tuple(_words(segment for segment in segments if not _too_fast(segment))), counts)

    def _segments(self, samples: np.ndarray, language: str, hints: str) -> list[Any]:
        segments, _ = self._model.transcribe(
            samples,
            language=language,
            beam_size=self.settings.beam,
            temperature=0.0,
            condition_on_previous_text=self.settings.previous,
            word_timestamps=True,  # without it segments fill silences
            hotwords=hints or None,
        )
        return list(segments)

    def odds(self, samples: np.ndarray) -> dict[str, float] | None:
        """See `Recogniser`; it looks at the first 30 s.

        The encoder takes less than 30 s as it is: padding it, as the library does, costs ten times as much.
        """
        model = self._model
        if not model.model.is_multilingual:
            return None
        features = model.feature_extractor(samples[: round(WINDOW * model.feature_extractor.sampling_rate)])
        found = model.model.detect_language(model.encode(np.ascontiguousarray(features)))[0]
        return {token[2:-2]: float(probability) for token, probability in found}


def _too_fast(segment: Any) -> bool:
    """Whether a segment has more words than anyone can speak in its time."""
    return bool(len(segment.words or ()) > max(A_FEW, TOO_FAST * (segment.end - segment.start)))


def _words(segments: Iterable[Any]) -> Iterable[TimedWord]:
    for segment in segments:
        for word in segment.words or ():
            yield TimedWord(word.word, float(word.start), float(word.end))
