"""Chromium without a window, for tests of pages, which skip without it."""

import shutil
from contextlib import contextmanager

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
ActionChains = webdriver.ActionChains
By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
needs_chromium = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver (apt-get install)")
PATIENCE = 30  # seconds: the machine may be busy

# How many text elements there are, and those with less contrast than WCAG 2 asks for: [ratio, text].
TOO_FAINT = """
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => {
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = parse(colour).map((c) => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if ((parse(colour)[3] ?? 1) === 1) return colour;
  }
};
const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
const clipped = (node) => getComputedStyle(node).clipPath !== "none";
const seen = (node) => node.checkVisibility() && !node.closest(":disabled") && !clipped(node);
const texts = [...document.querySelectorAll("body *")].filter((node) => hasText(node) && seen(node));
return [texts.length, texts.map((node) => {
  const [one, other] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
  return [(one + 0.05) / (other + 0.05), node.textContent.trim().slice(0, 30)];
}).filter(([ratio]) => ratio < 4.5)];
"""


@contextmanager
def chromium(size="1280,900", downloads=None):
    """A browser that keeps what its console shows; `downloads` is the folder for what pages save."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        if downloads is not None:
            allowed = {"behavior": "allow", "downloadPath": str(downloads)}
            driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
        yield driver
    finally:
        driver.quit()


def wait(driver, condition):
    """What `condition` gives as soon as it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, PATIENCE).until(condition)
