"""Programs that a test writes: voices that speak a tone, and that fail in every way."""

import sys
import textwrap

# What each script may use: `tone(seconds)` gives the bytes of a WAV file.
TONE = """
import io, json, math, os, signal, struct, sys, time, wave

def samples(seconds, rate=16000, level=0.5):
    return [int(level * 32767 * math.sin(2 * math.pi * 220 * n / rate)) for n in range(round(seconds * rate))]

def wav(values, rate=16000):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(values)}h", *values))
    return out.getvalue()

def tone(seconds, rate=16000):
    return wav(samples(seconds, rate), rate)
"""


def script(folder, body, name="say.py"):
    """A Python script; gives its path."""
    path = folder / name
    path.write_text(TONE + textwrap.dedent(body), encoding="utf-8")
    return path


def command(folder, body, arguments="{text_file} {out}", name="say.py"):
    """The name of a voice that runs a script."""
    return f"command:{sys.executable} {script(folder, body, name)} {arguments}"


def program(folder, body, name):
    """A script that can be called by its name, in an environment's bin folder; gives its path."""
    (folder / "bin").mkdir(exist_ok=True)
    path = script(folder / "bin", body, name)
    path.write_text(f"#!{sys.executable}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    path.chmod(0o755)
    return path
