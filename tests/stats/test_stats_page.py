"""The page of `vn stats` in a real headless Chromium: no errors, readable in light and dark, nothing cut on a phone."""

import json

import pytest
from chromium import chromium, needs_chromium
from finished_runs import make_stories

from vn.stats.collect import collect
from vn.stats.page import render
from vn.stats.source import open_source

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of one data folder whose stories have markup in their texts, and one of three."""
    folder = tmp_path_factory.mktemp("stats")
    data = []
    for n in range(3):
        file = folder / f"data{n}.json"
        file.write_text(json.dumps([story.to_dict() for story in make_stories(8, seed=n, evil=True)]))
        data.append(collect(open_source(str(file)), f"a folder with a long name, number {n}"))
    made = []
    for count in (1, 3):
        page = folder / f"{count}.html"
        page.write_text(render(data[:count], "Statistics <b>", "vn stats", ["a note <i>"]))
        made.append(page)
    return made


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


def contrast(one, other):
    def light(colour):
        parts = [int(x) / 255 for x in colour.strip("rgba()").split(",")[:3]]
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


COLOURS = """
return [...document.querySelectorAll('p, th, td, small, li, span')].filter(e => e.innerText?.trim()).map(e => {
  let at = e, back = 'rgba(0, 0, 0, 0)';
  while (at && back === 'rgba(0, 0, 0, 0)') { back = getComputedStyle(at).backgroundColor; at = at.parentElement; }
  return [getComputedStyle(e).color, back, e.innerText.slice(0, 30)];
});
"""

SHADES = "document.querySelectorAll('.follow td').forEach((e, n) => { e.className = `s${n % 6}`; e.textContent = 1 });"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_can_be_read(browser, pages, theme, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    for page in pages:
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script("return window.hacked") is None
        browser.execute_script(SHADES)
        found = browser.execute_script(COLOURS)
        assert len(found) > 100
        assert [each for each in found if contrast(*each[:2]) < 4.5] == []
        filled = browser.execute_script(
            "return [...document.querySelectorAll('.fill')].map(e => getComputedStyle(e).fill)"
        )
        assert "rgb(0, 0, 0)" not in filled
    assert browser.get_log("browser") == []
