"""The review page in a real headless Chromium: keys, texts, splits, merges, undo, reload, the file, and no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from chromium import TOO_FAINT, By, Keys, chromium, needs_chromium, wait
from finished_runs import EVIL
from review_browser import at, chord, clips, opened, press, ready, seek
from reviewed_stories import LABELS, SPANS, TEXTS, drafts_in, write_draft, write_stories

from vn.annotate.review.review_file import read_review
from vn.annotate.review.stage import ReviewStage
from vn.cli import main
from vn.errors import Findings

pytestmark = needs_chromium

RTL = "שלום, \u202eevil\u202c \"quoted\" & 'single' <b>bold</b>"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    with chromium(downloads=downloads) as driver:
        yield driver


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """Two English videos, and elsewhere one whose texts are markup and a Chinese one."""
    stories = write_stories(tmp_path_factory.mktemp("chromium"))
    assert main(["review", "page", str(stories)]) == 0
    return stories


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    stories = write_stories(tmp_path_factory.mktemp("hostile"), ("en", "zh"), f" {EVIL} {RTL}")
    assert main(["review", "page", str(stories)]) == 0
    return stories


@pytest.fixture
def page(browser, stories):
    """The page as a reviewer first sees it; afterwards the browser must have complained of nothing."""
    browser.get_log("browser")
    opened(browser, stories)
    browser.execute_script("localStorage.clear()")
    # What the page keeps when it is left is cleared too.
    browser.execute_script("keep = () => {}")
    opened(browser, stories)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def saved(driver, downloads, name="Ann"):
    """Save, and the file as it was downloaded."""
    file = downloads / f"batch-001.{name}.json"
    file.unlink(missing_ok=True)
    chord(driver, Keys.CONTROL, "s")
    wait(driver, lambda _: file.is_file() and file.stat().st_size)
    return file


def test_a_reviewer_accepts_everything_by_keyboard_and_the_stage_reads_it(page, stories, downloads):
    page.find_element(By.ID, "reviewer").send_keys("Ann")
    press(page, Keys.ESCAPE)
    assert page.execute_script("return document.activeElement === document.body")
    for n in range(6):
        assert page.find_element(By.ID, "progress").text == f"{n} of 6 reviewed"
        assert at(page) == [n // 3, n % 3]
        press(page, Keys.ENTER)
    assert page.find_element(By.ID, "progress").text == "6 of 6 reviewed"
    assert page.find_element(By.ID, "all-done").is_displayed()
    file = saved(page, downloads)
    assert "saved" in page.find_element(By.ID, "saved").text
    found = read_review(file)
    assert (found.reviewer, found.batch, list(found.videos)) == ("Ann", "batch-001", ["film-0", "film-1"])
    draft = drafts_in(stories)["film-0"]
    own = [each.clip for each in found.videos["film-0"].clips]
    assert [(clip.start, clip.end, clip.narration, clip.labels) for clip in own] == [
        (clip.start, clip.end, clip.narration, clip.labels) for clip in draft.clips
    ]
    copied = shutil.copy(file, stories / "review" / file.name)
    stage = ReviewStage(stories / "review")
    before = {"shots": {"duration": SPANS[-1][1], "clips": SPANS, "fingerprint": []}}
    before |= {
        "speech": {"kind": "speech", "language": "en", "words": [], "texts": [x.recognised for x in draft.clips]}
    }
    before |= {"refine": {"texts": TEXTS["en"]}, "labels": {"labels": [[x.en for x in own] for own in LABELS]}}
    assert stage.make(draft.video, before, Findings()).counts["clips reviewed"] == 3
    Path(copied).unlink()


def test_texts_are_edited_with_a_live_diff_and_kept_over_a_reload(page, stories, downloads):
    shown = "return [...document.querySelectorAll('#diff > *')].map((e) => [e.tagName, e.textContent])"
    assert page.execute_script(shown) == [["DEL", "cold"], ["INS", "Cold"], ["INS", "?"]]
    press(page, "e")
    chord(page, Keys.CONTROL, "a")
    press(page, "cold coffee again", Keys.ESCAPE)
    assert page.execute_script(shown) == [["DEL", "tea"], ["INS", "coffee"]]
    assert "open, changed" in page.find_element(By.CSS_SELECTOR, "#clips [aria-current] .state").text
    assert page.find_element(By.ID, "progress").text == "0 of 6 reviewed; 1 changed, not accepted"
    press(page, "3")
    assert clips(page)[0]["labels"] == [1, 2]
    page.refresh()
    ready(page)
    assert clips(page)[0]["text"] == "cold coffee again"
    assert clips(page)[0]["labels"] == [1, 2]
    press(page, "e")
    chord(page, Keys.CONTROL, Keys.ENTER)
    assert clips(page)[0]["state"] == "accepted"
    assert at(page) == [0, 1]
    page.find_element(By.ID, "reviewer").send_keys("Ann")
    press(page, Keys.ESCAPE)
    (first, *_), *_ = (each["clips"] for each in json.loads(saved(page, downloads).read_text())["videos"])
    assert first["narration"] == "cold coffee again"
    assert first["labels"] == ["Sore Point", "Call to Action"]


def test_a_clip_is_split_at_the_frame_shown_and_the_text_at_the_cursor(page):
    press(page, Keys.ARROW_DOWN)
    seek(page, 3.08)
    assert page.find_element(By.ID, "time").text == "0:03.10, frame 77"
    press(page, "e")
    press(page, Keys.HOME, *[Keys.ARROW_RIGHT] * 24)
    chord(page, Keys.ALT, Keys.ENTER)
    own = clips(page)
    assert [(x["start"], x["end"]) for x in own] == [(0, 2), (2, 3.08), (3.08, 4.52), (4.52, 6.017)]
    assert [x["text"] for x in own[1:3]] == ["It boils in a minute, wh", "ile you find a cup."]
    press(page, Keys.ESCAPE, "z")
    assert [x["text"] for x in clips(page)] == list(TEXTS["en"])
    seek(page, 3.08)
    press(page, "s")  # without a cursor: where a sentence or word ends
    own = clips(page)
    assert [x["text"] for x in own[1:3]] == ["It boils in a minute,", "while you find a cup."]
    assert [x["recognised"] for x in own[1:3]] == ["it boils in a minit", "while you find a cup"]
    assert [x["state"] for x in own] == ["open"] * 4
    assert [len(x["marks"]) for x in own] == [0, 1, 0, 0]


@pytest.mark.parametrize("word", ["Kettle", "\U0001f600", "好"])
def test_a_single_word_is_not_split(page, word):
    page.execute_script("changing()[0].text = arguments[0]; keep(); showClips()", word)
    seek(page, 1.0)
    press(page, "s")
    assert [clip["text"] for clip in clips(page)[:2]] == [word, ""]


def test_undo_after_another_tab_has_undone_the_same_video(page):
    press(page, "x", "x")
    page.execute_script("localStorage.setItem(KEPT, JSON.stringify({ ...state, videos: {} })); recall()")
    press(page, "z")
    assert clips(page)[0]["state"] == "skipped"


def test_the_current_clip_is_in_sight_in_the_row_of_many(page):
    many = "D.videos[0].fresh = Array.from({ length: 60 }, () => ({ ...clipsOf(0)[0] })); state.at[1] = 59; showClips()"
    page.execute_script(many)
    inside = """
