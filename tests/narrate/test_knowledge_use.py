import pytest

from vn.narrate.knowledge_use import used_points
from vn.story import Knowledge

EN = (
    Knowledge("Offer", ("three for two", "free shipping", "a lifetime warranty")),
    Knowledge("Safety", ("free of lead", "safe for pets", "of the")),
)
ZH = (Knowledge("品质", ("干得飞快", "结实抗摔", "轻")), Knowledge("优惠", ("生日折扣", "20W快充")))


@pytest.mark.parametrize(
    ("narration", "points"),
    [
        ("Grab it with THREE for two!", ["three for two"]),
        ("Buy three, for two you pay.", ["three for two"]),
        ("A lifetime's warranty, and free shipping.", ["free shipping", "a lifetime warranty"]),
        ("Free of worries.", []),  # one word of two
        ("It is safe for a pet.", ["safe for pets"]),
        ("Made of the best.", ["of the"]),  # a point of fillers alone is one still
        ("", []),
    ],
)
def test_english(narration, points):
    assert [point for _, point in used_points(narration, EN, "en")] == points


@pytest.mark.parametrize(
    ("narration", "points"),
    [
        ("快来，生日折扣等你。", ["生日折扣"]),
        ("干得真的飞快！", ["干得飞快"]),
        ("结实得很。", []),
        ("它很轻。", ["轻"]),
        ("支持20w快充", ["20W快充"]),
    ],
)
def test_chinese(narration, points):
    assert [point for _, point in used_points(narration, ZH, "zh")] == points
