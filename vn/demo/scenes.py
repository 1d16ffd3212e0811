"""The scenes of the demo's films: one painter per scene, each clearly different from the others.

A painter draws on a canvas of 320 x 240 units that already has a backdrop. `late` states whether the event of the
scene has happened: half of a clip with a change is filmed before it, half after (None: there is no event).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from vn.demo.canvas import CHARCOAL, MIST, PAPER, SAND, SKIN, SLATE, STONE, Canvas, Colour, shade
from vn.demo.product import Product
from vn.demo.props import MATERIALS, heart, material, price_tag, put_product, rays, star
from vn.demo.sprites import cloth, sprite

WIDTH, HEIGHT = 320, 240
CENTRE = (160.0, 118.0)

Painter = Callable[[Canvas, Product, random.Random, bool | None], None]

WALLS: tuple[tuple[Colour, Colour], ...] = (  # light or dim by i % 2, warm or cool by i // 2 % 2
    ((247, 238, 222), (232, 218, 196)),
    ((128, 114, 98), (104, 92, 78)),
    ((222, 232, 244), (200, 213, 230)),
    ((92, 106, 124), (74, 87, 104)),
)


def paint(picture: str, product: Product, backdrop: int, seed: int, late: bool | None) -> Image.Image:
    """A still of a scene, 320 x 240 pixels.

    Args:
        picture: the name of a painter.
        product: the advertised product.
        backdrop: see `vn.demo.film.BACKDROPS`.
        seed: random seed of the details; the same before and after a change.
        late: whether the event of the scene has happened.
    """
    wall, table = WALLS[backdrop % 4]
    canvas = Canvas(WIDTH, HEIGHT, wall)
    if backdrop >= 4:
        canvas.box((0, 178, WIDTH, HEIGHT), table)
    else:
        canvas.ellipse((-60, 150, WIDTH + 60, HEIGHT + 110), shade(wall, 0.93))
    canvas.circle(CENTRE, 104, shade(wall, 1.18))
    PAINTERS[picture](canvas, product, random.Random(seed), late)
    return canvas.finished()


def _close_up(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    put_product(c, product, CENTRE, 204)
    if late:
        for _ in range(5):
            star(c, (rng.uniform(30, 290), rng.uniform(20, 200)), rng.uniform(10, 17), PAPER)


def _macro(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    # A magnifier over the cloth: larger than the product's own pattern, and without an outline that reveals the kind.
    square = Image.new("RGBA", (460, 460))
    square.paste(cloth(product.colour, product.pattern).resize((460, 460)), (0, 0))
    lens = Image.new("L", (460, 460), 0)
    ImageDraw.Draw(lens).ellipse((70, 70, 390, 390), fill=255)
    square.putalpha(lens)
    c.circle(CENTRE, 118, CHARCOAL)
    c.paste(square, CENTRE, 310, angle=rng.uniform(-6, 6))
    c.line([(246, 196), (300, 250)], CHARCOAL, 26)
    if late:
        c.arc((78, 36, 242, 200), 200, 250, PAPER, 9)


def _splash(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    c.ellipse((40, 196, 280, 234), MIST)
    put_product(c, product, (160, 112), 190)
    for _ in range(34 if late else 22):
        x, y, r = rng.uniform(12, 308), rng.uniform(8, 225), rng.uniform(5, 9)
        c.circle((x, y), r, shade(MIST, 0.86))
        c.polygon([(x - r * 0.8, y - r * 0.55), (x + r * 0.8, y - r * 0.55), (x, y - r * 2.2)], shade(MIST, 0.86))
        c.circle((x - r * 0.3, y), r * 0.3, PAPER)


def _hands(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    skin = rng.choice(SKIN)
    lift = 12 if late else 0
    put_product(c, product, (160, 108 - lift), 186, angle=5 if late else 0)
    for side in (-1, 1):
        x = 160 + side * 98
        c.line([(x + side * 52, 262), (x + side * 14, 186 - lift)], CHARCOAL, 50)
        c.line([(x + side * 18, 194 - lift), (x, 168 - lift)], skin, 36)
        for finger in range(4):
            y = 138 + finger * 14 - lift
            c.line([(x + side * 2, y + 10), (x - side * 30, y)], skin if finger % 2 else shade(skin, 0.93), 13)


def _before_after(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    if late is None:  # both halves side by side
        rays(c, (160, 118), rng)
        put_product(c, product, CENTRE, 200)
        right = c.image.crop((c.image.width // 2, 0, c.image.width, c.image.height))
        c.box((0, 0, WIDTH, HEIGHT), STONE)
        put_product(c, product.kind, CENTRE, 200)
        c.image.paste(right, (c.image.width // 2, 0))
        c.box((157, 0, 163, HEIGHT), PAPER)
        c.circle((160, 120), 13, PAPER)
        c.polygon([(151, 120), (157, 113), (157, 127)], SLATE)
        c.polygon([(169, 120), (163, 113), (163, 127)], SLATE)
    elif late:
        rays(c, CENTRE, rng)
        put_product(c, product, CENTRE, 200)
    else:
        c.circle(CENTRE, 112, STONE)
        put_product(c, product.kind, CENTRE, 200)


def _mess(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    corner = np.asarray(c.image)[0, 0, :3]
    grey = round(0.8 * float(corner.mean()))  # gloomy, but as light or dim as the backdrop
    c.box((0, 0, WIDTH, HEIGHT), (grey, grey, grey))
    c.box((0, 170, WIDTH, HEIGHT), shade((grey, grey, grey), 0.8))
    for _ in range(9):
        x, y, turn = rng.uniform(10, 310), rng.uniform(160, 235), rng.uniform(0, math.pi)
        corners = [
            (x + 26 * math.cos(turn + k * math.pi / 2), y + 15 * math.sin(turn + k * math.pi / 2)) for k in range(4)
        ]
        c.polygon(corners, shade(STONE, rng.uniform(0.7, 1.2)))
    put_product(c, product.kind, (150, 132), 172, angle=14)
    x, y = 150 + rng.uniform(-12, 12), 84.0
    crack = [(x + (i % 2) * 14 - i * 2, y + i * 16) for i in range(6)]
    c.line(crack, CHARCOAL, 4)
    for x, y, r in ((214, 44, 22), (240, 34, 28), (270, 44, 24), (242, 54, 24)):
        c.circle((x, y), r, (70, 71, 74))
    if late:
        c.polygon([(246, 70), (226, 108), (242, 106), (232, 142), (264, 96), (246, 98), (260, 70)], PAPER)
    c.line([(36, 30), (66, 60)], CHARCOAL, 9)
    c.line([(66, 30), (36, 60)], CHARCOAL, 9)


def _swatches(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    c.shadow((30, 190, 290, 232))
    for i in range(len(MATERIALS)):
        c.paste(material(i), (142 + 12 * i, 70 + 34 * i), 230)
    x, y = (212, 84) if late else (rng.uniform(90, 130), rng.uniform(90, 120))
    c.line([(x + 34, y + 34), (x + 74, y + 78)], CHARCOAL, 14)
    c.circle((x, y), 46, (228, 230, 232), CHARCOAL, 8)
    for k in range(-3, 4):
        reach = math.sqrt(38**2 - (k * 11) ** 2)
        c.line([(x + k * 11, y - reach), (x + k * 11, y + reach)], STONE, 4)
        c.line([(x - reach, y + k * 11), (x + reach, y + k * 11)], SAND, 4)


def _factory(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    for x in (18, 118, 218):
        c.box((x, 14, x + 84, 62), MIST, outline=SLATE, width=4)
        c.line([(x + 42, 14), (x + 42, 62)], SLATE, 3)
    c.box((0, 186, WIDTH, 208), CHARCOAL, radius=11)
    for x in range(14, WIDTH, 32):
        c.circle((x, 197), 8, STONE)
    for x in (40, 150, 260):
        c.box((x, 208, x + 16, HEIGHT), SLATE)
    shift = 26 if late else 0
    for x in (14, 118, 222):
        c.paste(sprite(product.kind, None, "plain"), (x + 24 + shift, 140), 96)
    reach = 104 if late else 82
    c.line([(300, 0), (256, 52), (196, 44)], SLATE, 15)
    c.line([(196, 44), (178, reach)], SLATE, 11)
    for joint in ((256, 52), (196, 44)):
        c.circle(joint, 11, CHARCOAL)
    c.line([(178, reach), (166, reach + 12)], CHARCOAL, 6)
    c.line([(178, reach), (190, reach + 12)], CHARCOAL, 6)


def _badge(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    def shield(scale: float, fill: Colour) -> None:
        side = [(0, -92), (38, -74), (78, -70), (76, 6), (52, 56), (0, 96)]
        points = side + [(-x, y) for x, y in reversed(side)]
        c.polygon([(160 + x * scale, 116 + y * scale) for x, y in points], fill)

    shield(1.18, CHARCOAL)
    shield(1.06, PAPER)
    shield(0.95, SLATE)
    if late is not False:
        c.line([(116, 116), (148, 152), (208, 78)], PAPER, 20)
    else:
        c.circle((160, 112), 34, None, PAPER, 10)


def _diploma(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    c.shadow((40, 200, 280, 232))
    c.box((36, 20, 284, 218), shade(CHARCOAL, 1.1), radius=4)
    c.box((46, 30, 274, 208), PAPER)
    c.box((54, 38, 266, 200), PAPER, outline=STONE, width=2)
    c.box((96, 54, 224, 66), SLATE, radius=6)
    for i in range(5):
        half = rng.uniform(62, 88)
        c.box((160 - half, 82 + i * 15, 160 + half, 87 + i * 15), STONE, radius=2)
    for side in (-1, 1):
        c.polygon([(226, 168), (226 + side * 26, 224), (226 + side * 12, 218), (226 + side * 2, 230)], SLATE)
    star(c, (226, 164), 34, shade(SAND, 0.78), points=16, inner=0.85)
    c.circle((226, 164), 21, shade(SAND, 1.1))
    if late is not False:
        star(c, (226, 164), 15, CHARCOAL, points=5, inner=0.45)


def _people(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    clothes = rng.sample([CHARCOAL, SLATE, STONE, SAND, shade(SLATE, 1.3)], 3)
    skins = rng.sample(SKIN, 3)
    for x, skin, dress in ((70, skins[0], clothes[0]), (250, skins[1], clothes[1]), (160, skins[2], clothes[2])):
        top = 106 if x == 160 else 118
        hair = rng.choice([CHARCOAL, shade(CHARCOAL, 0.7), shade(STONE, 0.7)])
        c.box((x - 52, top + 62, x + 52, 300), dress, radius=40)
        c.box((x - 12, top + 36, x + 12, top + 74), shade(skin, 0.88), radius=10)
        c.circle((x, top + 12), 36, hair)
        c.ellipse((x - 29, top - 10, x + 29, top + 54), skin)
        for side in (-1, 1):
            c.circle((x + side * 11, top + 20), 3.4, CHARCOAL)
        c.arc((x - 13, top + 22, x + 13, top + 42), 20, 160, CHARCOAL, 3.5)
    for x in (48, 160, 272) if late is not False else (48,):
        c.box((x - 40, 12, x + 40, 62), PAPER, radius=18)
        c.polygon([(x - 8, 58), (x + 14, 58), (x, 78)], PAPER)
        for k in (-1, 0, 1):
            if x == 160:
                heart(c, (x + k * 22, 36), 8, SLATE)
            else:
                star(c, (x + k * 22, 37), 11, SLATE, points=5, inner=0.45)


def _price_tag(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    price_tag(c, (160, 118), 96, late)


def _price_tag_beside(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    put_product(c, product, (116, 116), 196)
    price_tag(c, (258, 74), 52, late)


def _shop(c: Canvas, product: Product, rng: random.Random, late: bool | None) -> None:
    c.box((0, 206, WIDTH, HEIGHT), STONE)
    c.box((34, 40, 286, 212), SAND)
    c.box((34, 40, 286, 74), CHARCOAL)
    c.box((104, 50, 216, 64), PAPER, radius=6)
    light = (255, 250, 232) if late is not False else shade(SLATE, 0.8)
    c.box((52, 118, 186, 190), light, outline=SLATE, width=5)
    c.box((208, 118, 266, 212), light, outline=SLATE, width=5)
    c.circle((258, 168), 4, CHARCOAL)
    for i, x in enumerate(range(27, 293, 38)):
        tone = shade(SLATE, 1.2 if i % 2 else 1.05)
        c.box((x, 74, x + 38, 104), tone)
        c.circle((x + 19, 104), 19, tone)
    heart(c, (118, 152), 14, STONE)


PAINTERS: dict[str, Painter] = {
    "mess": _mess,
    "close_up": _close_up,
    "macro": _macro,
    "swatches": _swatches,
    "factory": _factory,
    "splash": _splash,
    "hands": _hands,
    "before_after": _before_after,
    "badge": _badge,
    "diploma": _diploma,
    "people": _people,
    "price_tag": _price_tag,
    "price_tag_beside": _price_tag_beside,
    "shop": _shop,
}
