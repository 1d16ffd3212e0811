"""``vn narrate --voice``: who speaks, known before anything slow; and the story rendered once it is written."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import InputError
from vn.story import Language

if TYPE_CHECKING:
    from vn.voice.kept import KeptVoice


def voice_of_call(args: argparse.Namespace, language: Language, before: Mapping[str, Any]) -> KeptVoice | None:
    """The voice that this call names, or for ``--length spoken`` the one that an edited story was written for.

    Args:
        args: the command's arguments.
        language: what it is to speak.
        before: what is recorded of how an edited story was written.

    Raises:
        InputError: ``--length spoken`` without a voice; no such voice, it cannot be used, or it does not speak the
            language.
    """
    length = args.length or before.get("length")
    remembered = before.get("voice") if length == "spoken" and args.voice is None else None
    if args.voice is None and length != "spoken":
        return None
    from vn.voice.names import CALLS_ONLY

    if remembered in CALLS_ONLY:
        message = f"was written for a voice {remembered}:, which is not taken from a file; name it again with --voice"
        raise InputError(message, file=args.edit, field="record.made_with.voice")
    from vn.voice.options import add_voice_options, voice_of

    others = argparse.ArgumentParser()
    add_voice_options(others)
    others.parse_args([], args)  # the defaults of those that are not in `args`
    voice = voice_of(args, language, remembered if isinstance(remembered, str) else None)
    if voice is None and length == "spoken":
        raise InputError("spoken needs a voice: --voice NAME", field="--length")
    return voice


def render(
    folder: Path, voice: KeptVoice, args: argparse.Namespace, quiet: bool = False, story: Path | None = None
) -> None:
    """Render a story into a folder, with what it remembers of an earlier rendering.

    Args:
        folder: the output folder; no other process may be at work there.
        voice: who speaks.
        args: the command's arguments.
        quiet: print nothing.
        story: the story's file; None: the ``story.json`` in the folder.

    Raises:
        InputError: the video or the voice is at fault, or the folder cannot be written.
    """
    from vn.render.command import show
    from vn.render.make import render_story
    from vn.render.settings import RenderSettings

    settings = RenderSettings(force_voice=args.force_voice, voices=args.voice_cache)
    done = render_story(story or folder / "story.json", folder, settings, voice)
    if not quiet:
        show(done)
