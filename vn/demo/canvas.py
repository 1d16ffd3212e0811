"""A canvas in its own units, with smooth edges: shapes are drawn twice as large and reduced."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

SMOOTH = 2

# Everything but the product is nearly grey, so that a frame's strong colour is the product's.
CHARCOAL: Colour = (54, 56, 62)
SLATE: Colour = (98, 106, 116)
STONE: Colour = (174, 171, 165)
SAND: Colour = (214, 205, 190)
PAPER: Colour = (250, 248, 244)
MIST: Colour = (196, 206, 214)
SKIN: tuple[Colour, ...] = ((214, 190, 172), (184, 158, 140), (136, 114, 102))


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1, towards white) version of a colour."""
    if factor <= 1:
        return tuple(round(c * factor) for c in colour)  # type: ignore[return-value]
    return tuple(round(255 - (255 - c) * (2 - factor)) for c in colour)  # type: ignore[return-value]


class Canvas:
    """A drawing in progress.

    Args:
        width, height: size in units; one unit becomes one pixel.
        fill: the colour to start from; None: transparent.
    """

    def __init__(self, width: int, height: int, fill: Colour | None = None) -> None:
        self.width, self.height = width, height
        mode, ground = ("RGB", fill) if fill else ("RGBA", (0, 0, 0, 0))
        self.image = Image.new(mode, (width * SMOOTH, height * SMOOTH), ground)
        self.pen = ImageDraw.Draw(self.image)

    def _scaled(self, numbers: Sequence[float]) -> list[float]:
        return [n * SMOOTH for n in numbers]

    def box(self, box: Box, fill: Colour, radius: float = 0, outline: Colour | None = None, width: float = 0) -> None:
        """A rectangle from (left, top) to (right, bottom), with round corners."""
        self.pen.rounded_rectangle(
            self._scaled(box), radius * SMOOTH, fill, outline, max(1, round(width * SMOOTH)) if outline else 0
        )

    def ellipse(self, box: Box, fill: Colour | None, outline: Colour | None = None, width: float = 0) -> None:
        """An ellipse in a box."""
        self.pen.ellipse(self._scaled(box), fill, outline, max(1, round(width * SMOOTH)) if outline else 0)

    def circle(
        self, centre: Point, radius: float, fill: Colour | None, outline: Colour | None = None, width: float = 0
    ) -> None:
        """A circle around a point."""
        x, y = centre
        self.ellipse((x - radius, y - radius, x + radius, y + radius), fill, outline, width)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        self.pen.polygon([(x * SMOOTH, y * SMOOTH) for x, y in points], fill)

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """A line through points, with round ends."""
        thick = max(1, round(width * SMOOTH))
        self.pen.line([(x * SMOOTH, y * SMOOTH) for x, y in points], fill, thick, joint="curve")
        for x, y in (points[0], points[-1]):
            self.circle((x, y), width / 2 - 0.25, fill)

    def arc(self, box: Box, start: float, end: float, fill: Colour, width: float) -> None:
        """An arc of an ellipse, in degrees clockwise from the right."""
        self.pen.arc(self._scaled(box), start, end, fill, max(1, round(width * SMOOTH)))

    def text(self, centre: Point, text: str, size: float, fill: Colour) -> None:
        """Text around a point, in the font that comes with Pillow."""
        x, y = centre
        self.pen.text((x * SMOOTH, y * SMOOTH), text, fill, _font(round(size * SMOOTH)), anchor="mm")

    def shadow(self, box: Box, strength: float = 0.4) -> None:
        """A soft dark ellipse, so that what is drawn on it touches the ground."""
        left, top, right, bottom = (round(n) for n in self._scaled(box))
        # Pillow's radial gradient is 0 in the middle and reaches 128 at the ellipse's rim.
        soft = Image.radial_gradient("L").point([round(max(0, 128 - v) * 2 * strength) for v in range(256)])
        self.image.paste((30, 30, 34), (left, top), soft.resize((right - left, bottom - top)))

    def paste(self, picture: Image.Image, centre: Point, size: float, angle: float = 0) -> None:
        """Paste a drawing with transparency.

        Args:
            picture: square, RGBA.
            centre: position of its centre.
            size: length of its side, in units.
            angle: degrees, counter-clockwise.
        """
        side = round(size * SMOOTH)
        picture = picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        if angle:
            picture = picture.rotate(angle, Image.Resampling.BILINEAR)
        left, top = round(centre[0] * SMOOTH - side / 2), round(centre[1] * SMOOTH - side / 2)
        self.image.paste(picture, (left, top), picture)

    def finished(self) -> Image.Image:
        """The drawing, one pixel per unit."""
        return self.image.reduce(SMOOTH)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
