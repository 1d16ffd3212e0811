"""The studio in a real headless Chromium, against the real server: from an upload to a video that speaks."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import wave
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("gradio", reason="gradio is not installed")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Select = pytest.importorskip("selenium.webdriver.support.ui").Select
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver (apt-get install)")
needs_voice = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng (apt-get install)")
PATIENCE = 90  # seconds: the machine may be busy
EVIL = "<img src=x onerror='window.hacked = 1'>"

# Refuses every connection but those to this machine, and says so on stderr.
NO_NETWORK = """
import socket, sys
def guarded(name):
    inner = getattr(socket.socket, name)
    def call(self, address, *more):
        own = self.family == socket.AF_UNIX or str(address[0]) in ("127.0.0.1", "::1", "localhost")
        if not own:
            print("OUTGOING CONNECTION", address, file=sys.stderr, flush=True)
            raise OSError("no network in this test")
        return inner(self, address, *more)
    setattr(socket.socket, name, call)
for name in ("connect", "connect_ex"):
    guarded(name)
looked_up = socket.getaddrinfo
def look_up(host, *more, **named):
    if host not in (None, "", "127.0.0.1", "::1", "localhost", b"127.0.0.1"):
        print("OUTGOING CONNECTION", host, file=sys.stderr, flush=True)
        raise socket.gaierror("no network in this test")
    return looked_up(host, *more, **named)
socket.getaddrinfo = look_up
from vn.cli import program
program()
"""


class Server:
    """A studio in a process of its own, that can be ended and started again on its folder."""

    def __init__(self, words, environment, log):
        self.words, self.environment, self.log = words, environment, log
        self.start()

    def start(self):
        command = [sys.executable, "-c", NO_NETWORK, "studio", *map(str, self.words)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=self.environment)
        line = self.process.stdout.readline().decode()
        assert line.startswith("http://127.0.0.1:"), self.log.read_text()
        self.url = line.split()[0]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.process.stdout.close()
        return self.process.returncode

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path.lstrip("/"), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def served(tmp_path_factory, run, environment):
    """The studio's server, in a working folder with a file that nobody may have."""
    folder = tmp_path_factory.mktemp("served")
    voice = ["--voice", "espeak-ng"] if shutil.which("espeak-ng") else []
    words = ["--run", run, "--folder", folder / "studio", "--port", 0, "--device", "cpu", "--max-upload", 1, *voice]
    server = Server(words, environment, folder / "log.txt")
    server.folder = folder / "studio"
    yield server
    if server.process.poll() is None:
        server.stop()
    assert "OUTGOING CONNECTION" not in server.log.read_text()
    assert not (server.folder / ".uploads").exists()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1400"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def wait(driver, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, PATIENCE).until(condition)


def one(driver, selector):
    return wait(driver, lambda d: d.find_elements(By.CSS_SELECTOR, selector))[0]


def state(driver):
    return driver.execute_script("return document.querySelector('.vn-state')?.textContent ?? ''")


def narrations(driver):
    return driver.execute_script("return [...document.querySelectorAll('.vn-clip textarea')].map((t) => t.value)")


def open_tab(driver, name):
    tabs = [tab for tab in driver.find_elements(By.CSS_SELECTOR, "button[role=tab]") if tab.text == name]
    tabs[0].click()


