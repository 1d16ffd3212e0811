"""Drawings of the products, on a transparent background."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageChops, ImageFilter

from vn.demo.canvas import CHARCOAL, Canvas, Colour, shade

SIDE = 200  # side of a sprite, in units

RGB: dict[str, Colour] = {
    "red": (206, 32, 40),
    "orange": (242, 122, 18),
    "yellow": (250, 200, 14),
    "green": (30, 142, 68),
    "blue": (28, 88, 196),
    "purple": (120, 50, 168),
    "pink": (240, 108, 170),
    "black": (30, 30, 34),
}
UNPAINTED: Colour = (160, 160, 158)
INK: Colour = (252, 248, 240)
METAL: Colour = (120, 124, 130)


@lru_cache(maxsize=64)
def sprite(kind: str, colour: str | None, pattern: str, part: str | None = None) -> Image.Image:
    """A product as an RGBA square.

    Args:
        kind: one of `vn.demo.product.KINDS`.
        colour: one of `vn.demo.product.COLOURS`; None: plain grey.
        pattern: one of `vn.demo.product.PATTERNS`.
        part: one of `vn.demo.product.PARTS`; None: without a part.
    """
    base = RGB[colour] if colour else UNPAINTED
    behind, body, front = _KINDS[kind]
    canvas = Canvas(SIDE, SIDE)
    behind(canvas, base)
    mask = Canvas(SIDE, SIDE, (0, 0, 0))
    body(mask, (255, 255, 255))
    covered = mask.image.convert("L")
    # A darker rim separates light patterns from light backdrops.
    rim = covered.filter(ImageFilter.BoxBlur(3)).point([0] * 24 + [255] * 232)
    canvas.image.paste(shade(base, 0.55), (0, 0), rim)
    canvas.image.paste(_cloth(base, pattern, canvas.image.size), (0, 0), covered)
    front(canvas, base)
    if part:
        _PARTS[part](canvas)
    return canvas.finished()


@lru_cache(maxsize=64)
def cloth(colour: str, pattern: str) -> Image.Image:
    """A close-up of the product's material, as an RGB square."""
    return _cloth(RGB[colour], pattern, (2 * SIDE, 2 * SIDE))


def _cloth(base: Colour, pattern: str, size: tuple[int, int]) -> Image.Image:
    """Patterned material, darker towards the right, as if lit from the left."""
    board = Canvas(SIDE, SIDE, base)
    if pattern != "plain":
        _PATTERNS[pattern](board)
    light = Image.linear_gradient("L").rotate(-90).resize(size)  # white on the left
    light = light.point([175 + round(v * 80 / 255) for v in range(256)])
    return ImageChops.multiply(board.image, Image.merge("RGB", (light,) * 3))


def _striped(board: Canvas) -> None:
    for x in range(4, SIDE, 30):
        board.box((x, 0, x + 14, SIDE), INK)


def _dotted(board: Canvas) -> None:
    for row, y in enumerate(range(6, SIDE + 20, 26)):
        for x in range(-10 + 15 * (row % 2), SIDE + 20, 30):
            board.circle((x, y), 8, INK)


def _checked(board: Canvas) -> None:
    for row in range(10):
        for column in range(row % 2, 10, 2):
            board.box((column * 22, row * 22, column * 22 + 22, row * 22 + 22), INK)


def _zigzag(board: Canvas) -> None:
    for y in range(-20, SIDE + 30, 34):
        points = [(x * 17.0, y + (0 if x % 2 else 16.0)) for x in range(-1, 14)]
        board.pen.line([(2 * x, 2 * v) for x, v in points], INK, 20, joint="curve")


_PATTERNS: dict[str, Callable[[Canvas], None]] = {
    "striped": _striped,
    "dotted": _dotted,
    "checked": _checked,
    "zigzag": _zigzag,
}


# A product's parts, each at its own place, and grey like everything except the product's cloth.
def _strap(c: Canvas) -> None:
    c.arc((16, 3, 184, 160), 172, 368, CHARCOAL, 13)
    for x in (20, 180):
        c.circle((x, 72), 12, METAL, CHARCOAL, 5)


def _stand(c: Canvas) -> None:
    c.box((0, 172, 200, 186), CHARCOAL, radius=5)
    for x in (14, 60, 128, 174):
        c.box((x, 184, x + 12, 200), CHARCOAL)


def _tag(c: Canvas) -> None:
    c.line([(150, 84), (168, 116)], CHARCOAL, 4)
    c.box((138, 112, 200, 166), INK, radius=5, outline=CHARCOAL, width=5)
    for y in (128, 140, 152):
        c.line([(148, y), (190, y)], METAL, 4)


