"""No two variants alike, however many there are, on light and dark paper."""

import re
from itertools import combinations
from pathlib import Path

import pytest

import vn.compare
from vn.compare.colours import closest, colour_rules, palette

PAGE = Path(vn.compare.__file__).parent / "page"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("count", "apart"), [(2, 0.05), (9, 0.035), (20, 0.035), (60, 0.03)])
def test_colours_are_apart_for_any_colour_vision_and_more_begin_with_fewers(theme, count, apart):
    colours = palette(count, theme)
    assert len(set(colours)) == count
    assert closest(colours) > apart
    assert palette(count + 1, theme)[:count] == colours


def test_colours_that_only_some_can_tell_apart_are_close():
    assert closest(("#d55e00", "#8a7a00")) < 0.03 < closest(("#d55e00", "#0072b2"))  # with protanopia


def test_every_variant_has_its_colour_in_both_themes_and_a_swatch():
    css = colour_rules(20)
    for i in range(20):
        assert len(re.findall(rf"--v{i}: #[0-9a-f]{{6}};", css)) == 2
        assert f".swatch.v{i} {{" in css


def test_marks_and_dashes_together_are_a_variants_own():
    script = (PAGE / "charts.js").read_text()
    counts = [script.split(f"const {name} = [")[1].split("]")[0].count('"') // 2 for name in ("MARKERS", "DASHES")]
    own = [(i % counts[0], i % counts[1]) for i in range(60)]
    assert all(a != b for a, b in combinations(own, 2))


def test_no_place_on_the_page_lets_colours_go_round():
    assert not re.findall(r"%\s*\d", "".join(p.read_text() for p in (*PAGE.glob("*.js"), PAGE / "compare.html")))
