r"""Subtitles inside the film: a mov_text track, which players can switch off.

Its samples are written here rather than by FFmpeg's encoder, which takes ASS and so would read ``{\an8}`` and ``\N`` in
a narration as instructions. Players that turn the track into ASS again would, too, so these characters are replaced
by their full-width forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet

from vn.story import Language
from vn.subtitles.cues import Cue

LANGUAGES: dict[Language, str] = {"en": "eng", "zh": "zho"}  # ISO 639-2, which mp4 wants
_BASE = Fraction(1, 1000)
_LONGEST = 0xFFFF  # bytes of a sample
_WIDE = str.maketrans("{}\\", "｛｝＼")
# What FFmpeg's encoder makes the track's description of.
_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def add_track(container: OutputContainer, language: Language, cues: Sequence[Cue]) -> Iterator[Packet[Any]]:
    """Add the track to an mp4 file that nothing was written to yet.

    Args:
        container: the file.
        language: the track is tagged with it.
        cues: the subtitles, in order and not overlapping.

    Returns:
        The packets to write; each has its time.
    """
    stream = container.add_stream("mov_text")
    stream.time_base = _BASE
    stream.codec_context.subtitle_header = _HEADER
    stream.metadata["language"] = LANGUAGES[language]

    def packets() -> Iterator[Packet[Any]]:
        for start, end, lines in cues:
            begin, until = round(start * 1000), round(end * 1000)
            if until <= begin:
                continue
            text = mov_text("\n".join(lines))
            packet: Packet[Any] = Packet(len(text).to_bytes(2, "big") + text)
            packet.pts = packet.dts = begin
            packet.duration, packet.time_base, packet.stream = until - begin, _BASE, stream
            yield packet

    return packets()


def mov_text(text: str) -> bytes:
    """A text as the track has it."""
    return text.translate(_WIDE).encode()[:_LONGEST]
