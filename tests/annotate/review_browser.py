"""A review page in a browser: opened, its keys pressed, its clips read."""

from pathlib import Path

from chromium import ActionChains, wait


def opened(browser, stories: Path):
    browser.get((stories / "review" / "batch-001.html").as_uri())
    ready(browser)


def ready(browser):
    wait(browser, lambda d: d.execute_script("return document.body.dataset.ready"))
    wait(browser, lambda d: d.execute_script("return video.readyState >= 2 && !video.seeking"))


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def chord(driver, held, key):
    ActionChains(driver).key_down(held).send_keys(key).key_up(held).perform()


def clips(driver, video=0):
    return driver.execute_script("return clipsOf(arguments[0])", video)


def at(driver):
    return driver.execute_script("return state.at")


def seek(driver, seconds):
    driver.execute_async_script(
        "const done = arguments[1]; video.addEventListener('seeked', () => setTimeout(done, 50), { once: true });"
        "seekTo(arguments[0])",
        seconds,
    )
