"""What was annotated of a spoken video against its true story, as counts that can be summed over videos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vn.metrics.bootstrap import interval, mean
from vn.metrics.labels import agree, agree_exactly
from vn.metrics.recognition import clip_of_each, clip_pairs, compare_units, matching_times, spoken_units
from vn.story import Clip, Language, Story, parse_labels

STAGES = {"speech": "recognised", "refine": "refined"}
Counts = dict[str, tuple[float, float]]
"""Name of a rate -> numerator and denominator."""


def results_of(stories: Path, video: str) -> dict[str, Mapping[str, Any]]:
    """The results of a video's stages, by stage."""
    found = {}
    for file in sorted((stories / "stages").glob(f"*/{video}.json")):
        found[file.parent.name] = json.loads(file.read_text(encoding="utf-8"))["result"]
    return found


def measure(story: Story, results: Mapping[str, Mapping[str, Any]]) -> Counts:
    """The rates of one video.

    Args:
        story: the truth.
        results: of the stages, by stage; those that are missing give no rate.
    """
    true = [(clip.start, clip.end) for clip in story.clips]
    found = [(float(start), float(end)) for start, end in results["shots"]["clips"]]
    cuts, true_cuts = [start for start, _ in found[1:]], [start for start, _ in true[1:]]
    hits, pairs = matching_times(cuts, true_cuts), clip_pairs(found, true)
    counts: Counts = {
        "cuts, precision": (hits, len(cuts)),
        "cuts, recall": (hits, len(true_cuts)),
        "extra clips": (len(found) - len(pairs), len(found)),
        "missed clips": (len(true) - len(pairs), len(true)),
    }
    for stage, name in STAGES.items():
        if stage in results:
            counts |= _texts(story, results[stage]["texts"], found, name)
    if "labels" in results:
        named = results["labels"]["labels"]
        both = [(parse_labels(named[m] or ()), story.clips[n].labels or ()) for n, m in pairs.items()]
        counts["labels, in common"] = (sum(agree(one, other) for one, other in both), len(both))
        counts["labels, the same"] = (sum(agree_exactly(one, other) for one, other in both), len(both))
    return counts


def _texts(story: Story, texts: Sequence[str], found: Sequence[tuple[float, float]], name: str) -> Counts:
    language, clips = story.language, story.clips
    true = [(clip.start, clip.end) for clip in clips]
    home, pairs = clip_of_each(found, true), clip_pairs(found, true)
    spoken = [(unit, n) for n, clip in enumerate(clips) for unit in _units(clip, language)]
    got = [(unit, home[m]) for m, text in enumerate(texts) for unit in spoken_units(text, language)]
    compared = compare_units(spoken, got)
    exact = sum(spoken_units(texts[m], language) == _units(clips[n], language) for n, m in pairs.items())
    return {
        f"{name}: error rate": (compared.edits, len(spoken)),
        f"{name}: in another clip": (compared.wrong, compared.matched),
        f"{name}: clips with the right text": (exact, len(clips)),
    }


def _units(clip: Clip, language: Language) -> list[str]:
    return spoken_units(clip.narration or "", language)


def rates(videos: Sequence[Counts]) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """Each rate over videos, with its 95 % bootstrap interval."""
    found = {}
    for name in dict.fromkeys(name for video in videos for name in video):
        sums = np.array([video.get(name, (0, 0)) for video in videos], float)
        sums = sums[sums[:, 1] > 0]
        if len(sums):
            found[name] = (float(sums[:, 0].sum() / sums[:, 1].sum()), interval(sums, mean))
    return found