@needs_browser
@needs_voice
def test_from_an_upload_to_a_video_that_speaks(served, browser, video):
    browser.get(served.url)
    one(browser, "#upload input[type=file]").send_keys(str(video))
    one(browser, "#new-title textarea, #new-title input").send_keys(f"A kettle {EVIL}")
    one(browser, "#new-knowledge textarea").send_keys(f"Material: steel, {EVIL}")
    wait(browser, lambda d: "kettle.mp4" in "".join(one(d, "#upload").text.split()))
    one(browser, "#create").click()
    wait(browser, lambda d: len(d.find_elements(By.CSS_SELECTOR, ".vn-clip")) == 3)
    assert browser.current_url.endswith("?story=kettle")
    loaded = "return [...document.querySelectorAll('.vn-see img')].every((i) => i.naturalWidth > 50)"
    wait(browser, lambda d: d.execute_script(loaded))

    one(browser, "#write").click()
    wait(browser, lambda d: "Everything is written" in state(d))
    first = narrations(browser)
    assert all(first)

    # A label changed and a narration edited: saved at once, and there after a reload and a restart.
    Select(browser.find_elements(By.CSS_SELECTOR, ".vn-label select")[1]).select_by_value("Product Trial")
    wait(browser, lambda d: "labels of clip 2" in state(d))
    own = browser.find_elements(By.CSS_SELECTOR, ".vn-clip textarea")[2]
    own.clear()
    own.send_keys("These are mine.")
    count = browser.execute_script("return document.querySelectorAll('.vn-count')[2].textContent")
    assert re.fullmatch(r"3 of \d+–\d+ words", count)
    wait(browser, lambda d: "narration of clip 3" in state(d))
    assert served.stop() in (0, 130)
    old = served.url
    served.words[served.words.index("--port") + 1] = old.rsplit(":", 1)[1].strip("/")
    served.start()
    browser.refresh()
    wait(browser, lambda d: narrations(d) == [*first[:2], "These are mine."])
    assert "Clips from 2 on will be written again" in state(browser)
    assert Select(browser.find_elements(By.CSS_SELECTOR, ".vn-label select")[1]).first_selected_option.text.startswith(
        "Product Trial"
    )

    # The rest is written again, and what is the user's is kept.
    one(browser, "#write").click()
    wait(browser, lambda d: "Everything is written" in state(d))
    assert narrations(browser)[0] == first[0]
    assert narrations(browser)[2] == "These are mine."
    written = json.loads((served.folder / "kettle" / "story.json").read_text())
    assert [clip.get("fixed") for clip in written["clips"]] == [None, ["labels"], ["narration"]]

    # The voice of a clip: as long as the player says, and not silent.
    browser.find_elements(By.CSS_SELECTOR, "[data-do=speak]")[2].click()
    wait(browser, lambda d: d.execute_script("return document.querySelector('#sound audio')?.duration > 0"))
    seconds = browser.execute_script("return document.querySelector('#sound audio').duration")
    uri = browser.execute_script("return document.querySelector('#sound audio').src")
    with wave.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        assert sound.getnframes() / sound.getframerate() == pytest.approx(seconds, abs=0.01)
    assert 0.3 < seconds <= 2
    assert np.sqrt(np.mean(samples.astype(float) ** 2)) > 300

    open_tab(browser, "Video")
    one(browser, "#render").click()
    wait(browser, lambda d: d.execute_script("return document.querySelector('.vn-film video')?.duration > 0"))
    status, film = served.get("/stories/kettle/story.mp4")
    assert status == 200
    with av.open(io.BytesIO(film)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio", "subtitle"}
        assert container.duration / av.time_base == pytest.approx(6, abs=0.2)
        sound = np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])
    assert np.sqrt(np.mean(sound**2)) > 0.005
    status, archive = served.get("/stories/kettle/all.zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.read("kettle/story.mp4") == film
        assert {"kettle/story.json", "kettle/story.html", "kettle/story.vtt", "kettle/video.mp4"} <= set(
            opened.namelist()
        )

    # Text stayed text, and nothing was asked of another server.
    assert browser.execute_script("return window.hacked") is None
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 20
    assert [url for url in urls if not url.startswith((served.url, "data:", "blob:", "chrome:"))] == []
    assert "Content Security Policy" not in str(browser.get_log("browser"))
    browser.get(f"{served.url}stories/kettle/story.html")
    wait(browser, lambda d: d.execute_script("return document.querySelector('video')?.readyState") >= 1)
    assert browser.execute_script("return window.hacked") is None
    assert "Content Security Policy" not in str(browser.get_log("browser"))


@needs_browser
def test_borders_are_moved_with_the_keyboard_and_shots_merged(served, browser, video, card):
    from vn.studio.workspace import Workspace, write_form

    facts = write_form(served.folder.parent / "product.yaml", "Another kettle", "Material: tin", card)
    story = Workspace(served.folder).create("moved", video, facts, card, move=False)
    data = story.folder / "product.yaml"
    data.write_text(data.read_text() + "clips:\n- {start: 0, end: 2}\n- {start: 2, end: 4}\n- {start: 4, end: 6}\n")
    browser.get(f"{served.url}?story=moved")
    border = one(browser, ".vn-border[data-clip='1']")
    border.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    wait(browser, lambda d: story.sheet().clips[1]["end"] == pytest.approx(3.7))
    wait(browser, lambda d: "not written yet" in state(d))
    browser.find_elements(By.CSS_SELECTOR, "[data-do=merge]")[0].click()
    wait(browser, lambda d: len(d.find_elements(By.CSS_SELECTOR, ".vn-clip")) == 2)
    assert [(e["start"], e["end"]) for e in story.sheet().clips] == [(0, 3.7), (3.7, 6)]
    field = one(browser, ".vn-end")
    field.clear()
    field.send_keys("9", Keys.TAB)
    wait(browser, lambda d: "expected 0.2 to 5.8 s, got 9 s" in one(d, ".vn-problem").text)
    assert [(e["start"], e["end"]) for e in story.sheet().clips] == [(0, 3.7), (3.7, 6)]


def test_files_of_this_machine_are_not_served(served, run):
    secret = served.folder.parent / "secret.txt"
    secret.write_text("secret")
    here = Path.cwd() / "setup.cfg"
    for file in (secret, run / "adapter" / "narrator.json", here, Path("/etc/passwd"), Path.home(), served.log):
        for way in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/stories/", "/static/", "/assets/"):
            status, body = served.get(f"{way}{file}")
            assert status in (403, 404), (way, file, body[:100])
    for path in ("/stories/..%2F..%2Fsecret.txt/watch", "/stories/.uploads/all.zip", "/stories/x/%2e%2e/secret.txt"):
        assert served.get(path)[0] in (403, 404)


def test_other_names_and_other_sites_are_refused_and_uploads_are_limited(served):
    assert served.get("/", Host="evil.example")[0] == 421
    assert served.get("/", Origin="https://evil.example")[0] == 403
    for size, expected in ((1000, 200), (1_500_000, 413)):
        body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n' + b"x" * size
        request = urllib.request.Request(
            f"{served.url}gradio_api/upload",
            data=body + b"\r\n--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        assert status == expected


def test_with_users_everything_needs_a_password(tmp_path, run, environment):
    users = tmp_path / "users.txt"
    users.write_text("ann:se:cret\n")
    users.chmod(0o600)
    words = ["--run", run, "--folder", tmp_path / "studio", "--port", 0, "--device", "cpu", "--auth", users]
    server = Server(words, environment, tmp_path / "log.txt")
    try:
        right = "Basic " + base64.b64encode(b"ann:se:cret").decode()
        for path in ("/", "/config", "/gradio_api/info", "/stories/x/watch", "/theme.css", "/assets/x"):
            assert server.get(path)[0] == 401
            assert server.get(path, Authorization="Basic YW5uOnNl")[0] == 401
        assert server.get("/", Authorization=right)[0] == 200
    finally:
        server.stop()
    assert "cret" not in server.log.read_text()
