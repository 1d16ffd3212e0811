"""Narrations in a voice's time: `exact` and squeezing alone beside `spoken`, by the voice and by the same, 25 % slower.

    python benchmarks/spoken_length.py --adapter runs/demo/adapter --data demo-work/shards --voice piper:joe \
        --out spoken-en --videos 150

Frame features come from the shards. What is written and spoken is kept in `--out`: a run that was interrupted goes on,
and one with more videos adds them. The table is printed at the end; ``--only-table`` prints that of what there is.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from vn.adapter import Assembly, load_adapter
from vn.data.manifest import Manifest
from vn.data.shards import read_sample
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.metrics.cider import cider
from vn.metrics.tokenisation import DEFAULT, tokenisation_named
from vn.narrate.spoken import SpokenLength
from vn.story import Story, WordRange, count_words
from vn.voice.fit import Line, fit_each, usual
from vn.voice.fit_settings import FASTEST
from vn.voice.kept import KeptVoice
from vn.voice.names import open_voice
from vn.voice.options import add_reach_options, settings_of
from vn.voice.pace import Pace, pace_of
from vn.voice.sound import tempo
from vn.voice.speech import Speech, Voice
from vn.written import WrittenClip

SLOW = 0.75
AT_ONCE = 5
WAYS: dict[str, Callable[[Pace], float] | None] = {
    "exact": None,
    "spoken, range for its pace": lambda pace: pace.units_per_second,
    f"spoken, range for its pace at {FASTEST}": lambda pace: pace.units_per_second * FASTEST,
    "spoken, range for its 90th percentile at 1.12": lambda pace: pace.high * FASTEST,
    "spoken, ranges as they are": lambda pace: math.inf,
    "spoken": lambda pace: 0.0,  # the default
}


class Slower:
    """A voice that speaks slower, with one speed."""

    speeds = (1.0, 1.0)

    def __init__(self, voice: Voice, speed: float) -> None:
        self.voice, self.speed = voice, speed
        self.name, self.fingerprint = f"{voice.name} at {speed}", f"{voice.fingerprint} at {speed}"

    def speak(self, text: str, language: Any, speed: float = 1.0) -> Speech:
        """See `Voice.speak`."""
        return tempo(self.voice.speak(text, language), self.speed)


class Row:
    """A way to write, spoken by a voice; a line of `file` for each video that is done."""

    def __init__(self, way: str, voice: Voice, name: str, file: Path) -> None:
        self.way, self.voice, self.name, self.file = way, voice, name, file
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        self.done = {each["video"]: each["clips"] for each in map(json.loads, lines)}

    def write(self, assembly: Assembly, videos: Sequence[VideoInput], folder: Path) -> None:
        """Write, speak and note the videos that are not done."""
        videos = [video for video in videos if video.story.id not in self.done]
        if not videos:
            return
        language, rule, bound = videos[0].story.language, assembly.builder.words, WAYS[self.way]
        spoken = None
        if bound is not None:
            pace = pace_of(self.voice, language, folder)
            spoken = SpokenLength(self.voice, language, pace, units_per_second=bound(pace) or None)
            assembly.builder.words = spoken.ranges(rule)
        try:
            writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(length_control="exact"))
            pool = writer.pool(AT_ONCE)
            for video in videos:
                again = Counted(spoken.again(video.story)) if spoken else None
                pool.add(
                    writer.story(video, again=again),
                    lambda written, story=video.story, again=again: self._note(
                        story, written, again.rewrites if again else 0
                    ),
                )
            pool.finish()
        finally:
            assembly.builder.words = rule

    def _note(self, story: Story, written: Sequence[WrittenClip], rewrites: int) -> None:
        clips = {each.clip: each for each in written}
        lines = [Line(n, story.clips[n].start, story.clips[n].end, w.written.narration) for n, w in clips.items()]
        noted = []
        for line, one in zip(lines, fit_each(lines, self.voice, story.language, None), strict=True):
            noted.append(
                {
                    "clip": line.clip,
                    "narration": one.text,
                    "reference": story.clips[line.clip].narration,
                    "range": [clips[line.clip].written.words.low, clips[line.clip].written.words.high],
                    "words": one.words,
                    "time": line.end - line.start,
                    "seconds": one.speech.seconds,
                    "usual": usual(line, self.voice, story.language).whole.seconds,
                    "speed": one.speed,
                    "over": one.over,
                }
            )
        noted[0]["rewrites"] = rewrites
        self.done[story.id] = noted
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"video": story.id, "clips": noted}, ensure_ascii=False) + "\n")


class Counted:
    """An `Again` that counts how often something is written again."""

    def __init__(self, again: Any) -> None:
        self.again, self.rewrites = again, 0

    def __call__(self, attempts: Sequence[WrittenClip]) -> WordRange | int:
        answer: WordRange | int = self.again(attempts)
        self.rewrites += isinstance(answer, WordRange)
        return answer


def table(rows: Sequence[Row], language: Any) -> None:
    """Print the table of the videos that all rows have."""
    common = set.intersection(*(set(row.done) for row in rows))
    tokens = tokenisation_named(DEFAULT[language]).tokens
    print(f"{len(common)} videos, {sum(len(rows[0].done[video]) for video in common)} clips")
    print("| voice | way | in time | slowed | mean speed | above 1.0 | words | CIDEr | time spoken | written again |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        clips = [clip for video in sorted(common) for clip in row.done[video]]
        in_time = mean(clip["over"] == 0 and clip["speed"] <= FASTEST for clip in clips)
        slowed = mean(clip["seconds"] > clip["usual"] + 0.01 for clip in clips)
        score = cider([tokens(c["narration"]) for c in clips], [[tokens(c["reference"])] for c in clips])
        assert all(clip["words"] == count_words(clip["narration"], language) for clip in clips)
        cells = [
            f"{100 * in_time:.1f} %",
            f"{100 * slowed:.1f} %",
            f"{mean(clip['speed'] for clip in clips):.3f}",
            f"{100 * mean(clip['speed'] > 1.001 for clip in clips):.1f} %",
            f"{mean(clip['words'] for clip in clips):.2f}",
            f"{score:.3f}",
            f"{100 * sum(clip['seconds'] for clip in clips) / sum(clip['time'] for clip in clips):.1f} %",
            f"{sum(clip.get('rewrites', 0) for clip in clips)}",
        ]
        print(f"| {row.name} | {row.way} | {' | '.join(cells)} |")


def main() -> None:
    """Write, speak, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--base-model", help="if it has moved")
    parser.add_argument("--data", type=Path, required=True, help="the shards")
    parser.add_argument("--voice", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=150)
    parser.add_argument("--ways", type=int, nargs="+", default=[0, 5], help="numbers of WAYS")
    parser.add_argument("--only-table", action="store_true")
    add_reach_options(parser.add_argument_group("voice"), parser)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    voice = KeptVoice(open_voice(args.voice, settings=settings_of(args)), args.out / "voice")
    voices = {voice.name: voice, f"{voice.name}, 25 % slower": Slower(voice, SLOW)}
    rows = [
        Row(way, one, name, args.out / f"{'slow' if one is not voice else 'usual'}-{n}.jsonl")
        for name, one in voices.items()
        for n, way in enumerate(WAYS)
        if n in args.ways
    ]
    entries = list(Manifest.load(args.data).samples("test"))[: args.videos]
    if not args.only_table:
        assembly = load_adapter(args.adapter, base_model=args.base_model)
        for first in range(0, len(entries), AT_ONCE):
            some = entries[first : first + AT_ONCE]
            videos = [VideoInput(*read_sample(str(args.data / each.shard), each)) for each in some]
            for row in rows:
                row.write(assembly, videos, args.out / "voice")
            print(f"{first + len(some)} of {len(entries)} videos", flush=True)
    for one in voices.values():
        pace = pace_of(one, Manifest.load(args.data).language, args.out / "voice")
        print(f"{one.name}: {pace.units_per_second:.2f} per second ({pace.low:.2f} to {pace.high:.2f})")
    table(rows, Manifest.load(args.data).language)


if __name__ == "__main__":
    main()
