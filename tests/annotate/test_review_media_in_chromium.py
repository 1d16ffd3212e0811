"""Videos of a review page that a server sends, in a real headless Chromium."""

import pytest
from chromium import By, Keys, chromium, needs_chromium, wait
from range_server import RangeServer
from review_browser import opened, press
from reviewed_stories import write_stories

from vn.cli import main

pytestmark = needs_chromium


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_sends_no_parts_of_files_is_named(tmp_path, ranges):
    stories = write_stories(tmp_path)
    with RangeServer(tmp_path / "videos", ranges) as server, chromium() as browser:
        assert main(["review", "page", str(stories), "--media-url", server.url]) == 0
        opened(browser, stories)
        press(browser, Keys.ARROW_DOWN)
        wait(browser, lambda d: not d.execute_script("return video.seeking"))
        assert browser.execute_script("return video.currentTime >= clipAt().start") == ranges
        assert browser.find_element(By.ID, "stuck").is_displayed() != ranges
