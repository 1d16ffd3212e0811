"""Options of the stage ``speech``."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress

from vn.annotate.speech.names import KINDS, Reach, open_recogniser
from vn.annotate.speech.stage import SpeechSettings, SpeechStage
from vn.errors import InputError
from vn.io.disk_cache import DiskCache


def add_speech_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--speech`` and how it is recognised."""
    group = parser.add_argument_group("speech")
    group.add_argument("--speech", metavar="RECOGNISER", help=f"what recognises speech: {KINDS}")
    group.add_argument(
        "--speech-url", metavar="URL", help="the OpenAI-compatible endpoint of openai:, as http://localhost:8000/v1"
    )
    group.add_argument(
        "--speech-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="how long an answer may take (%(default)g)",
    )
    group.add_argument("--speech-beam", type=int, default=5, metavar="N", help="beams of faster-whisper (%(default)s)")
    group.add_argument(
        "--speech-threads", type=int, metavar="N", help="processor cores of faster-whisper (half of them, at most 4)"
    )
    what = (
        "give the recogniser the product's title and points, as names to expect: with Whisper base it helps in "
        "Chinese without --refine, and not in English"
    )
    group.add_argument("--hotwords", action="store_true", help=what)
    group.add_argument("--chinese", choices=["simplified"], help="write Chinese in these characters (OpenCC)")
    with suppress(argparse.ArgumentError):  # the command has one of its own, which then allows this too
        group.add_argument("--yes", action="store_true", help="send sound to the vendor of openai: recognisers")


def speech_stage(args: argparse.Namespace, cache: DiskCache | None = None) -> SpeechStage:
    """The stage that was asked for; a model is loaded when it is used.

    Args:
        args: parsed options of `add_speech_options`.
        cache: keeps what was recognised; None keeps it in memory.

    Raises:
        InputError: no such recogniser, or a value is wrong.
    """
    if not 0 < args.speech_timeout < math.inf:
        raise InputError(f"expected seconds, got {args.speech_timeout}", field="--speech-timeout")
    for field, value in (("--speech-beam", args.speech_beam), ("--speech-threads", args.speech_threads)):
        if value is not None and value < 1:
            raise InputError(f"expected 1 or more, got {value}", field=field)
    reach = Reach(args.speech_url, args.yes, args.speech_timeout, args.speech_beam, args.speech_threads)
    recogniser = None if args.speech is None else open_recogniser(args.speech, reach)
    return SpeechStage(recogniser, SpeechSettings(args.chinese == "simplified", args.hotwords), cache)
