"""Small rendered stories: a video whose colour is that of the clip, its voice as WAV files, story.json, render.json."""

from __future__ import annotations

import json
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from vn.story import Clip, Knowledge, ScriptLabel, Story, count_words
from vn.story_file.record import record
from vn.subtitles.cues import cues, vtt

SPANS = ((0.0, 2.0), (2.0, 6.0), (6.0, 9.48))
COLOURS = ((200, 40, 40), (40, 160, 60), (50, 70, 200))
SIZE = (160, 90)  # width and height
LABELS = ((ScriptLabel.SORE_POINT,), (ScriptLabel.EFFECT, ScriptLabel.TRIAL), (ScriptLabel.CALL_TO_ACTION,))
NARRATIONS = {
    "en": ("Cold tea again?", "It boils in a minute, while you find a cup.", "Order yours today."),
    "zh": ("茶又凉了？", "一分钟就烧开，杯子还没找到呢。", "今天就下单。"),
}
POINTS = {"en": ("Speed", ("boils in a minute", "one button")), "zh": ("速度", ("一分钟烧开", "一键启动"))}


def write_film(
    file: Path, rate: Fraction = Fraction(25), late: float = 0.0, sound: bool = True, spans=SPANS, gop: int = 12
) -> Path:
    """A video that shows each clip's colour, with a tone; the frames may start later than the tone."""
    import av

    frames = round(spans[-1][1] * rate)
    with av.open(str(file), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt, video.gop_size = *SIZE, "yuv420p", gop
        audio = container.add_stream("aac", rate=16000) if sound else None
        video.time_base = 1 / rate
        for n in range(round(late * rate), frames):
            clip = next((i for i, (start, end) in enumerate(spans) if start <= n / rate < end), len(spans) - 1)
            picture = np.broadcast_to(np.array(COLOURS[clip], np.uint8), (SIZE[1], SIZE[0], 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = n, 1 / rate
            container.mux(video.encode(frame))
        if audio is not None:
            tone = 0.1 * np.sin(np.arange(round(16000 * spans[-1][1])) / 16000 * 2 * np.pi * 330)
            for at in range(0, len(tone), 1024):
                block = av.AudioFrame.from_ndarray(tone[None, at : at + 1024].astype(np.float32), "fltp", "mono")
                block.sample_rate, block.pts = 16000, at
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
        container.mux(video.encode(None))
    return file


def write_story(folder: Path, language="en", evil: str = "", video: Path | None = None) -> Story:
    """``story.json`` and ``story.vtt`` as ``vn narrate`` writes them; `evil` is added to every text."""
    folder.mkdir(parents=True, exist_ok=True)
    aspect, points = POINTS[language]
    clips = tuple(
        Clip(*span, labels, f"{text}{evil}")
        for span, labels, text in zip(SPANS, LABELS, NARRATIONS[language], strict=True)
    )
    known = (Knowledge(f"{aspect}{evil}", tuple(f"{point}{evil}" for point in points)),)
    story = Story("kettle", f"Aurora{evil}", language, "ad", known, clips, str(video) if video else None)
    data = story.to_dict()
    for i, entry in enumerate(data["clips"]):
        words = count_words(entry["narration"], language)
        entry |= {"word_range": [max(1, words - 2), words + 2], "words": words, "knowledge_used": []}
        entry["label_odds"] = {LABELS[i][0].text(language): 0.9, ScriptLabel.OTHERS.text(language): 0.06}
    data["clips"][1]["knowledge_used"] = [{"aspect": known[0].aspect, "point": known[0].points[0]}]
    data["clips"][1]["fixed"] = ["labels", "narration"]
    data["clips"][2]["word_range"] = [10, 14]
    data["knowledge_dropped"] = [{"aspect": known[0].aspect, "point": known[0].points[1]}]
    data["warnings"] = [f"kettle: clips[2].narration: is short{evil}", f"a general warning{evil}"]
    data["record"] = record(story, {}, folder)
    (folder / "story.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    lines = cues([(c.start, c.end, c.narration) for c in story.clips], language)
    (folder / "story.vtt").write_text(vtt(lines), encoding="utf-8")
    return story


def write_rendered(
    folder: Path, language="en", evil: str = "", rate: Fraction = Fraction(25), late: float = 0.0, **film
) -> Story:
    """A folder as after ``vn render``: the second clip's voice ends 0.4 s late."""
    folder.mkdir(parents=True, exist_ok=True)
    original = write_film(folder / "original.mp4", rate, late, **film)
    story = write_story(folder, language, evil, original)
    (folder / "story.mp4").write_bytes(original.read_bytes())
    (folder / "voice").mkdir(exist_ok=True)
    spoken = []
    for i, clip in enumerate(story.clips):
        start = clip.start + 0.06
        end = clip.end + 0.4 if i == 1 else clip.end - 0.25
        with wave.open(str(folder / "voice" / f"{i:03}.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(bytes(2 * round(16000 * (end - start))))
        words = count_words(clip.narration, language)
        entry = {"clip": i, "start": clip.start, "end": clip.end, "voice_start": start, "voice_end": end}
        entry |= {"words": words, "speed": 1.0 + 0.04 * i, "over": 0.4 if i == 1 else 0.0}
        spoken.append({**entry, "file": f"voice/{i:03}.wav", "text": clip.narration})
    report = {
        "format": 1,
        "video": "story.mp4",
        "language": language,
        "duration": SPANS[-1][1],
        "width": SIZE[0],
        "height": SIZE[1],
        "fps": [rate.numerator, rate.denominator],
        "start": late,
        "voice": {"name": f"piper:joe{evil}", "fingerprint": "1"},
        "sound": {"original_volume": 0.5, "loudness": {"integrated": -16.04, "true_peak": -1.5}},
        "streams": {"video": "copied"},
        "clips": spoken,
        "warnings": [f"clips[1].narration: the voice ends 0.4 s after the clip{evil}"],
        "made_from": {},
    }
    (folder / "render.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    return story


def change(file: Path, **values) -> None:
    """Set fields of a JSON file."""
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(data | values, ensure_ascii=False), encoding="utf-8")
