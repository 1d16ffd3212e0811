"""Subtitles with a style: Advanced SubStation Alpha (.ass), which players and editors draw as the style says."""

from __future__ import annotations

from collections.abc import Sequence

from vn.story import Language
from vn.subtitles.cues import Cue

USUAL = (1280, 720)  # pixels; the size of the frames if it is unknown
FONT = {"en": "Arial", "zh": "Noto Sans CJK SC"}
JOINER = "\u2060"  # after a backslash: it is not shown, and nothing after it is read as a code

BREAK = r"\N"

HEAD = """\
[Script Info]
; Written by vn.
Title: {title}
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Narration,{font},{size},&H00FFFFFF,&H000000FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,{outline},0,2,\
{side},{side},{bottom},1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def ass(cues: Sequence[Cue], title: str, language: Language, size: tuple[int, int] | None = None) -> str:
    r"""The text of an .ass file.

    Lines are broken as in the cues and nowhere else (``WrapStyle: 2``). In portrait video the letters are sized by the
    width, and are further from the lower edge, where players and platforms have their buttons.

    Args:
        cues: the subtitles.
        title: title of the story.
        language: decides on the font.
        size: width and height of the video's frames.

    Example:
        >>> print(ass([(0.0, 1.5, ["a {b}", "c"])], "Tea", "en").splitlines()[-1])
        Dialogue: 0,0:00:00.00,0:00:01.50,Narration,,0,0,0,,a \{b\}\Nc
    """
    width, height = size or USUAL
    upright = height > width
    letters = width / 16 if upright else height / 16
    head = HEAD.format(
        title=" ".join(title.split()),
        width=width,
        height=height,
        font=FONT[language],
        size=max(8, round(letters)),
        outline=max(1, round(letters / 16)),
        side=round(width / 20),
        bottom=round(height / (6 if upright else 16)),
    )
    lines = [
        f"Dialogue: 0,{_time(start)},{_time(end)},Narration,,0,0,0,,{BREAK.join(map(_escaped, text))}\n"
        for start, end, text in cues
    ]
    return head + "".join(lines)


def _escaped(line: str) -> str:
    """A line whose braces and backslashes are shown as they are, and which stays one line."""
    line = " ".join(line.split()).replace("\\", "\\" + JOINER)
    return line.replace("{", "\\{").replace("}", "\\}")


def _time(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 360_000}:{hundredths // 6000 % 60:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"
