#!/usr/bin/env bash
# 2026-11-28. Chromium 150.0.7871.100 (Debian 12), driven by selenium==4.51.0: after a seek to a time at which one subtitle ends
# and the next one begins, a paused player shows both.
#
# Expected: the second only. HTML, "time marches on": a cue is current if its start time is not after the current position and
# its end time is after it.
# Why it matters: whoever jumps to a clip of a video sees two narrations at once, the earlier one below, until it plays.
# Tried: an audio element with silence and two cues, 0 to 5 s and 5 to 10 s. At 4 s and 6 s one cue is active, as expected.
# A cue that ends a millisecond earlier is not shown.
# Needs chromium and chromedriver on the path (apt-get install chromium chromium-driver); nothing is fetched but selenium.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'selenium==4.51.0'
cd "$folder"
cat > page.html <<'HTML'
<!doctype html>
<audio id="player"></audio>
<script>
const samples = 8000 * 12, wav = new DataView(new ArrayBuffer(44 + samples));
const put = (at, text) => [...text].forEach((c, i) => wav.setUint8(at + i, c.charCodeAt(0)));
put(0, "RIFF"); wav.setUint32(4, 36 + samples, true); put(8, "WAVEfmt "); wav.setUint32(16, 16, true);
wav.setUint16(20, 1, true); wav.setUint16(22, 1, true); wav.setUint32(24, 8000, true); wav.setUint32(28, 8000, true);
wav.setUint16(32, 1, true); wav.setUint16(34, 8, true); put(36, "data"); wav.setUint32(40, samples, true);
for (let i = 44; i < 44 + samples; i++) wav.setUint8(i, 128);
player.src = URL.createObjectURL(new Blob([wav.buffer], { type: "audio/wav" }));
const track = player.addTextTrack("subtitles");
track.mode = "showing";
const cues = (end) => {
  [...(track.cues ?? [])].forEach((cue) => track.removeCue(cue));
  track.addCue(new VTTCue(0, end, "first"));
  track.addCue(new VTTCue(5, 10, "second"));
};
const seek = (time, done) => {
  player.onseeked = () => setTimeout(() => done([...track.activeCues].map((cue) => cue.text)), 1000);
  player.currentTime = time;
};
</script>
HTML
"$folder/env/bin/python" - <<'PY'
import shutil
from pathlib import Path

from selenium import webdriver

options = webdriver.ChromeOptions()
options.binary_location = shutil.which("chromium")
for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
    options.add_argument(argument)
driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
try:
    print("Chromium", driver.capabilities["browserVersion"])
    driver.get(Path("page.html").resolve().as_uri())
    seen = {}
    for end in (5, 4.999):
        driver.execute_script("cues(arguments[0])", end)
        for time in (4, 5, 6):
            seen[end, time] = driver.execute_async_script("seek(arguments[0], arguments[1])", time)
            print(f"first cue 0 to {end} s, second 5 to 10 s; paused at {time} s, active: {', '.join(seen[end, time])}")
finally:
    driver.quit()
for end in (5, 4.999):
    assert seen[end, 4] == ["first"]
    assert seen[end, 6] == ["second"]
assert seen[4.999, 5] == ["second"]
assert seen[5, 5] == ["first", "second"], "Chromium has changed: a cue is not active at its end"
PY