const row = document.querySelector('#row'), now = row.querySelector('[aria-current]').getBoundingClientRect();
const { left, right } = row.getBoundingClientRect();
return row.scrollWidth > row.clientWidth && now.left >= left - 1 && now.right <= right + 1"""
    assert page.execute_script(inside)
    page.execute_script("state.at[1] = 0; showClips()")
    assert page.execute_script(inside)


def test_a_split_too_near_to_the_end_is_refused(page):
    assert page.execute_script("return document.querySelector('[data-do=split]').disabled")
    press(page, "s")
    assert "Too near" in page.find_element(By.ID, "message").text
    assert len(clips(page)) == 3


def test_clips_are_merged_skipped_and_undone(page):
    press(page, "m")
    own = clips(page)
    assert [(x["start"], x["end"]) for x in own] == [(0, 4.52), (4.52, 6.017)]
    assert own[0]["text"] == " ".join(TEXTS["en"][:2])
    assert own[0]["labels"] == [1, 6, 5]
    press(page, "x")
    assert clips(page)[0]["state"] == "skipped"
    press(page, "x")
    assert clips(page)[0]["state"] == "open"
    press(page, "z", "z", "z")
    assert [x["text"] for x in clips(page)] == list(TEXTS["en"])
    press(page, "z")
    assert "nothing to undo" in page.find_element(By.ID, "message").text
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN, "m")
    assert "last clip" in page.find_element(By.ID, "message").text


def test_labels_have_a_limit_and_are_needed(page):
    press(page, "1", "3", "4")
    assert clips(page)[0]["labels"] == [1, 0, 2]
    assert "3 labels at most" in page.find_element(By.ID, "message").text
    press(page, "1", "2", "3", Keys.ENTER)
    assert clips(page)[0] | {"labels": [], "state": "open"} == clips(page)[0]
    assert "Choose 1 to 3 labels" in page.find_element(By.ID, "message").text
    box = page.find_element(By.CSS_SELECTOR, "[data-do=label-11]")
    box.click()
    assert clips(page)[0]["labels"] == [11]
    assert page.execute_script("return document.activeElement.dataset.do") == "label-11"
    press(page, Keys.ESCAPE, "=")
    assert clips(page)[0]["labels"] == []
    press(page, "e")
    chord(page, Keys.CONTROL, "a")
    press(page, Keys.DELETE)
    chord(page, Keys.CONTROL, Keys.ENTER)
    assert clips(page)[0]["state"] == "accepted"  # a clip without a narration needs no label


def test_the_name_is_asked_for_before_saving(page, downloads):
    chord(page, Keys.CONTROL, "s")
    assert page.execute_script("return document.activeElement.id") == "reviewer"
    press(page, "Zoë O'Neil / <b>", Keys.ESCAPE)
    file = saved(page, downloads, "Zoë-O-Neil-b")
    assert read_review(file).reviewer == "Zoë O'Neil / <b>"
    assert not read_review(file).videos["film-0"].reviewed


def test_the_player_loops_the_clip_or_plays_on(page):
    page.execute_script("video.muted = true")
    seek(page, 1.8)
    press(page, Keys.SPACE)
    wait(page, lambda d: d.execute_script("return video.currentTime < 1"))
    assert at(page) == [0, 0]
    press(page, "l")
    wait(page, lambda d: at(d) == [0, 1])
    press(page, Keys.SPACE)
    wait(page, lambda d: d.execute_script("return video.paused"))
    seek(page, 2.0)
    frame = "return Math.floor(video.currentTime * 25 + 0.01)"
    assert page.execute_script(frame) == 50
    press(page, Keys.ARROW_RIGHT)
    wait(page, lambda d: d.execute_script(frame) == 51)
    press(page, Keys.ARROW_LEFT)
    wait(page, lambda d: d.execute_script(frame) == 50)
    press(page, Keys.ARROW_LEFT)  # not before the clip
    assert page.execute_script(frame) == 50


def test_videos_and_marked_clips_by_keyboard(page):
    press(page, Keys.PAGE_DOWN)
    wait(page, lambda d: d.execute_script("return video.readyState >= 2"))
    assert at(page) == [1, 0]
    assert "film%201.mp4" in page.execute_script("return video.currentSrc")
    press(page, Keys.PAGE_UP)
    page.find_element(By.ID, "marked").click()
    assert at(page) == [0, 1]
    assert page.find_element(By.ID, "progress").text == "0 of 2 marked reviewed"
    press(page, Keys.ENTER)
    assert at(page) == [1, 1]
    press(page, Keys.ENTER)
    assert page.find_element(By.ID, "progress").text == "2 of 2 marked reviewed"
    assert not page.find_element(By.ID, "all-done").is_displayed()
    wait(page, lambda d: d.execute_script("return video.readyState >= 2"))


def test_a_changed_batch_is_named_and_not_applied(page, stories):
    press(page, Keys.ENTER, Keys.PAGE_DOWN, Keys.ENTER)
    raw = drafts_in(stories)["film-0"].video
    write_draft(stories, raw, texts=("Something else.", *TEXTS["en"][1:]))
    main(["review", "page", str(stories)])
    try:
        opened(page, stories)
        assert {x["state"] for v in (0, 1) for x in clips(page, v)} == {"open"}
        assert "1 of its 2 videos are unchanged" in page.find_element(By.ID, "others").text
        page.find_element(By.CSS_SELECTOR, "#others button").click()
        assert [x["state"] for x in clips(page, 0)] == ["open"] * 3
        assert [x["state"] for x in clips(page, 1)] == ["accepted", "open", "open"]
        assert page.find_element(By.ID, "others").text == ""
    finally:
        write_draft(stories, raw)
        main(["review", "page", str(stories)])


def test_work_is_offered_after_a_video_of_the_batch_has_gone(page, stories):
    press(page, Keys.ENTER, Keys.PAGE_DOWN, Keys.ENTER)
    report = stories / "stages" / "annotate.json"
    before = report.read_text("utf-8")
    content = json.loads(before)
    del content["videos"]["film-0"]
    report.write_text(json.dumps(content), "utf-8")
    main(["review", "page", str(stories)])
    try:
        opened(page, stories)
        assert "1 of its 2 videos are unchanged" in page.find_element(By.ID, "others").text
        page.find_element(By.CSS_SELECTOR, "#others button").click()
        assert [x["state"] for x in clips(page, 0)] == ["accepted", "open", "open"]
    finally:
        report.write_text(before, "utf-8")
        main(["review", "page", str(stories)])


def test_everything_has_a_name_and_enough_contrast(page):
    press(page, Keys.ENTER, "x")
    unnamed = """
