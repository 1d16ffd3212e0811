"""Corrections of real recognition errors: how far they go, which are refused, and what ``--refine facts`` repairs.

Narrations of the demo's stories are spoken by a voice and recognised by faster-whisper, a story at a time; what was
recognised is kept, so that only the counting is repeated:

    python benchmarks/text_corrections.py --stories demo-work/world/train --voice espeak-ng --whisper whisper-base \
        --language en --videos 30 --out work/text-corrections.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from vn.annotate.text.bounds import refusal
from vn.annotate.text.facts import Facts
from vn.annotate.text.snap import SnapSettings, snapped
from vn.annotate.text.sound import sounds_by
from vn.annotate.text.spelling import units

PAUSE = 0.35  # seconds after each narration
RATE = 16_000  # Hz, that of Whisper
LIMITS = (0.3, 0.4, 0.5, 0.6)


def main() -> None:
    """Recognise what is not there yet, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=Path, required=True, help="folder of Story files")
    parser.add_argument("--language", choices=("en", "zh"), required=True)
    parser.add_argument("--voice", required=True, help="as of vn render --voice")
    parser.add_argument("--whisper", required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines file of what was recognised")
    args = parser.parse_args()
    files = sorted(args.stories.glob("*.json"))
    recognise(files[: args.videos], args)
    rows = [json.loads(line) for line in args.out.read_text(encoding="utf-8").splitlines()]
    bounds(rows, args.language)
    facts(rows, args.language)
    clean(files, args.language)


def recognise(files: list[Path], args: argparse.Namespace) -> None:
    """Speak and recognise the stories that are not in the output file."""
    done = {json.loads(line)["file"] for line in args.out.read_text().splitlines()} if args.out.exists() else set()
    missing = [file for file in files if str(file) not in done]
    if not missing:
        return
    from faster_whisper import WhisperModel

    from vn.voice.names import open_voice

    voice = open_voice(args.voice)
    model = WhisperModel(args.whisper, device="cpu", compute_type="int8", cpu_threads=1)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for file in missing:
        clips = [clip["narration"] for clip in json.loads(file.read_text())["clips"]]
        sounds = [resampled(voice.speak(text, args.language)) for text in clips]
        ends = np.cumsum([len(sound) for sound in sounds]) / RATE
        segments, _ = model.transcribe(np.concatenate(sounds), language=args.language, word_timestamps=True)
        texts = [""] * len(clips)
        for word in (word for segment in segments for word in segment.words):
            texts[min(int(np.searchsorted(ends, (word.start + word.end) / 2)), len(clips) - 1)] += word.word
        with args.out.open("a", encoding="utf-8") as out:
            for truth, text in zip(clips, texts, strict=True):
                row = {"file": str(file), "truth": truth, "recognised": simplified(text.strip(), args.language)}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


def resampled(speech) -> np.ndarray:
    """A voice's samples at Whisper's rate, and a pause."""
    at = np.arange(int(len(speech.samples) * RATE / speech.rate)) * speech.rate / RATE
    samples = np.interp(at, np.arange(len(speech.samples)), speech.samples)
    return np.concatenate([samples, np.zeros(int(PAUSE * RATE))]).astype(np.float32)


def simplified(text: str, language: str) -> str:
    """Chinese in simplified characters."""
    if language == "en":
        return text
    import opencc

    return opencc.OpenCC("t2s").convert(text)


def facts_of(file: str, language: str) -> Facts:
    """The facts of a story."""
    story = json.loads(Path(file).read_text())
    return Facts(story["title"], tuple((x["aspect"], tuple(x["points"])) for x in story["knowledge"]), language)


def bounds(rows: list[dict], language: str) -> None:
    """How far right texts and those of other clips are from recognised ones, and which right ones are refused."""
    spoken = [row for row in rows if row["recognised"]]
    draw = random.Random(0)
    for name, pairs in (
        ("the right text", [(row["recognised"], row["truth"]) for row in spoken]),
        ("another clip's", [(row["recognised"], draw.choice(rows)["truth"]) for row in spoken for _ in range(5)]),
    ):
        far = np.array([Levenshtein.normalized_distance(units(a, language), units(b, language)) for a, b in pairs])
        print(f"{name} is within", {limit: f"{(far <= limit).mean():.1%}" for limit in LIMITS}, f"of {len(pairs)}")
    refused = (refusal(row["recognised"], row["truth"], facts_of(row["file"], language)) for row in spoken)
    print("the right text as a correction:", dict(Counter(each.kind if each else "taken" for each in refused)))


def facts(rows: list[dict], language: str) -> None:
    """What ``--refine facts`` repairs and what it worsens."""
    changes: Counter[str] = Counter()
    before = after = total = 0
    for row in rows:
        truth, text = units(row["truth"], language), units(row["recognised"], language)
        found = units(snapped(row["recognised"], facts_of(row["file"], language)), language)
        a, b = Levenshtein.distance(text, truth), Levenshtein.distance(found, truth)
        before, after, total = before + a, after + b, total + len(truth)
        if found != text:
            changes["better" if b < a else "worse" if b > a else "as far"] += 1
    print(f"{SnapSettings()} {sounds_by()}: {dict(changes)}, errors {before / total:.1%} -> {after / total:.1%}")


def clean(files: list[Path], language: str) -> None:
    """How many right narrations it changes, beside their own product's facts and another's."""
    draw = random.Random(0)
    changed = total = 0
    for file in files:
        for other in (file, draw.choice(files)):
            known = facts_of(str(other), language)
            for clip in json.loads(file.read_text())["clips"]:
                total += 1
                changed += units(snapped(clip["narration"], known), language) != units(clip["narration"], language)
    print(f"right narrations that it changes: {changed} of {total}")


if __name__ == "__main__":
    main()
