"""How a story is rendered, and what its ``story.json`` remembers of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vn.errors import InputError, show

KEY = "render"  # in a story.json
COMMAND_LINE_ONLY = ("command:", "wavs:")  # voices that run a program or read files of this machine
LOUDEST = 4.0

Overflow = Literal["none", "next"]


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What is asked for; None: what the story remembers, or the default.

    Attributes:
        original_volume: volume of the video's own sound while nobody speaks: 0 is silent, 1 (the default) as loud as
            the voice at most.
        burn: draw the subtitles into the frames.
        font: font file of burnt subtitles.
        overflow: whether the voice may end after its clip, before the next voice.
        editors: kinds of files for video editors (`vn.render.editors.KINDS`).
        force_voice: use a voice that seems unable to speak the language.
        voices: folder where voices keep what they have spoken; None: the usual one.
    """

    original_volume: float | None = None
    burn: bool | None = None
    font: Path | None = None
    overflow: Overflow | None = None
    editors: tuple[str, ...] = ()
    force_voice: bool = False
    voices: Path | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Settings without gaps, as a story remembers them.

    Attributes:
        voice: name of the voice, or ``none``; None if it is not to be remembered.
        original_volume: see `RenderSettings`.
        burn: see `RenderSettings`.
        font: see `RenderSettings`.
        overflow: see `RenderSettings`.
    """

    voice: str | None
    original_volume: float
    burn: bool
    font: Path | None
    overflow: Overflow

    def to_dict(self) -> dict[str, Any]:
        """What ``story.json`` has under ``render``."""
        given = {"voice": self.voice, "original_volume": self.original_volume, "burn": self.burn}
        given |= {"font": None if self.font is None else str(self.font), "overflow": self.overflow}
        return {name: value for name, value in given.items() if value is not None}


def remembered_voice(data: Mapping[str, Any]) -> str | None:
    """The voice that a parsed ``story.json`` remembers: a name, or ``none``; None if it remembers no voice."""
    voice = _remembered(data).get("voice")
    return voice if isinstance(voice, str) and not voice.startswith(COMMAND_LINE_ONLY) else None


def filled(settings: RenderSettings, data: Mapping[str, Any], file: Path, voice: str) -> Asked:
    """What is asked for, with gaps filled by what a ``story.json`` remembers.

    Args:
        settings: what is asked for now.
        data: the parsed file.
        file: named in messages.
        voice: name of the voice that speaks now, or ``none``.

    Raises:
        InputError: the volume is out of bounds, or something remembered is damaged.
    """
    old = _remembered(data)
    volume = settings.original_volume if settings.original_volume is not None else old.get("original_volume", 1.0)
    burn = settings.burn if settings.burn is not None else old.get("burn", False)
    font = settings.font if settings.font is not None else old.get("font")
    overflow = settings.overflow if settings.overflow is not None else old.get("overflow", "none")
    if isinstance(volume, bool) or not isinstance(volume, int | float) or not 0 <= volume <= LOUDEST:
        message = f"expected 0 to {LOUDEST:g}, got {show(volume)}"
        if settings.original_volume is not None:
            raise InputError(message, field="--original-volume")
        raise InputError(message, file=file, field=f"{KEY}.original_volume")
    if not isinstance(burn, bool):
        raise InputError(f"expected true or false, got {show(burn)}", file=file, field=f"{KEY}.burn")
    if font is not None and not isinstance(font, str | Path):
        raise InputError(f"expected the path of a font, got {show(font)}", file=file, field=f"{KEY}.font")
    if overflow not in ("none", "next"):
        raise InputError(f"expected none or next, got {show(overflow)}", file=file, field=f"{KEY}.overflow")
    name = None if voice.startswith(COMMAND_LINE_ONLY) else voice
    return Asked(name, float(volume), burn, None if font is None else Path(font).absolute(), overflow)


def _remembered(data: Mapping[str, Any]) -> Mapping[str, Any]:
    old = data.get(KEY)
    return old if isinstance(old, Mapping) else {}
