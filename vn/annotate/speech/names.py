"""The recognisers by name; each is imported only if it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from vn.annotate.speech.recogniser import Recogniser
from vn.annotate.speech.subtitle_files import SubtitleFiles
from vn.errors import InputError

KINDS = "faster-whisper:FOLDER, openai:MODEL, or subtitles (SRT or VTT beside the video)"


@dataclass(frozen=True, slots=True)
class Reach:
    """How a recogniser is reached.

    Attributes:
        url: the OpenAI-compatible endpoint of ``openai:MODEL``; None for the vendor's.
        yes: whether sound may be sent to the vendor.
        timeout: seconds that an answer may take.
        beam: beams of ``faster-whisper``.
        threads: its processor cores; None for the usual number.
    """

    url: str | None = None
    yes: bool = False
    timeout: float = 300.0
    beam: int = 5
    threads: int | None = None


def open_recogniser(name: str, reach: Reach | None = None) -> Recogniser | SubtitleFiles:
    """The recogniser with a name; a model is loaded when it is used.

    Args:
        name: as on the command line.
        reach: how it is reached.

    Raises:
        InputError: no such recogniser, or it cannot be used.
    """
    reach = reach or Reach()
    kind, _, rest = name.partition(":")
    if reach.url is not None and kind != "openai":
        raise InputError(f"only openai: recognisers have one, not {name}", field="--speech-url")
    if kind == "faster-whisper" and rest:
        from vn.annotate.speech.whisper import FasterWhisper, WhisperSettings

        return FasterWhisper(rest, WhisperSettings(reach.beam, threads=reach.threads))
    if kind == "openai" and rest:
        from vn.annotate.speech.openai_recogniser import OpenAIRecogniser
        from vn.endpoints.openai_client import Attempts

        return OpenAIRecogniser(rest, reach.url, reach.yes, Attempts(timeout=reach.timeout))
    if name == "subtitles":
        return SubtitleFiles()
    raise InputError(f"no recogniser {name!r}; expected {KINDS}", field="--speech")
