"""``render.json`` as the story's page and the files for editors read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

from vn.errors import show
from vn.io.field_reader import FieldReader
from vn.io.files import read_json
from vn.story import is_seconds

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clip's narration as it sounds in the rendered video.

    Attributes:
        start: when the voice starts, in seconds on a player's clock.
        end: when it ends.
        speed: how fast it is, relative to the voice's usual speed.
        over: seconds by which it ends after its clip; 0 if it fits.
        file: the WAV file, relative to the story's folder; None if there is none.
        text: what is spoken.
        span: start and end of the clip when it was rendered.
    """

    start: float
    end: float
    speed: float
    over: float
    file: str | None
    text: str
    span: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A story's video as ``vn render`` has written it.

    Attributes:
        video: the file's name in the story's folder; None if only the voice was made.
        duration: seconds.
        width: width of the frames as shown.
        height: height of the frames as shown.
        rate: frames per second, exactly.
        start: when the first frame is shown, in seconds on a player's clock.
        voice: name of the voice, if there is one.
        loudness: integrated loudness in LUFS, if it was measured.
        spoken: clip -> how it is spoken; clips without a voice are missing.
        warnings: those of the rendering.
    """

    video: str | None
    duration: float
    width: int
    height: int
    rate: Fraction
    start: float
    voice: str | None
    loudness: float | None
    spoken: Mapping[int, Spoken]
    warnings: Sequence[str]


def read_rendered(file: Path, clips: int | None = None) -> Rendered:
    """Read a ``render.json``.

    Args:
        file: the file.
        clips: the story's number of clips; entries of clips that the story no longer has are left out. None: all.

    Raises:
        InputError: it is not as ``vn render`` writes it.
    """
    return _Reader(file).rendered(read_json(file), clips)


class _Reader(FieldReader):
    def rendered(self, data: Any, clips: int | None) -> Rendered:
        if not isinstance(data, dict):
            raise self.fail(f"expected what vn render writes, got {show(data)}")
        if data.get("format") != FORMAT:
            raise self.fail(f"expected format {FORMAT}, got {show(data.get('format'))}", "format")
        warnings = data.get("warnings") or []
        if not isinstance(warnings, list) or not all(isinstance(line, str) for line in warnings):
            raise self.fail(f"expected a list of texts, got {show(warnings)}", "warnings")
        entries = data.get("clips")
        if not isinstance(entries, list):
            raise self.fail(f"expected a list of clips, got {show(entries)}", "clips")
        spoken = dict(each for i, entry in enumerate(entries) if (each := self.spoken(entry, f"clips[{i}]")))
        voice = data.get("voice")
        return Rendered(
            video=self.file_name(data.get("video"), "video"),
            duration=self.seconds(data, "duration"),
            width=self.count(data, "width"),
            height=self.count(data, "height"),
            rate=self.rate(data.get("fps")),
            start=self.seconds(data, "start"),
            voice=None if voice is None else self.text(self.mapping(voice, "voice"), "name", "voice."),
            loudness=self.loudness(data.get("sound")),
            spoken={clip: each for clip, each in spoken.items() if clips is None or clip < clips},
            warnings=warnings,
        )

    def spoken(self, entry: Any, where: str) -> tuple[int, Spoken] | None:
        """A clip's number and how it is spoken; None if it is silent."""
        entry = self.mapping(entry, where)
        clip = self.count(entry, "clip", f"{where}.", least=0)
        if entry.get("voice_start") is None:
            return None
        start, end = (self.seconds(entry, name, f"{where}.") for name in ("voice_start", "voice_end"))
        if end < start:
            raise self.fail(f"the voice ends at {end:g} s, but starts at {start:g} s", f"{where}.voice_end")
        speed, over = (self.seconds(entry, name, f"{where}.") for name in ("speed", "over"))
        text = entry.get("text", "")
        if not isinstance(text, str):
            raise self.fail_text(text, f"{where}.text")
        span = self.seconds(entry, "start", f"{where}."), self.seconds(entry, "end", f"{where}.")
        return clip, Spoken(start, end, speed, over, self.file_name(entry.get("file"), f"{where}.file"), text, span)

    def mapping(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(f"expected values by name, got {show(value)}", where)
        return value

    def seconds(self, data: Mapping[str, Any], name: str, where: str = "") -> float:
        value = data.get(name)
        if not is_seconds(value):
            raise self.fail(f"expected a number, 0 or above, got {show(value)}", where + name)
        return float(value)  # type: ignore[arg-type]

    def count(self, data: Mapping[str, Any], name: str, where: str = "", least: int = 1) -> int:
        value = data.get(name)
        if type(value) is not int or value < least:
            raise self.fail(f"expected a whole number, {least} or above, got {show(value)}", where + name)
        return value

    def rate(self, value: Any) -> Fraction:
        whole = isinstance(value, list) and len(value) == 2 and all(type(each) is int and each > 0 for each in value)
        if not whole:
            raise self.fail(f"expected numerator and denominator of the frame rate, got {show(value)}", "fps")
        return Fraction(*value)

    def loudness(self, sound: Any) -> float | None:
        measured = sound.get("loudness") if isinstance(sound, dict) else None
        value = measured.get("integrated") if isinstance(measured, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if math.isfinite(value) else None

    def file_name(self, value: Any, where: str) -> str | None:
        """A file in the story's folder, in the form ``name`` or ``folder/name``."""
        if value is None:
            return None
        parts = PurePosixPath(value).parts if isinstance(value, str) and value else ()
        if not parts or parts[0] == "/" or ".." in parts or "\\" in value or ":" in value or "\0" in value:
            raise self.fail(f"expected a file in the story's folder, got {show(value)}", where)
        return str(value)
