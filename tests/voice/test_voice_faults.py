"""What a program may return instead of speech: each fault is one sentence, and nothing of it is played."""

import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from programs import command, program, script

from vn.errors import InputError
from vn.voice.checked import Checked, check_speech, is_speakable, spectral_flatness
from vn.voice.names import open_voice
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import write_wav
from vn.voice.worker import Worker

WRITE = "open(sys.argv[2], 'wb').write({})\n"
FAULTS = {
    "nothing": ("pass", "wrote no WAV file"),
    "an empty file": (WRITE.format("b''"), "is empty, not a WAV file"),
    "no sound": (WRITE.format("wav([])"), "returned no sound"),
    "text": (WRITE.format("b'Usage: say FILE'"), "is not a WAV file"),
    "a cut file": (WRITE.format("tone(1)[:20000]"), "is cut short: it has 9978 of 16000 samples"),
    "silence": (WRITE.format("wav([1, -1] * 8000)"), "1.0 s of silence"),
    "noise": (
        "import random; random.seed(0)\n" + WRITE.format("wav([random.randint(-9000, 9000) for _ in range(16000)])"),
        r"noise \(spectral flatness 0\.5",
    ),
    "clipped": (WRITE.format("wav([32767, -32768] * 8000)"), "100% of its sound is clipped"),
    "numbers that are none": (
        WRITE.format(
            "tone(1)[:20] + struct.pack('<HHIIHH', 3, 1, 16000, 64000, 4, 32) + b'data' "
            "+ struct.pack('<I', 64000) + struct.pack('<f', math.nan) * 16000"
        ).replace("[:20] + ", "[:16] + struct.pack('<I', 16) + "),
        "values that are not numbers",
    ),
    "too much": (WRITE.format("wav(samples(1) * 60)"), r"spoke for 60 s; 11 characters may take 32 s"),
    "an error": ("sys.exit('no such model')", r"failed \(exit code 1\): no such model"),
    "killed": (WRITE.format("tone(1)") + "os.kill(os.getpid(), signal.SIGKILL)", "failed .killed by signal 9"),
    "another rate of nonsense": (WRITE.format("tone(1, 100)"), "has 100 samples per second"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(tmp_path, fault):
    body, message = FAULTS[fault]
    voice = open_voice(command(tmp_path, body))
    with pytest.raises(InputError, match=message) as raised:
        voice.speak("Hello there", "en")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_any_usual_rate_is_no_fault(tmp_path, rate):
    speech = open_voice(command(tmp_path, WRITE.format(f"tone(1, {rate})"))).speak("Hello there", "en")
    assert (speech.rate, speech.seconds) == (rate, pytest.approx(1, abs=1e-3))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_never_ends_is_ended_with_what_it_started(tmp_path):
    body = (
        "import subprocess\n"
        f"child = subprocess.Popen(['sleep', '600'])\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    voice = open_voice(command(tmp_path, body), settings=VoiceSettings(timeout=3))
    with pytest.raises(InputError, match="was ended: it took longer than 3 s"):
        voice.speak("Hello", "en")
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not alive(child):
            break
        time.sleep(0.05)
    assert not alive(child)


@pytest.mark.parametrize("where", ["open(sys.argv[2], 'wb')", "sys.stdout.buffer"])
def test_output_without_an_end_is_bounded(tmp_path, monkeypatch, where):
    monkeypatch.setattr("vn.voice.programs.LARGEST", 1 << 20)
    body = f"out = {where}\nwhile True:\n    out.write(bytes(1 << 16)); out.flush(); time.sleep(0.001)"
    with pytest.raises(InputError, match="was ended: it wrote more than 1 MB"):
        open_voice(command(tmp_path, body)).speak("Hello", "en")


def test_a_program_gets_what_the_template_names_and_no_shell(tmp_path):
    """A text, a path and a speed arrive as they are, whatever a shell would make of them."""
    log = tmp_path / "log"
    body = (
        f"open({str(log)!r}, 'w').write(json.dumps(sys.argv[1:] + [open(sys.argv[1]).read(), sys.stdin.read()]))\n"
        + WRITE.format("tone(1)")
    )
    name = command(tmp_path, body, "{text_file} {out} '{language} $HOME; touch x' --speed={speed}")
    text = '$(touch /tmp/x) `id` "quoted" --version {out} 价格'
    open_voice(name).speak(text, "zh", 1.25)
    words = json.loads(log.read_text())
    assert words[2:] == ["zh $HOME; touch x", "--speed=1.250", text, text]


def test_a_text_is_one_line_and_has_something_to_speak(tmp_path):
    log = tmp_path / "log"
    body = f"open({str(log)!r}, 'w').write(sys.stdin.read())\n" + WRITE.format("tone(1)")
    voice = open_voice(command(tmp_path, body))
    voice.speak(" Cold\n tea\x1b[31m\u2028again?\0 ", "en")
    assert log.read_text() == "Cold tea [31m again?"
    for text in ("", "  \n", "……！", "—", "🙂"):
        with pytest.raises(InputError, match="no letter and no digit"):
            voice.speak(text, "zh")
    assert [is_speakable(text) for text in ("199", "USB", "价", "。")] == [True, True, True, False]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", r"expected \{out\}"),
        ("say {text_file}", r"expected \{out\}"),
        ("say {out} {voice}", r"unknown name \{voice\}"),
        ("say {out} {0.__class__}", "unknown name"),
        ("say {out} {speed:>99999}", "only the name is allowed"),
        ("say {out", "bad braces"),
        ("say '{out}", "cannot be split into arguments"),
    ],
)
def test_a_template_is_checked_before_anything_runs(template, message):
    with pytest.raises(InputError, match=message):
        open_voice(f"command:{template}")


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"cannot be started: .*/nothing: No such file"):
        open_voice(f"command:{tmp_path}/nothing {{out}}").speak("Hello", "en")


