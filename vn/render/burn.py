"""Subtitles drawn into the frames with Pillow: white letters with a dark edge, one drawing per subtitle."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vn.errors import InputError, show
from vn.render.encode import Planes
from vn.story import Language
from vn.subtitles.cues import Cue

SIZE = 0.05  # height of the letters, relative to the frame's shorter side
SMALLEST = 10  # pixels
BOTTOM = 0.06  # what is free below the last line, relative to the frame's height
WIDEST = 0.94  # width of a line, relative to the frame's
EDGE = 0.08  # how thick the dark edge is, relative to the letters' height
WHITE, DARK = 235, 16
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/System/Library/Fonts")
# Files of common fonts that have the letters of a language, the best first.
FONTS: dict[Language, tuple[str, ...]] = {
    "zh": (
        *(
            "NotoSansCJK-Regular.ttc",
            "NotoSansCJKsc-Regular.otf",
            "NotoSansSC-Regular.otf",
            "SourceHanSansSC-Regular.otf",
        ),
        *("SourceHanSans.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "PingFang.ttc"),
    ),
    "en": ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "Helvetica.ttc"),
}


def find_font(language: Language, font: Path | None, texts: Sequence[str]) -> Path:
    """The font for burnt subtitles.

    Args:
        language: language of the subtitles.
        font: the file that is asked for; None to look for a common one.
        texts: what will be drawn.

    Raises:
        InputError: there is none, or it lacks characters of the texts.
    """
    if font is None:
        font = next(_installed(FONTS[language] + FONTS["en" if language == "zh" else "zh"]), None)
        found = font is not None and not _missing(font, texts)
        if font is None or not found:
            font = next((each for each in _installed(FONTS[language]) if not _missing(each, texts)), None)
        if font is None:
            what = "Chinese characters" if language == "zh" else "these letters"
            raise InputError(f"no font with {what} is installed to burn subtitles in; give one with --font FILE")
        return font
    if not font.is_file():
        raise InputError("no such font", file=font, field="--font")
    missing = _missing(font, texts)
    if missing:
        raise InputError(f"the font has no {show(missing[0])}, which the subtitles need", file=font, field="--font")
    return font


class Burner:
    """Draws subtitles onto frames.

    Args:
        cues: the subtitles, in order and not overlapping.
        font: font file.
    """

    def __init__(self, cues: Sequence[Cue], font: Path) -> None:
        self._cues = cues
        self._starts = [start for start, _, _ in cues]
        self._font = font
        self._drawn: tuple[int, tuple[int, int], _Drawing] | None = None  # the last one

    def draw(self, planes: Planes, seconds: float) -> None:
        """See `vn.render.encode.Draws`."""
        number = bisect_right(self._starts, seconds + 1e-6) - 1
        if number < 0 or seconds >= self._cues[number][1] - 1e-6:
            return
        height, width = planes[0].shape
        if self._drawn is None or self._drawn[:2] != (number, (width, height)):
            drawing = _Drawing(self._cues[number][2], self._font, (width, height))
            self._drawn = number, (width, height), drawing
        self._drawn[2].put(planes)


class _Drawing:
    """One subtitle for frames of one size.

    Args:
        lines: its lines.
        font: font file.
        size: width and height of the frames.
    """

    def __init__(self, lines: Sequence[str], font: Path, size: tuple[int, int]) -> None:
        width, height = size
        letters, edge = _fitted(lines, font, size)
        grey = Image.new("L", size, DARK)
        alpha = Image.new("L", size, 0)
        text = "\n".join(lines)
        at = (width / 2, height * (1 - BOTTOM))
        ImageDraw.Draw(grey).multiline_text(at, text, WHITE, letters, "md", align="center")
        ImageDraw.Draw(alpha).multiline_text(at, text, 255, letters, "md", align="center", stroke_width=edge)
        box = alpha.getbbox() or (0, 0, 2, 2)
        self._left, self._top = (side // 2 * 2 for side in box[:2])
        right, bottom = min(width, -(-box[2] // 2) * 2), min(height, -(-box[3] // 2) * 2)
        place = np.s_[self._top : bottom, self._left : right]
        self._alpha = np.asarray(alpha, np.float32)[place] / 255
        self._grey = np.asarray(grey, np.float32)[place]

    def put(self, planes: Planes) -> None:
        """Draw it onto a frame."""
        height, width = self._alpha.shape
        alpha = self._alpha
        for plane, part, colour in zip(planes, (1, 2, 2), (self._grey, 128.0, 128.0), strict=True):
            if part == 2:
                alpha = self._alpha.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
            top, left = self._top // part, self._left // part
            under = plane[top : top + height // part, left : left + width // part]
            under[:] = np.rint(under + (colour - under) * alpha)


def _fitted(lines: Sequence[str], font: Path, size: tuple[int, int]) -> tuple[ImageFont.FreeTypeFont, int]:
    """The font as large as the frame's size asks for, or smaller if a line would be too wide; thickness of the edge."""
    width, height = size
    points = max(SMALLEST, round(SIZE * min(width, height)))
    while True:
        letters = ImageFont.truetype(str(font), points)
        edge = max(1, round(EDGE * points))
        widest = max((letters.getlength(line) for line in lines), default=0) + 2 * edge
        if widest <= WIDEST * width or points <= 6:
            return letters, edge
        points = max(6, min(points - 1, int(points * WIDEST * width / widest)))


def _missing(font: Path, texts: Sequence[str]) -> list[str]:
    """Characters that a font draws as an empty box."""
    try:
        letters = ImageFont.truetype(str(font), 24)
    except OSError:
        raise InputError("not a font that can be read", file=font, field="--font") from None
    unknown = _shape(letters, "\U0010fffe")
    wanted = sorted({c for text in texts for c in text if c.isprintable() and not c.isspace()})
    return [c for c in wanted if _shape(letters, c) == unknown]


def _shape(letters: ImageFont.FreeTypeFont, character: str) -> tuple[bytes, tuple[int, int]]:
    mask = letters.getmask(character)
    return bytes(mask), mask.size


def _installed(names: Sequence[str]) -> Iterator[Path]:
    """The installed fonts of these file names, in this order."""
    there: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in sorted(Path(folder).expanduser().rglob("*.[to]t[fc]")):
            there.setdefault(path.name, path)
    yield from (there[name] for name in names if name in there)
