"""The rating page in a real headless Chromium: raters fill it by keyboard, and what it saves is merged."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from agreement_by_loops import alpha, pearson
from chromium import PATIENCE, ActionChains, By, Keys, chromium, needs_chromium, wait
from finished_runs import EVIL, make_stories, write_run
from simulated_ratings import CRITERIA, key_of, make_kit, matrix, page_data, simulate, write_world
from small_video import write_video

from vn.cli import main

pytestmark = needs_chromium

SYSTEMS = {"Zephyr-chat 70B": "runzephyr", "no_memory": "runnomemory"}


@pytest.fixture(scope="module")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    with chromium(downloads=downloads) as driver:
        yield driver


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    """A short kit with frames, for thirteen raters."""
    folder = tmp_path_factory.mktemp("rating")
    return make_kit(folder, write_world(folder, 3, SYSTEMS), "--stories", 3, "--raters", 13)


@pytest.fixture(scope="module")
def film_kit(tmp_path_factory) -> Path:
    """A kit with videos, of stories whose texts are markup."""
    folder = tmp_path_factory.mktemp("films")
    stories = make_stories(2, evil=True, clips=3)
    (folder / "videos").mkdir()
    for story in stories:
        write_video(folder / "videos" / f"{story.id}.mp4", 6)
    runs = [write_run(folder / name, stories, name, evil=True, seed=n) for n, name in enumerate(("one", "two"))]
    return make_kit(folder, runs, "--stories", 2, "--raters", 1, "--videos", folder / "videos")


@pytest.fixture
def opened(browser):
    """Opens a rater's page with an empty draft; afterwards the browser must have complained of nothing."""

    def opened(kit: Path, rater: str = "01"):
        browser.get((kit / f"rater-{rater}.html").as_uri())
        browser.execute_script("localStorage.clear(); state.ratings = {}; state.at = 0; state.saved = null")
        browser.refresh()
        wait(browser, lambda d: d.execute_script("return document.body.dataset.ready"))
        browser.get_log("browser")
        return browser

    yield opened
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def text(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def downloaded(folder: Path, name: str) -> Path:
    end = time.monotonic() + PATIENCE
    while not (folder / name).exists():
        assert time.monotonic() < end, f"{name} was not saved"
        time.sleep(0.05)
    return folder / name


def test_thirteen_simulated_raters_fill_the_page_and_the_merge_finds_what_they_gave(
    browser, kit, downloads, opened, tmp_path
):
    """Simulated: a test of page and merge, and no result of anything."""
    key = key_of(kit)
    ratings = simulate(key, seed=1)
    files = []
    for rater, own in key["raters"].items():
        opened(kit, rater)
        order = [story["id"] for story in page_data(kit, rater)["stories"]]
        for story in order:
            for system in own["order"][story]:
                press(browser, *map(str, ratings[rater, story, system]), Keys.ENTER)
        assert text(browser, "#progress") == "6 of 6 versions rated"
        browser.find_element(By.ID, "save").click()
        assert text(browser, "#saved").startswith("saved ")
        files.append(downloaded(downloads, f"ratings-{key['kit'][:6]}-rater-{rater}.json"))
    out = tmp_path / "ratings.json"
    assert (
        main(["rate", "merge", *map(str, files), "--key", str(kit.with_name("kit.key.json")), "--out", str(out)]) == 0
    )
    found, given = json.loads(out.read_text(encoding="utf-8")), matrix(key, ratings)
    for m, system in enumerate(key["systems"]):
        means = given[:, :, m].mean(axis=(0, 1))
        assert [found["systems"][system][c]["value"] for c in CRITERIA] == pytest.approx(list(means))
        assert found["systems"][system]["geometric_mean"]["value"] == pytest.approx(np.prod(means) ** (1 / 3))
    flat, agreement = given.reshape(13, -1), found["agreement"]["all"]
    assert agreement["pearson"]["value"] == pytest.approx(pearson(flat))
    assert agreement["alpha_ordinal"]["value"] == pytest.approx(alpha(flat, True))
    assert agreement["alpha_interval"]["value"] == pytest.approx(alpha(flat, False))
    saved = "".join(file.read_text() for file in files).lower()
    assert not [name for pair in SYSTEMS.items() for name in pair if name.lower() in saved]


def test_a_draft_is_there_after_a_reload_and_open_items_are_counted(kit, opened, downloads):
    page = opened(kit, "02")
    assert text(page, "#open") == "Next open (6)"
    assert text(page, "#saved") == "not saved yet"
    press(page, "2", "0", "3", Keys.ENTER, "1")
    wait(page, lambda d: text(d, "#progress") == "1 of 6 versions rated")
    page.refresh()
    wait(page, lambda d: text(d, "#progress") == "1 of 6 versions rated")
    assert text(page, "#open") == "Next open (5)"
    assert text(page, "#rating-title") == "Your rating of version B"
    pressed = "return [...document.querySelectorAll('.points [aria-pressed=true] b')].map((b) => b.textContent)"
    assert page.execute_script(pressed) == ["1"]
    press(page, Keys.ARROW_LEFT)
    assert page.execute_script(pressed) == ["2", "0", "3"]
    assert page.execute_script("return [...$('#stories').children].map((b) => b.className)") == ["part", "", ""]
    press(page, "s")
    file = downloaded(downloads, f"ratings-{key_of(kit)['kit'][:6]}-rater-02.json")
    assert text(page, "#saved").endswith("; 5 still open")
    press(page, "1")
    assert "changed since" in text(page, "#saved")
    page.refresh()
    wait(page, lambda d: d.execute_script("return document.body.dataset.ready"))
    assert "changed since" in text(page, "#saved"), "a reload does not forget when it was saved"
    file.unlink(missing_ok=True)


def test_drafts_of_raters_and_kits_are_apart(kit, film_kit, opened, browser):
    press(opened(kit, "03"), "2", "2", "2")
    for other, rater in ((kit, "04"), (film_kit, "01")):
        browser.get((other / f"rater-{rater}.html").as_uri())
        assert text(browser, "#progress").startswith("0 of ")
    browser.get((kit / "rater-03.html").as_uri())
    assert text(browser, "#progress").startswith("1 of ")


def test_everything_can_be_done_with_the_keyboard(kit, opened):
    page = opened(kit, "05")
    press(page, Keys.ARROW_DOWN, "3")  # the second criterion
    assert page.execute_script("return state.ratings[nameOf(ITEMS[0])]") == [None, 3, None]
    press(page, Keys.ARROW_RIGHT, "1", "1", "1", Keys.ARROW_RIGHT, "0", "0", "0")
    press(page, "u", "u", "u", "u")
    assert page.execute_script("return state.at") == 0, "U goes round to the open item"
    page.execute_script("document.querySelectorAll('.points')[2].children[0].focus()")
    press(page, Keys.TAB, Keys.TAB, Keys.SPACE)  # buttons can be reached and pressed
    assert page.execute_script("return state.ratings[nameOf(ITEMS[0])]") == [None, 3, 2]
    unnamed = "(b) => !(b.getAttribute('aria-label') || b.textContent.trim())"
    assert page.execute_script(f"return [...document.querySelectorAll('button')].filter({unnamed})") == []
    label = page.execute_script("return document.querySelectorAll('.points button')[2].getAttribute('aria-label')")
    assert label.startswith("Relevance 2, mostly: Most fit")


def test_a_key_that_is_held_down_rates_once(kit, opened):
    page = opened(kit, "07")
    press(page, "2")
    held = {"type": "rawKeyDown", "key": "2", "code": "Digit2", "windowsVirtualKeyCode": 50, "autoRepeat": True}
    for _ in range(3):
        page.execute_cdp_cmd("Input.dispatchKeyEvent", held)
    assert page.execute_script("return state.ratings[nameOf(ITEMS[0])]") == [2, None, None]
    press(page, "1")
    assert page.execute_script("return state.ratings[nameOf(ITEMS[0])]") == [2, 1, None]


def test_the_end_says_what_to_do_with_the_file(kit, opened):
    page = opened(kit, "06")
    for _ in range(6):
        press(page, "2", "2", "2", Keys.ENTER)
    shown = page.find_element(By.ID, "all-done")
    assert shown.is_displayed()
    assert f"ratings-{key_of(kit)['kit'][:6]}-rater-06.json" in shown.text
    assert page.execute_script("return document.activeElement.id") == "save"
    assert text(page, "#open") == "All rated"


@pytest.mark.parametrize("width", [360, 390])
def test_it_fits_a_phone(kit, film_kit, opened, width):
    for each in (kit, film_kit):
        page = opened(each)
        try:
            size = {"width": width, "height": 780, "deviceScaleFactor": 2, "mobile": True}
            page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            page.refresh()
            wait(page, lambda d: d.execute_script("return document.body.dataset.ready"))
            assert page.execute_script("return document.documentElement.scrollWidth") == width
            small = (
                "return [...document.querySelectorAll('.points button, .steps button, #save, .versions button')]"
                ".filter((b) => b.offsetHeight < 38 || b.offsetWidth < 38).length"
            )
            assert page.execute_script(small) == 0
            page.execute_script("document.querySelectorAll('.points')[0].children[3].click()")
            assert page.execute_script("return ratingsOf(ITEMS[0])[0]") == 3
        finally:
            page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_is_dark_if_the_system_is(kit, opened):
    page = opened(kit)
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(colour)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    page.refresh()
    assert page.execute_script(colour) != light
    page.find_element(By.ID, "theme").click()
    assert page.execute_script(colour) == light
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_markup_in_texts_and_subtitles_is_shown_as_text(film_kit, opened):
    page = opened(film_kit)
    stories = page_data(film_kit, "01")["stories"]
    at = next(n for n, story in enumerate(stories) if EVIL in story["title"])
    page.execute_script("$('#stories').children[arguments[0]].click()", at)
    wait(page, lambda d: d.execute_script("return video.readyState") >= 1)
    assert EVIL in text(page, "#story-title")
    assert EVIL in text(page, "#facts dl")
    narrations = page.execute_script("return [...document.querySelectorAll('#clips .text')].map((x) => x.textContent)")
    assert narrations == stories[at]["versions"][0]["narrations"]
    assert EVIL in narrations[0]
    cues = "const cues = [...video.textTracks[version()].cues]; return cues.map((c) => c.getCueAsHTML().textContent)"
    assert " ".join(" ".join(page.execute_script(cues)).split()) == " ".join(" ".join(narrations).split())
    assert page.execute_script("return window.hacked") is None
    assert page.execute_script("return document.querySelectorAll('main script, main img, main b img').length") == 0


def test_each_version_has_its_own_subtitles_and_the_player_chooses_too(film_kit, opened):
    page = opened(film_kit)
    modes = "return [...video.textTracks].map((t) => t.mode)"
    assert page.execute_script(modes) == ["showing", "disabled"]
    assert page.execute_script("return [...video.textTracks].map((t) => t.label)") == ["Version A", "Version B"]
    press(page, Keys.ARROW_RIGHT)
    assert page.execute_script(modes) == ["disabled", "showing"]
    page.execute_script("video.textTracks[0].mode = 'showing'; video.textTracks[1].mode = 'disabled'")
    wait(page, lambda d: text(d, "#rating-title") == "Your rating of version A")


def test_one_subtitle_is_shown_where_a_clip_begins(film_kit, opened):
    page = opened(film_kit)
    wait(page, lambda d: d.execute_script("return video.readyState") >= 1)
    start = page_data(film_kit, "01")["stories"][0]["clips"][1][0]
    page.execute_script("video.currentTime = arguments[0]", start)
    shown = "return [...video.textTracks[version()].activeCues].map((c) => c.startTime)"
    wait(page, lambda d: d.execute_script(shown) == [start])


def test_nothing_is_loaded_from_elsewhere(kit, film_kit, opened):
    for each in (kit, film_kit):
        page = opened(each)
        loaded = page.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
        assert all(name.startswith(each.as_uri()) for name in loaded)
        blocked = page.execute_async_script(
            "const done = arguments[0]; fetch('https://example.org/').then(() => done('loaded'), () => done('blocked'))"
        )
        assert blocked == "blocked"
        assert "Content Security Policy" in page.get_log("browser")[0]["message"]


def test_a_page_without_its_media_says_so(film_kit, opened, tmp_path, browser):
    shutil.copy(film_kit / "rater-01.html", tmp_path / "alone.html")
    browser.get((tmp_path / "alone.html").as_uri())
    wait(browser, lambda d: d.find_elements(By.CSS_SELECTOR, "#player .banner")[0].is_displayed())
    assert "must be beside this page" in text(browser, "#player .banner")
    browser.get_log("browser")
