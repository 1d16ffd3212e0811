"""Videos whose sound is their stories, spoken by a voice: what the closed loop (`closed_loop`) annotates.

Frames are copied, narrations are fitted into their clips as ``vn render`` does it (by tempo alone: a process per speed
would be slow), and there is no other sound.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vn.io.atomic import write_text
from vn.io.hashes import hash_file
from vn.render.make import shape_of
from vn.render.mix import Levels, Mix, Placed
from vn.render.mux import Film, write_film
from vn.render.original import RATE
from vn.story import Story
from vn.story_reader import parse_story
from vn.voice.fit import Line, fit_each
from vn.voice.kept import KeptVoice
from vn.voice.names import open_voice
from vn.voice.suits import check_suits
from vn.voice.wav import write_wav


def read_truth(world: Path, video: str) -> Story:
    """The story of a video of the demo, by its id."""
    file = world / video.split("-")[0] / f"{video}.json"
    return parse_story(json.loads(file.read_text(encoding="utf-8")), file=file)


def speak(world: Path, videos: Sequence[str], voice: str, work: Path) -> None:
    """Write ``videos/ID.mp4``, which speaks, and ``spoken/ID.json``, how its clips were spoken; what is there is kept.

    Args:
        world: the demo's ``world``.
        videos: ids.
        voice: name of the voice.
        work: folder of the closed loop.
    """
    (work / "videos").mkdir(parents=True, exist_ok=True)
    (work / "spoken").mkdir(exist_ok=True)
    missing = [video for video in videos if not (work / "spoken" / f"{video}.json").is_file()]
    if not missing:
        return
    opened = KeptVoice(open_voice(voice))
    language = read_truth(world, missing[0]).language
    check_suits(opened, language)
    for n, video in enumerate(missing, 1):
        story, file = read_truth(world, video), world / "videos" / f"{video}.mp4"
        lines = [
            Line(i, story.clips[i].start, story.clips[i].end, story.clips[i].narration or "") for i in story.narrated
        ]
        clips: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory() as folder:
            placed = []
            for spoken in fit_each(lines, opened, language, None):
                placed.append(Placed(Path(folder) / f"{spoken.clip}.wav", spoken.start, spoken.speech.seconds))
                write_wav(placed[-1].file, spoken.speech)
                times = {"start": round(spoken.start, 3), "end": round(spoken.end, 3)}
                clips.append({"clip": spoken.clip, **times, "speed": spoken.speed, "over": round(spoken.over, 3)})
            out = work / "videos" / f"{video}.mp4"
            sound = Mix(None, placed, Levels(1.0, 0.0, 0.0), round(shape_of(file).length * RATE))
            encoded = write_film(Film(file, story.title, language, None, sound.blocks, True), out)
        assert encoded is None, encoded  # the frames were copied
        done = {"voice": opened.fingerprint, "sha256": hash_file(out), "clips": clips}
        write_text(work / "spoken" / f"{video}.json", json.dumps(done) + "\n")
        if n % 20 == 0 or n == len(missing):
            print(f"{n}/{len(missing)} videos spoken by {opened.name}", flush=True)
