"""Objects that several scenes of the demo's films show: a product, a star, a price tag, a sample of material."""

from __future__ import annotations

import math
import random
from functools import cache

from PIL import Image

from vn.demo.canvas import CHARCOAL, PAPER, SAND, SLATE, STONE, Canvas, Colour, Point, shade
from vn.demo.product import Product
from vn.demo.sprites import sprite

MATERIALS = (SLATE, SAND, STONE, shade(CHARCOAL, 1.25))


def put_product(c: Canvas, product: Product | str, centre: Point, size: float, angle: float = 0) -> None:
    """The product on its shadow; a kind alone is plain grey."""
    x, y = centre
    c.shadow((x - size * 0.55, y + size * 0.4, x + size * 0.55, y + size * 0.58))
    if isinstance(product, str):
        c.paste(sprite(product, None, "plain"), centre, size, angle)
    else:
        c.paste(sprite(product.kind, product.colour, product.pattern, product.part), centre, size, angle)


def star(c: Canvas, centre: Point, radius: float, fill: Colour, points: int = 4, inner: float = 0.3) -> None:
    """A star; the inner corners are at a share of the radius."""
    spikes = [
        (centre[0] + r * math.sin(math.pi * i / points), centre[1] - r * math.cos(math.pi * i / points))
        for i in range(2 * points)
        for r in (radius if i % 2 == 0 else radius * inner,)
    ]
    c.polygon(spikes, fill)


def heart(c: Canvas, centre: Point, size: float, fill: Colour) -> None:
    """A heart, twice as wide as its size."""
    x, y = centre
    for side in (-1, 1):
        c.circle((x + side * size * 0.5, y - size * 0.25), size * 0.56, fill)
    c.polygon([(x - size, y), (x + size, y), (x, y + size * 1.1)], fill)


def rays(c: Canvas, centre: Point, rng: random.Random) -> None:
    """Rays of light from a point, at a random angle."""
    turn = rng.uniform(0, 0.4)
    for i in range(16):
        a = turn + i * math.pi / 8
        tips = [(centre[0] + 300 * math.cos(a + d), centre[1] + 300 * math.sin(a + d)) for d in (-0.09, 0.09)]
        c.polygon([centre, *tips], PAPER)


def price_tag(c: Canvas, centre: Point, size: float, late: bool | None) -> None:
    """A price tag, on a star unless the change has yet to happen."""
    x, y = centre
    if late is not False:
        star(c, (x, y + size * 0.12), size * 1.02, CHARCOAL, points=14, inner=0.84)
    corners = [(-0.5, -0.3), (0, -0.72), (0.5, -0.3), (0.5, 0.78), (-0.5, 0.78)]
    c.polygon([(x + size * u * 1.08, y + size * v * 1.05) for u, v in corners], SLATE)
    c.polygon([(x + size * u, y + size * v) for u, v in corners], PAPER)
    c.circle((x, y - size * 0.42), size * 0.09, SLATE)
    c.arc((x - size * 0.4, y - size * 1.1, x + size * 0.06, y - size * 0.4), 270, 90, CHARCOAL, 3)
    c.text((x, y + size * 0.26), "%", size * 0.8, CHARCOAL)


@cache
def material(number: int) -> Image.Image:
    """A sample of woven or grained material."""
    tone = MATERIALS[number]
    board = Canvas(190, 120, tone)
    for k in range(0, 190, 8):
        if number % 2:
            board.line([(k, 0), (k + 5, 60), (k - 3, 120)], shade(tone, 0.86), 2)
        else:
            board.line([(k, 0), (k, 120)], shade(tone, 0.84), 2)
            board.line([(0, k), (190, k)], shade(tone, 0.84), 2)
    square = Image.new("RGBA", (230, 230))
    square.paste(board.finished(), (20, 55))
    return square.rotate(24 - 15 * number, Image.Resampling.BICUBIC)
