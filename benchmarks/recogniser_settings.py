"""How Whisper should search: errors and processor time by setting, on spoken videos whose narrations are known.

    python benchmarks/recogniser_settings.py MODEL --truth STORIES --videos SPOKEN --language en [--videos-at-most 10]

MODEL is a folder with a Whisper model, STORIES has a Story with narrations per video, SPOKEN the videos. Errors are the
edit distance over all words (Chinese: characters), without case and punctuation. The clips are those of the stories.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from dataclasses import replace
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from vn.annotate.speech.stage import SpeechSettings, SpeechStage
from vn.annotate.speech.whisper import FasterWhisper, WhisperSettings
from vn.annotate.stage import RawVideo
from vn.errors import Findings
from vn.story import Story
from vn.story_reader import parse_story

USUAL = WhisperSettings(threads=1)
SETTINGS = {
    "beam 5": (USUAL, False),
    "beam 2": (replace(USUAL, beam=2), False),
    "beam 1": (replace(USUAL, beam=1), False),
    "beam 5, previous text": (replace(USUAL, previous=True), False),
    "beam 5, hotwords": (USUAL, True),
}


def units(text: str, language: str) -> list[str]:
    """What is compared."""
    return [c for c in text if c.isalnum()] if language == "zh" else re.findall(r"[a-z0-9']+", text.lower())


def measure(stage: SpeechStage, stories: list[Story], videos: Path, language: str) -> str:
    """A row of the table."""
    errors = wanted = right = clips = across = 0
    began, seconds = time.process_time(), 0.0
    for story in stories:
        file = next(videos.glob(f"{story.id}.*"))
        product = replace(story, clips=())
        shots = {"shots": {"clips": [[clip.start, clip.end] for clip in story.clips]}}
        made = stage.make(RawVideo(story.id, file, "", language, product), shots, Findings())
        across += int(made.counts.get("words across a cut", 0))
        seconds += story.end
        for clip, text in zip(story.clips, made.result["texts"], strict=True):
            truth = units(clip.narration or "", language)
            distance = Levenshtein.distance(truth, units(text, language))
            errors, wanted, right, clips = errors + distance, wanted + len(truth), right + (distance == 0), clips + 1
    cost = (time.process_time() - began) / seconds
    return f"{100 * errors / wanted:.1f} % | {right} of {clips} | {across} | {cost:.3f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--language", choices=("en", "zh"), required=True)
    parser.add_argument("--videos-at-most", type=int, default=10)
    parser.add_argument("--only", choices=SETTINGS, nargs="+", default=list(SETTINGS))
    args = parser.parse_args()
    files = sorted(args.truth.glob("*.json"))
    stories = [
        parse_story(json.loads(file.read_text(encoding="utf-8")), file=file)
        for file in files
        if list(args.videos.glob(f"{file.stem}.*"))
    ][: args.videos_at_most]
    print(
        "| setting | errors | clips right | words across | processor s per s |\n|---|---:|---:|---:|---:|", flush=True
    )
    for name in args.only:
        settings, hints = SETTINGS[name]
        stage = SpeechStage(FasterWhisper(args.model, settings), SpeechSettings(args.language == "zh", hints))
        print(f"| {name} | {measure(stage, stories, args.videos, args.language)}", flush=True)


if __name__ == "__main__":
    main()
