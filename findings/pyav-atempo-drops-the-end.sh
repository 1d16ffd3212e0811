#!/usr/bin/env bash
# 2026-11-28. av==18.1.0 (PyAV; FFmpeg's filter atempo): sound loses its end, and a short sound all of it.
#
# Expected: N / tempo samples, as `atempo` changes nothing but the tempo; all of them once the graph is told that no more comes.
# What comes out: at 22,050 Hz and tempo 1, three seconds of beeps are 512 samples (23 ms) short, and 500 samples give none at all.
# At tempo 1.12 the last 427 are missing. Some sounds come whole, such as a steady tone of two seconds.
# Why it matters: the end of the last word is cut off, for each narration that is sped up.
# With silence after the sound, all of it comes out; what is too much is then cut off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'av==18.1.0' 'numpy==2.4.6'
"$folder/env/bin/python" - <<'PY'
from fractions import Fraction

import av
import numpy as np

RATE = 22050


def atempo(samples, tempo):
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE))
    step, sink = graph.add("atempo", str(tempo)), graph.add("abuffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    graph.push(frame)
    graph.push(None)
    parts = [np.zeros(0, np.float32)]
    while True:
        try:
            parts.append(graph.pull().to_ndarray().reshape(-1))
        except (av.error.BlockingIOError, av.error.EOFError):
            return np.concatenate(parts)


print("av", av.__version__, "libavfilter", ".".join(map(str, av.library_versions["libavfilter"])))
short = {}
for count in (500, 66_167):
    time = np.arange(count) / RATE
    sound = (0.5 * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 3 * time) > 0)).astype(np.float32)
    for tempo in (1.0, 1.12):
        out = atempo(sound, tempo)
        padded = atempo(np.concatenate([sound, np.zeros(RATE // 4, np.float32)]), tempo)
        short[count, tempo] = round(count / tempo) - len(out)
        print(f"{count} samples at tempo {tempo}: {len(out)} of {round(count / tempo)}; with silence after them {len(padded)}")
        assert len(padded) >= round(count / tempo)
assert short[500, 1.0] == 500, "atempo has changed: it gives something for 500 samples"
assert short[66_167, 1.0] == 512, "atempo has changed: it gives the end"
assert short[66_167, 1.12] > 200
PY
