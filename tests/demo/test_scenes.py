"""Pictures: the product's strong colour stands alone, and what is shown shows."""

import numpy as np
import pytest

from vn.demo.canvas import shade
from vn.demo.product import COLOURS, KINDS, PATTERNS, Product
from vn.demo.scenes import HEIGHT, PAINTERS, WIDTH, paint
from vn.demo.sprites import sprite
from vn.demo.storyline import PARTS

SHOWS = {picture.name: picture.shows for part in PARTS.values() for picture in part.pictures}
RED_MUG = Product("mug", "red", "plain")


def coloured(picture: str, product: Product, late: bool | None = True, backdrop: int = 0) -> float:
    """The share of the picture that is not nearly grey."""
    hsv = np.asarray(paint(picture, product, backdrop, 0, late).convert("HSV"))
    return float((hsv[..., 1] > 110).mean())


def test_every_part_has_painters_and_every_painter_a_part():
    assert set(SHOWS) == set(PAINTERS)


@pytest.mark.parametrize("picture", PAINTERS)
def test_only_the_product_has_a_strong_colour(picture):
    for backdrop in range(8):
        share = coloured(picture, RED_MUG, backdrop=backdrop)
        assert share > 0.12 if "colour" in SHOWS[picture] else share < 0.01


def test_a_product_told_by_its_looks_covers_over_a_quarter_of_the_frame():
    for kind in KINDS:
        alpha = np.asarray(sprite(kind, "red", "plain"))[..., 3] > 128
        assert alpha.mean() * 204 * 204 / (WIDTH * HEIGHT) > 0.2


@pytest.mark.parametrize("picture", PAINTERS)
def test_painting_is_repeatable_and_changes_show(picture):
    product = Product("lamp", "blue", "dotted")
    early = paint(picture, product, 1, 5, late=False)
    assert early.size == (WIDTH, HEIGHT)
    assert early == paint(picture, product, 1, 5, late=False)
    assert early != paint(picture, product, 1, 5, late=True)


def test_sprites_of_different_products_differ():
    pictures = {sprite(k, c, p).tobytes() for k in KINDS for c in (*COLOURS, None) for p in PATTERNS}
    assert len(pictures) == len(KINDS) * (len(COLOURS) + 1) * len(PATTERNS)


def test_shade_reaches_black_and_white():
    assert shade((10, 100, 200), 0) == (0, 0, 0)
    assert shade((10, 100, 200), 1) == (10, 100, 200)
    assert shade((10, 100, 200), 2) == (255, 255, 255)
