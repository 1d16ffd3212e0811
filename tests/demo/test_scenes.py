"""Scenes: the product's strong colour is unique, and what should be shown is visible."""

import numpy as np
import pytest

from vn.demo.canvas import shade
from vn.demo.product import COLOURS, KINDS, PARTS, PATTERNS, Product
from vn.demo.scenes import HEIGHT, PAINTERS, WIDTH, paint
from vn.demo.sprites import sprite
from vn.demo.storyline import PICTURES

RED_MUG = Product("mug", "red", "plain", "tag")


def coloured(picture: str, product: Product, late: bool | None = True, backdrop: int = 0) -> float:
    """The share of the picture that is not nearly grey."""
    hsv = np.asarray(paint(picture, product, backdrop, 0, late).convert("HSV"))
    return float((hsv[..., 1] > 110).mean())


def test_every_picture_has_a_painter_and_every_painter_a_picture():
    assert set(PICTURES) == set(PAINTERS)


@pytest.mark.parametrize("picture", PAINTERS)
def test_only_the_product_has_a_strong_colour(picture):
    for backdrop in range(8):
        share = coloured(picture, RED_MUG, backdrop=backdrop)
        assert share > 0.12 if "colour" in PICTURES[picture].shows else share < 0.01


def test_a_product_told_by_its_looks_covers_over_a_quarter_of_the_frame():
    for kind in KINDS:
        alpha = np.asarray(sprite(kind, "red", "plain"))[..., 3] > 128
        assert alpha.mean() * 204 * 204 / (WIDTH * HEIGHT) > 0.2


@pytest.mark.parametrize("picture", PAINTERS)
def test_painting_is_repeatable_and_changes_show(picture):
    product = Product("lamp", "blue", "dotted", "bow")
    early = paint(picture, product, 1, 5, late=False)
    assert early.size == (WIDTH, HEIGHT)
    assert early == paint(picture, product, 1, 5, late=False)
    assert early != paint(picture, product, 1, 5, late=True)


def test_sprites_of_different_products_differ():
    parts = (*PARTS, None)
    pictures = {
        sprite(k, c, p, q).tobytes() for k in KINDS for c in (*COLOURS[::4], None) for p in PATTERNS for q in parts
    }
    assert len(pictures) == len(KINDS) * 3 * len(PATTERNS) * len(parts)


def test_parts_are_grey_and_no_part_hides_another_attribute():
    bare = np.asarray(sprite("mug", "red", "dotted"), dtype=float)
    for part in PARTS:
        dressed = np.asarray(sprite("mug", "red", "dotted", part), dtype=float)
        changed = np.abs(bare - dressed).max(axis=2) > 20
        assert 0.03 < changed.mean() < 0.25
        colour = dressed[changed & (dressed[..., 3] > 200)][:, :3]
        assert np.median(colour.max(axis=1) - colour.min(axis=1)) < 20


def test_shade_reaches_black_and_white():
    assert shade((10, 100, 200), 0) == (0, 0, 0)
    assert shade((10, 100, 200), 1) == (10, 100, 200)
    assert shade((10, 100, 200), 2) == (255, 255, 255)
