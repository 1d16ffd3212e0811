"""Words of WAV files (16 kHz, one channel) as faster-whisper recognises them; run by a Python that has it.

    python recognise.py FOLDER_OF_THE_MODEL LANGUAGE FILE...

Prints one JSON line per file: a list of [start, end, word].
"""

import json
import sys
import wave

import numpy as np
from faster_whisper import WhisperModel

folder, language, *files = sys.argv[1:]
model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)
if language == "zh":
    from opencc import OpenCC

    simplified = OpenCC("t2s").convert
else:
    simplified = str
for file in files:
    with wave.open(file) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768
    segments, _ = model.transcribe(samples, language=language, word_timestamps=True, vad_filter=True, beam_size=5)
    words = [[w.start, w.end, simplified(w.word)] for segment in segments for w in segment.words or ()]
    print(json.dumps(words, ensure_ascii=False), flush=True)
