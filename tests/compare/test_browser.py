"""The dashboard in a real headless Chromium: its figures, filters, stories, and text that stays text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from chromium import By, chromium, needs_chromium, wait
from finished_runs import EVIL, make_stories, write_run, write_study

from vn.cli import main

pytest.importorskip("plotly", reason="plotly is not installed")
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser():
    with chromium(size="1280,1000") as driver:
        yield driver


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """A folder with compare.* of a study whose stories, narrations and names hold markup."""
    folder = tmp_path_factory.mktemp("compared")
    stories = make_stories(25, evil=True)
    sweep = write_study(folder / "sweep", stories, evil=True)
    write_run(sweep / "<b>bold<b>", stories, "<i>sly<i>", settings=("predicted", "given"), evil=True)
    write_run(sweep / "unfinished<script>", stories, settings=())
    assert main(["compare", str(sweep), "--out", str(folder), "--title", f"A study {EVIL}"]) == 0
    return folder


@pytest.fixture
def page(browser, compared):
    browser.get_log("browser")
    browser.get((compared / "compare.html").as_uri())
    wait(browser, lambda d: d.execute_script("return document.body.dataset.ready"))
    browser.execute_script("readPlotly()")
    wait(browser, lambda d: d.execute_script("return Boolean(window.Plotly)"))
    yield browser
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def lines(folder: Path) -> list[dict[str, str]]:
    with open(folder / "compare.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_score_on_the_page_is_the_one_in_the_csv_to_the_digit(page, compared):
    shown = page.execute_script(
        "return [...document.querySelectorAll('.scores td[data-setting]')].map((c) => [c.dataset.setting,"
        " D.variants[c.dataset.v].name, c.closest('tr').dataset.metric, c.querySelector('.value').textContent,"
        " c.querySelector('.delta')?.textContent ?? ''])"
    )
    found = {tuple(cell[:3]): cell[3:] for cell in shown}
    ours = [x for x in lines(compared) if x["kind"] == "variant" and x["mean"]]
    wanted = {(x["setting"], x["variant"].lstrip("'"), x["metric"]): x for x in ours}
    assert found.keys() == wanted.keys()
    assert len(found) > 80
    for key, (value, delta) in found.items():
        line = wanted[key]
        assert value == f"{100 * float(line['mean']):.1f}", key
        if line["difference"]:
            printed = delta.replace("−", "-").replace("▲", "").replace("▼", "").split()[0]
            assert float(printed) == pytest.approx(round(100 * float(line["difference"]), 1)), key
            assert ("▲" in delta or "▼" in delta) == (line["counts"] == "True"), key


def test_bars_and_errors_are_drawn_from_the_same_numbers(page, compared):
    drawn = page.execute_script(
        "redrawAll(true); const p = barCharts.get('cider'); return [p.data[0].x, p.data[0].error_x.array, p.data[1].x]"
    )
    own = [x for x in lines(compared) if (x["kind"], x["setting"], x["metric"]) == ("variant", "predicted", "cider")]
    assert drawn[0] == pytest.approx([100 * float(x["mean"]) for x in own], abs=1e-5)
    assert drawn[1] == pytest.approx([100 * float(x["deviation"] or 0) for x in own], abs=1e-5)
    assert len(drawn[2]) == 10  # three variants of three seeds, and one run


def test_text_that_is_markup_stays_text(page):
    assert page.execute_script("return window.hacked") is None
    assert page.find_element(By.CSS_SELECTOR, "h1").text.startswith("A study </script><script>")
    assert EVIL in page.find_element(By.CSS_SELECTOR, "#story h3").text
    assert "</script>" in page.find_element(By.CSS_SELECTOR, "#story .text").text
    assert not page.find_elements(By.CSS_SELECTOR, "main i, h1 img, #story img")
    page.execute_script("redrawAll(true)")
    assert page.execute_script("return document.querySelectorAll('.js-plotly-plot').length") > 15
    assert page.execute_script("return window.hacked") is None


def test_the_setting_switches_tables_charts_and_stories(page):
    seen = "return [...document.querySelectorAll('.scores')].filter((t) => t.offsetParent).length"
    assert page.execute_script(seen) == 1
    assert "storyline predicted" in page.find_element(By.ID, "story").text
    page.execute_script("document.querySelector('#setting input[value=given]').click()")
    wait(page, lambda d: "storyline given" in d.find_element(By.ID, "story").text)
    assert page.execute_script(seen) == 1
    assert page.execute_script("return state.setting") == "given"


def test_variants_metrics_and_settings_can_be_filtered(page):
    def hidden(selector):
        return page.execute_script(f"return [...document.querySelectorAll({selector!r})].every((e) => !e.offsetParent)")

    page.execute_script("document.querySelector('#variants input[value=\"1\"]').click()")
    assert hidden("td[data-v='1'], th[data-v='1'], li[data-v='1']")
    assert not hidden(".scores td[data-v='2']")
    page.execute_script("redrawAll(true)")
    assert len(page.execute_script("return barCharts.get('cider').data[0].x")) == 3
    page.find_element(By.ID, "metric-filter").send_keys("bleu")
    rows = page.execute_script(
        "return [...document.querySelectorAll('.scores tr[data-metric]')].filter((r) => r.offsetParent)"
        ".map((r) => r.dataset.metric)"
    )
    assert rows == ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]
    assert hidden(".config tr.equal")
    page.execute_script("$('#config-all').click()")  # the sticky head may lie over it
    page.find_element(By.ID, "config-filter").send_keys("base_model")
    assert page.execute_script("return [...$$('.config tbody tr')].filter((r) => r.offsetParent).length") == 1


def test_a_story_shows_what_every_run_wrote_for_it(page, compared):
    from selenium.webdriver.support.ui import Select

    Select(page.find_element(By.ID, "story-runs")).select_by_visible_text("all seeds")
    wait(page, lambda d: len(d.find_elements(By.CSS_SELECTOR, "#story .clip:first-of-type [data-run]")) == 10)
    file = compared / "sweep" / "no_memory-seed2" / "predictions.predicted.jsonl"
    wanted = [x["narration"] for x in map(json.loads, file.read_text().splitlines()) if x["video"] == "test-00000"]
    got = page.find_elements(By.CSS_SELECTOR, "#story [data-run='no_memory-seed2'] .text")
    assert [element.text for element in got] == wanted


def test_stories_are_found_by_their_text_and_stepped_through_by_keys(page, compared):
    def listed():
        return page.execute_script("return $$('#story-list button').map((b) => b.dataset.video)")

    assert len(listed()) == 25
    page.find_element(By.TAG_NAME, "body").send_keys("j")
    wait(page, lambda d: "test-00001" in d.find_element(By.ID, "story").text)
    page.find_element(By.ID, "story-search").send_keys("kettle 17")
    wait(page, lambda d: listed() == ["test-00017"])
    wait(page, lambda d: "test-00017" in d.find_element(By.ID, "story").text)
    assert page.find_elements(By.CSS_SELECTOR, "#story mark")
    page.execute_script(
        "$('#story-search').value = 'no such words'; $('#story-search').dispatchEvent(new Event('input'))"
    )
    wait(page, lambda d: d.find_element(By.ID, "story-count").text == "0 of 25 videos")


def test_dark_and_light_phone_and_paper(page):
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = page.execute_script(ground)
    page.find_element(By.ID, "theme").click()
    assert page.execute_script(ground) != before
    page.find_element(By.ID, "theme").click()
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.execute_script("redrawAll(true)")
        wait(page, lambda d: d.execute_script("return document.documentElement.scrollWidth") == 390)
        printed = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
        assert len(printed) > 10_000
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_charts_are_printed_at_the_width_of_paper(page):
    """They are drawn anew for it; drawn for the screen, paper would cut them off."""
    widths = (
        "return [...charts.keys()].filter((c) => c.offsetParent).map((c) => c.querySelector('.main-svg').clientWidth)"
    )
    page.execute_script("redrawAll(true)")
    screen = page.execute_script(widths)
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    paper = page.execute_script(widths)
    assert max(screen) > 900
    assert 400 < max(paper) < 700  # 180 mm are 680 pixels
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script(widths) == screen


def test_a_table_of_many_variants_is_printed_in_parts_that_fit(page):
    """Cloned from the first table with columns added; all of its cells are on paper, none twice."""
    page.execute_script(
        "const t = $('.scores'); for (const row of $$('tr', t)) for (let n = 0; n < 20 && row.cells.length > 1; n++)"
        " row.append(row.cells[1].cloneNode(true)); for (const [r, row] of $$('tr', t).entries())"
        " [...row.cells].forEach((c, i) => { c.dataset.cell = `${r} ${i}`; });"
    )
    texts = "return {0}.map((c) => c.dataset.cell)"
    whole = page.execute_script(texts.format("$$('.scores')[0].querySelectorAll('th, td').values().toArray()"))
    for _ in range(2):  # a browser may announce it twice
        page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert not page.execute_script("return $$('table.part.whole').length")
    parts = page.execute_script(texts.format("$$('table.part td, table.part th')"))
    assert set(parts) == set(whole)
    inner = [cell for cell in parts if not cell.endswith(" 0")]
    assert len(inner) == len(set(inner))
    widths = page.execute_script("return $$('table.part').map((t) => $('tr', t).cells.length)")
    assert len(widths) > 2
    assert max(widths) == 9
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not page.execute_script("return $$('table.part, table.whole').length")