def _bow(c: Canvas) -> None:
    for side in (-1, 1):
        c.polygon([(44, 128), (44 + side * 42, 102), (44 + side * 42, 154)], CHARCOAL)
        c.polygon([(44, 134), (44 + side * 10, 186), (44 + side * 30, 176)], CHARCOAL)
    c.circle((44, 128), 13, METAL, CHARCOAL, 4)


_PARTS: dict[str, Callable[[Canvas], None]] = {"strap": _strap, "stand": _stand, "tag": _tag, "bow": _bow}


# Each kind: what is behind the patterned body, the body, and what is in front of it.
def _mug_behind(c: Canvas, base: Colour) -> None:
    c.arc((116, 58, 196, 146), 270, 90, shade(base, 0.72), 17)
    c.arc((116, 58, 196, 146), 265, 95, shade(base, 0.72), 17)


def _mug(c: Canvas, fill: Colour) -> None:
    c.box((8, 30, 152, 186), fill, radius=24)
    c.box((8, 26, 152, 110), fill)


def _mug_front(c: Canvas, base: Colour) -> None:
    c.ellipse((8, 10, 152, 44), shade(base, 1.35))
    c.ellipse((15, 15, 145, 40), shade(base, 0.42))


def _backpack_behind(c: Canvas, base: Colour) -> None:
    c.arc((72, 2, 128, 60), 180, 360, shade(base, 0.6), 10)
    for x in (8, 164):
        c.box((x, 96, x + 28, 172), shade(base, 0.62), radius=12)


def _backpack(c: Canvas, fill: Colour) -> None:
    c.box((24, 22, 176, 194), fill, radius=46)


def _backpack_front(c: Canvas, base: Colour) -> None:
    c.box((46, 112, 154, 180), shade(base, 0.85), radius=16, outline=shade(base, 0.5), width=3)
    c.line([(54, 130), (146, 130)], shade(base, 0.5), 4)
    c.box((92, 126, 108, 142), METAL, radius=3)
    c.arc((34, 32, 166, 130), 195, 345, shade(base, 0.5), 3)


def _lamp_behind(c: Canvas, base: Colour) -> None:
    c.box((94, 120, 106, 186), METAL)
    c.ellipse((56, 174, 144, 198), CHARCOAL)
    c.ellipse((84, 116, 116, 146), (255, 246, 214))


def _lamp(c: Canvas, fill: Colour) -> None:
    c.polygon([(54, 6), (146, 6), (198, 132), (2, 132)], fill)


def _lamp_front(c: Canvas, base: Colour) -> None:
    c.line([(2, 132), (198, 132)], shade(base, 0.6), 5)
    c.line([(54, 6), (146, 6)], shade(base, 0.6), 5)


def _bottle_behind(c: Canvas, base: Colour) -> None:
    c.box((76, 2, 124, 34), CHARCOAL, radius=8)


def _bottle(c: Canvas, fill: Colour) -> None:
    c.box((78, 28, 122, 70), fill)
    c.polygon([(78, 46), (122, 46), (156, 86), (44, 86)], fill)
    c.box((44, 86, 156, 196), fill, radius=22)
    c.box((44, 86, 156, 130), fill)


def _bottle_front(c: Canvas, base: Colour) -> None:
    c.box((74, 24, 126, 34), METAL, radius=3)
    c.line([(58, 96), (58, 172)], shade(base, 1.5), 5)


def _umbrella_behind(c: Canvas, base: Colour) -> None:
    c.box((96, 4, 104, 176), METAL, radius=3)
    c.arc((68, 156, 104, 196), 0, 180, CHARCOAL, 9)


def _umbrella(c: Canvas, fill: Colour) -> None:
    c.pen.pieslice([4, 28, 2 * SIDE - 4, 2 * SIDE + 20], 180, 360, fill)
    for x in range(4):
        c.ellipse((2 + x * 49, 92, 51 + x * 49, 124), fill)


def _umbrella_front(c: Canvas, base: Colour) -> None:
    edge = shade(base, 0.6)
    for x in (51, 100, 149):
        c.line([(100 + (x - 100) * math.sin(t / 8 * 1.57), 14 + 92 * t / 8) for t in range(9)], edge, 2.5)
    c.box((96, 2, 104, 18), METAL, radius=3)


Drawing = Callable[[Canvas, Colour], None]
_KINDS: dict[str, tuple[Drawing, Drawing, Drawing]] = {
    "mug": (_mug_behind, _mug, _mug_front),
    "backpack": (_backpack_behind, _backpack, _backpack_front),
    "lamp": (_lamp_behind, _lamp, _lamp_front),
    "bottle": (_bottle_behind, _bottle, _bottle_front),
    "umbrella": (_umbrella_behind, _umbrella, _umbrella_front),
}