def test_another_script_is_another_voice(tmp_path):
    first = open_voice(command(tmp_path, WRITE.format("tone(1)"))).fingerprint
    assert open_voice(command(tmp_path, WRITE.format("tone(1)"))).fingerprint == first
    assert open_voice(command(tmp_path, WRITE.format("tone(2)"))).fingerprint != first


def test_another_program_of_the_same_name_is_another_voice(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    found = set()
    for seconds in (1, 2):
        program(tmp_path, WRITE.format(f"tone({seconds})"), "say-aloud")
        found.add(open_voice("command:say-aloud {text_file} {out}").fingerprint)
    assert len(found) == 2


def test_an_argument_may_be_longer_than_the_name_of_a_file(tmp_path):
    words = f"-c 'import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3]) #{'x' * 5000}'"
    write_wav(tmp_path / "a.wav", Speech(np.sin(np.arange(16000) / 10).astype(np.float32), 16000))
    voice = open_voice(f"command:{sys.executable} {words} {tmp_path}/a.wav to {{out}}")
    assert voice.speak("Hello", "en").seconds == 1


def test_flatness_tells_noise_from_tones():
    rng = np.random.default_rng(0)
    assert spectral_flatness(rng.normal(size=48000)) == pytest.approx(np.exp(-np.euler_gamma), abs=0.03)
    assert spectral_flatness(np.sin(np.arange(48000) / 10)) < 0.01
    assert spectral_flatness(np.zeros(10)) == 0
    check_speech(Speech(np.sin(np.arange(16000) / 10).astype(np.float32), 16000), "Hello")


def test_a_speed_is_kept_within_what_the_voice_has(tmp_path):
    asked = []

    class Slow:
        name, fingerprint, speeds = "slow", "slow", (0.8, 1.2)

        def speak(self, text, language, speed=1.0):
            asked.append(speed)
            return Speech(np.sin(np.arange(16000) / 10).astype(np.float32), 16000)

    for speed in (0.1, 1.0, 9.0):
        Checked(Slow()).speak("Hello", "en", speed)
    assert asked == [0.8, 1.0, 1.2]


def test_a_program_that_is_kept_running_ends_with_what_it_started(tmp_path):
    body = f"""
import subprocess
child = subprocess.Popen(["sleep", "600"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
for line in sys.stdin:
    print("ok", flush=True)
"""
    worker = Worker([sys.executable, str(script(tmp_path, body))], "w", re.compile("ok"), tmp_path)
    worker.ask("hello", 60)
    worker.close()
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not alive(child):
            break
        time.sleep(0.05)
    assert not alive(child)


def test_the_processes_of_voices_end_with_a_killed_parent(tmp_path):
    """A voice that is kept running sees the end of its input when the process that started it is killed."""
    body = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    body += "for line in sys.stdin:\n    print('ok', flush=True)"
    worker = script(tmp_path, body, "worker.py")
    code = (
        "import re, sys, os, signal; from pathlib import Path; from vn.voice.worker import Worker\n"
        f"w = Worker([sys.executable, {str(worker)!r}], 'w', re.compile('ok'), Path({str(tmp_path)!r}))\n"
        "w.ask('hello', 60); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=120)
    assert done.returncode == -9
    child = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not alive(child):
            break
        time.sleep(0.05)
    assert not alive(child)