const named = (e) => e.ariaLabel || e.getAttribute('aria-labelledby') || e.labels?.length || e.textContent.trim();
const every = [...document.querySelectorAll('button, a, input, textarea, nav, section, video')];
return every.filter((e) => !named(e)).map((e) => e.outerHTML);
"""
    assert page.execute_script(unnamed) == []
    # It changes with every frame that is played: a screen reader is not to read each.
    assert page.find_element(By.ID, "time").get_attribute("aria-live") == "off"
    for dark in (False, True):
        page.execute_script("setTheme(arguments[0])", dark)
        count, faint = page.execute_script(TOO_FAINT)
        assert count > 30
        assert faint == []
    outline = "document.querySelector('#save').focus(); return getComputedStyle(document.activeElement).outlineStyle"
    press(page, Keys.TAB)
    assert page.execute_script(outline) == "solid"


def test_it_fits_a_phone(page, hostile, stories):
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for folder in (stories, hostile):
        opened(page, folder)
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
        small = "(b) => b.checkVisibility() && (b.offsetWidth < 24 || b.offsetHeight < 24)"
        assert page.execute_script(f"return [...document.querySelectorAll('button')].filter({small}).length") == 0
        reach = "(b) => b.checkVisibility() && b.getBoundingClientRect().right > 361 && !b.closest('nav, #row')"
        assert (
            page.execute_script(f"return [...document.querySelectorAll('button, input')].filter({reach}).length") == 0
        )


def test_hostile_texts_are_shown_as_they_are(page, hostile, downloads):
    opened(page, hostile)
    draft = drafts_in(hostile)["film-0"]
    assert page.execute_script("return window.hacked") is None
    assert page.find_element(By.ID, "text").get_property("value") == draft.clips[0].narration
    assert EVIL in page.find_element(By.ID, "video-name").text
    assert EVIL in page.find_element(By.ID, "whole").get_property("textContent")
    assert page.execute_script("return document.querySelectorAll('main script, main img, main b b').length") == 0
    page.find_element(By.ID, "reviewer").send_keys("Eve")
    press(page, Keys.ESCAPE, Keys.ENTER)
    found = read_review(saved(page, downloads, "Eve")).videos["film-0"].clips[0]
    assert found.clip.narration == " ".join(draft.clips[0].narration.split())
    page.execute_script("localStorage.clear(); keep = () => {}")


def test_nothing_is_loaded_from_elsewhere(page, stories):
    loaded = page.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if not name.startswith(stories.parent.as_uri())] == []
    blocked = page.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('loaded'), () => done('blocked'))"
    )
    assert blocked == "blocked"
    assert "Content Security Policy" in page.get_log("browser")[0]["message"]


def test_a_page_without_its_videos_says_so(browser, stories, tmp_path):
    shutil.copy(stories / "review" / "batch-001.html", tmp_path)
    browser.get((tmp_path / "batch-001.html").as_uri())
    wait(browser, lambda d: d.find_element(By.ID, "broken").is_displayed())
    press(browser, Keys.ENTER)
    assert clips(browser)[0]["state"] == "accepted"
    browser.execute_script("localStorage.clear(); keep = () => {}")
    browser.get_log("browser")
