"""``vn voice``: which voices there are, whether one speaks a language, and how fast it is."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from vn.errors import InputError
from vn.story import count_words
from vn.voice.kept import KeptVoice
from vn.voice.names import KINDS, open_voice
from vn.voice.options import add_reach_options, settings_of
from vn.voice.pace import Pace, pace_of
from vn.voice.sound import trim
from vn.voice.suits import UNITS, check_suits
from vn.voice.wav import write_wav

EPILOG = """\
examples:
  vn voice list                                         which can be used here
  vn voice check espeak-ng --language en --say "Cold tea again?" --out tea.wav
  vn voice calibrate piper:joe --language en            words per second, and what it makes of a speed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn voice``."""
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|check|calibrate")
    add_reach_options(
        actions.add_parser("list", help="the voices that can be used here").add_argument_group("voice"), parser
    )
    for action, what in (
        ("check", "whether a voice speaks a language; --say lets you listen"),
        ("calibrate", "measure how fast a voice speaks, once: it is kept"),
    ):
        own = actions.add_parser(action, help=what, description=what)
        own.add_argument("voice", metavar="VOICE", help=KINDS)
        own.add_argument("--language", choices=("en", "zh"), required=True, help="the language that it speaks")
        add_reach_options(own.add_argument_group("voice"), own)
        if action == "check":
            own.add_argument("--say", metavar="TEXT", help="speak this text to --out")
            own.add_argument("--out", type=Path, metavar="FILE.wav", help="the WAV file of --say")
            own.add_argument("--speed", type=float, default=1.0, help="the speed to ask for (%(default)g)")


def run(args: argparse.Namespace) -> int:
    """List, check or calibrate."""
    settings = settings_of(args)
    if args.action == "list":
        from vn.voice.listed import show_voices

        show_voices(settings)
        return 0
    if args.action == "check" and (args.say is None) != (args.out is None):
        raise InputError("--say and --out belong together")
    if args.action == "check" and not 0 < args.speed < math.inf:
        raise InputError(f"expected a number above 0, got {args.speed:g}", field="--speed")
    voice = KeptVoice(open_voice(args.voice, settings=settings), args.voice_cache)
    check_suits(voice, args.language, args.force_voice, args.voice_cache)
    if args.action == "calibrate":
        _show_pace(voice.name, pace_of(voice, args.language, args.voice_cache), args.language)
    elif args.say is None:
        print(f"{voice.name} speaks {args.language}")
    else:
        speech = voice.speak(args.say, args.language, args.speed)
        write_wav(args.out, speech)
        units, seconds = count_words(args.say, args.language), trim(speech).seconds
        print(f"{args.out}: {seconds:.2f} s of speech, {units / seconds:.2f} {UNITS[args.language]}s per second")
    return 0


def _show_pace(name: str, pace: Pace, language: str) -> None:
    from rich.console import Console
    from rich.table import Table

    unit = UNITS["zh" if language == "zh" else "en"]
    print(f"{name}: {pace.units_per_second:.2f} {unit}s per second, silence before and after a sentence left out")
    print(f"four of five sentences have {pace.low:.2f} to {pace.high:.2f}")
    table = Table("speed asked for", "speed measured")
    for asked, got in pace.curve:
        table.add_row(f"{asked:.2f}", f"{got:.2f}")
    Console().print(table)
