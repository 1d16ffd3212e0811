"""The story page and the index in a real headless Chromium: time, keys, subtitles, colours, widths, and no network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from chromium import TOO_FAINT, ActionChains, By, Keys, chromium, needs_chromium, wait
from finished_runs import EVIL
from rendered_stories import SPANS, write_rendered, write_story

from vn.render.page import write_page
from vn.render.page.index import write_index

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def stories(tmp_path_factory) -> Path:
    """A folder of stories: one as it should be, one whose texts are markup, one in Chinese, one that cannot be read."""
    folder = tmp_path_factory.mktemp("stories")
    for name, language, evil in (("v2", "en", ""), ("v10", "en", EVIL), ("v1", "zh", "")):
        write_rendered(folder / name, language, evil)
        write_page(folder / name)
    (folder / "v3").mkdir()
    (folder / "v3" / "story.json").write_text("{")
    write_index(folder)
    return folder


@pytest.fixture
def opened(browser, stories):
    """Opens a page; afterwards the browser must have complained of nothing."""
    browser.get_log("browser")

    def opened(name: str = "v2/story.html"):
        browser.get((stories / name).as_uri())
        wait(browser, lambda d: d.execute_script("return document.body.dataset.ready"))
        if "story" in name:
            wait(browser, lambda d: d.execute_script("return video.readyState") >= 2)
            wait(browser, lambda d: d.execute_script("return document.querySelector('track').readyState") == 2)
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def current(driver) -> list[int]:
    """The numbers of the clips that the list and the row of shots mark."""
    script = "return [clips, shots].map((l) => l.flatMap((e, i) => (e.hasAttribute('aria-current') ? [i] : [])))"
    one, other = driver.execute_script(script)
    assert one == other
    return one


def seek(driver, seconds: float) -> None:
    driver.execute_async_script(
        "const done = arguments[1]; video.addEventListener('seeked', () => setTimeout(done, 50), { once: true });"
        "video.currentTime = arguments[0]",
        seconds,
    )


def test_the_current_clip_follows_the_time_of_the_video(opened):
    page = opened()
    for i, (start, end) in enumerate(SPANS):
        for at in (start + 0.02, (start + end) / 2, end - 0.05):
            seek(page, at)
            assert current(page) == [i], at
    page.execute_script("video.muted = true; video.currentTime = 1.8; video.play()")
    wait(page, lambda d: current(d) == [1])
    page.execute_script("video.pause()")
    left = page.execute_script("return [document.querySelector('#head').style.left, video.currentTime]")
    assert float(left[0].rstrip("%")) == pytest.approx(100 * left[1] / SPANS[-1][1], abs=3)


def test_one_subtitle_is_shown_at_each_time(opened):
    page = opened()
    shown = "return [...video.textTracks[0].activeCues].map((c) => c.startTime)"
    for start, _ in SPANS:
        seek(page, start)
        wait(page, lambda d, start=start: d.execute_script(shown) == [start])
    assert page.execute_script("return video.textTracks[0].mode") == "showing"


def test_keys_choose_clips_and_a_screen_reader_hears_which(opened):
    page = opened()
    now = "return document.querySelector('#now').textContent"
    press(page, Keys.ARROW_RIGHT)
    assert page.execute_script(now) == "Clip 2 of 3, 0:02 to 0:06: Product Effect+Product Trial"
    wait(page, lambda d: current(d) == [1])
    assert page.execute_script("return video.currentTime") == pytest.approx(2, abs=0.1)
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    wait(page, lambda d: current(d) == [2])
    press(page, Keys.ARROW_LEFT)
    wait(page, lambda d: current(d) == [1])
    page.execute_script("shots[1].focus()")
    press(page, Keys.HOME)
    wait(page, lambda d: current(d) == [0])
    assert page.execute_script("return document.activeElement === shots[0]")
    press(page, Keys.END, Keys.ENTER)
    wait(page, lambda d: current(d) == [2])
    page.execute_script("document.activeElement.blur(); video.muted = true")
    press(page, Keys.SPACE)
    wait(page, lambda d: not d.execute_script("return video.paused"))
    press(page, Keys.SPACE)
    wait(page, lambda d: d.execute_script("return video.paused"))
    page.find_element(By.CSS_SELECTOR, "#clip-2 button.time").click()
    wait(page, lambda d: current(d) == [1] and not d.execute_script("return video.paused"))


def test_everything_is_reached_by_the_tab_key_and_has_a_name(opened):
    page = opened()
    assert page.execute_script("return shots.map((s) => s.tabIndex)") == [0, -1, -1]
    unnamed = "(e) => !(e.getAttribute('aria-label') || e.textContent.trim())"
    assert page.execute_script(f"return [...document.querySelectorAll('button, a')].filter({unnamed}).length") == 0
    press(page, Keys.TAB)
    assert page.execute_script("return document.activeElement.className") == "skip"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(outline) == "solid"
    landmarks = "return ['header', 'main', 'nav', 'footer'].map((n) => document.querySelectorAll(n).length)"
    assert page.execute_script(landmarks) == [1, 1, 1, 1]
    sections = (
        "return [...document.querySelectorAll('section, nav')].every((s) => s.ariaLabel || s.ariaLabelledByElements)"
    )
    assert page.execute_script(sections)


def test_the_row_of_shots_is_in_proportion_to_time(opened):
    page = opened()
    widths = page.execute_script("return shots.map((s) => s.parentElement.getBoundingClientRect().width)")
    whole = page.execute_script("return document.querySelector('.row').getBoundingClientRect().width")
    for width, (start, end) in zip(widths, SPANS, strict=True):
        assert width / whole == pytest.approx((end - start) / SPANS[-1][1], abs=0.005)
    assert page.execute_script("return shots.every((s, i) => s.querySelector('img').naturalWidth > 0)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["v2/story.html", "v1/story.html", "index.html"])
def test_texts_have_enough_contrast(opened, name, scheme):
    page = opened(name)
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    if "story" in name:
        press(page, Keys.ARROW_RIGHT)
        wait(page, lambda d: current(d) == [1])
    count, faint = page.execute_script(TOO_FAINT)
    assert count > 10
    assert faint == []


@pytest.mark.parametrize("name", ["v2/story.html", "v10/story.html", "v1/story.html", "index.html"])
def test_it_fits_a_phone(opened, name):
    page = opened(name)
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.refresh()
    wait(page, lambda d: d.execute_script("return document.body.dataset.ready"))
    assert page.execute_script("return document.documentElement.scrollWidth") == 360
    small = "(b) => b.offsetWidth < 24 || b.offsetHeight < 24"
    assert page.execute_script(f"return [...document.querySelectorAll('button')].filter({small}).length") == 0


def test_print_has_the_narration_without_the_player(opened):
    page = opened()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    visible = (
        "return ['video', '.strip', '.narration', '.knowledge'].map((s) => document.querySelector(s).checkVisibility())"
    )
    assert page.execute_script(visible) == [False, False, True, True]


def test_markup_in_texts_and_subtitles_is_shown_as_text(opened):
    page = opened("v10/story.html")
    assert page.execute_script("return window.hacked") is None
    assert page.find_element(By.TAG_NAME, "h1").text == f"Aurora{EVIL}"
    assert EVIL in page.find_element(By.CSS_SELECTOR, "#clip-1 .narration").text
    cues = "return [...video.textTracks[0].cues].map((c) => c.getCueAsHTML().textContent).join(' ')"
    assert "<img src=x" in page.execute_script(cues)
    assert page.execute_script("return document.querySelectorAll('main script').length") == 0


def test_nothing_is_loaded_from_elsewhere(opened, stories):
    for name in ("v2/story.html", "index.html"):
        page = opened(name)
        loaded = page.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
        assert [name for name in loaded if not name.startswith((stories.as_uri(), "data:"))] == []
    blocked = page.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('loaded'), () => done('blocked'))"
    )
    assert blocked == "blocked"
    assert "Content Security Policy" in page.get_log("browser")[0]["message"]


def test_a_page_sent_alone_plays_the_video_inside_it(browser, stories, tmp_path):
    browser.get_log("browser")
    shutil.copy(stories / "v2" / "story.html", tmp_path / "alone.html")
    browser.get((tmp_path / "alone.html").as_uri())
    wait(browser, lambda d: d.execute_script("return video.readyState") >= 2)
    seek(browser, 7.0)
    assert current(browser) == [2]
    assert browser.execute_script("return video.currentSrc").startswith("data:video/mp4")
    assert len(browser.get_log("browser")) == 1  # the file that is not there


def test_a_page_without_its_video_says_so(browser, stories, tmp_path):
    write_page(stories / "v2", embed=False)
    shutil.copy(stories / "v2" / "story.html", tmp_path / "alone.html")
    browser.get((tmp_path / "alone.html").as_uri())
    wait(browser, lambda d: d.find_element(By.ID, "broken").is_displayed())
    assert "story.mp4 must be in the same folder" in browser.find_element(By.ID, "broken").text
    browser.get_log("browser")
    write_page(stories / "v2")


def test_without_a_video_keys_and_clicks_still_choose_clips(browser, tmp_path):
    write_story(tmp_path)
    browser.get(write_page(tmp_path).as_uri())
    press(browser, Keys.ARROW_RIGHT)
    assert current(browser) == [0]
    press(browser, Keys.ARROW_RIGHT)
    assert current(browser) == [1]
    browser.find_elements(By.CSS_SELECTOR, ".strip button")[2].click()
    assert current(browser) == [2]
    assert browser.get_log("browser") == []


def test_the_index_searches_and_sorts(opened, stories):
    from selenium.webdriver.support.ui import Select

    page = opened("index.html")

    def names():
        return [
            e.get_dom_attribute("data-name") for e in page.find_elements(By.CSS_SELECTOR, "#stories > li:not([hidden])")
        ]

    assert names() == ["v1", "v2", "v3", "v10"]
    assert "not JSON" in page.find_element(By.CSS_SELECTOR, "[data-name=v3]").text
    assert EVIL in page.find_element(By.CSS_SELECTOR, "[data-name=v10] h2").text
    assert page.execute_script("return window.hacked") is None
    Select(page.find_element(By.ID, "order")).select_by_value("range")
    assert names()[0] == "v3"
    page.find_element(By.ID, "words").send_keys("V1")
    assert names() == ["v1", "v10"]
    assert page.find_element(By.ID, "count").text == "2 of 4 stories"
    links = [a.get_dom_attribute("href") for a in page.find_elements(By.CSS_SELECTOR, "#stories a")]
    assert sorted(links) == ["v1/story.html", "v10/story.html", "v2/story.html"]
    page.find_element(By.CSS_SELECTOR, "[data-name=v1] a").click()
    wait(page, lambda d: d.title == "Aurora")
