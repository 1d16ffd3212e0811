"""The statistics once more, by plain loops over story dictionaries: no code of `vn.stats`, `numpy` or `Story`."""

from __future__ import annotations

import string

PUNCTUATION = set(string.punctuation) | set("，。！？、：；“”‘’（）《》…—·~ ")
NAMES = (
    *("Social Proof/Influence", "Sore Point", "Call to Action", "Design of Appearance", "Ingredient/Material/Texture"),
    *("Product Trial", "Product Effect", "Specific Characteristics", "Product Security", "Authoritative Certificate"),
    *("Production Process", "Others"),
)


def length(text: str, language: str) -> int:
    if language == "zh":
        return len(text)
    count, inside = 0, False
    for character in text:
        if character.isspace():
            inside = False
        elif not inside:
            count, inside = count + 1, True
    return count


def percentile(values: list[float], share: float) -> float:
    """Linear between the two nearest ranks."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def word_range(seconds: float, language: str) -> tuple[float, float]:
    rate, margin = (5, 3) if language == "zh" else (2.5, 5)
    return max(1, rate * seconds - margin), rate * seconds + margin


def statistics(stories: list[dict]) -> dict:
    """The main numbers, from the JSON of Story files with English label names."""
    clips_each, words_each, seconds_each, clip_words, clip_seconds = [], [], [], [], []
    labels = dict.fromkeys(NAMES, 0)
    pairs: dict[tuple[str, str], int] = {}
    fits = {"short": 0, "inside": 0, "long": 0}
    labelled = together = gaps = 0
    points, used = [], []
    for story in stories:
        language = story["language"]
        clips_each.append(len(story["clips"]))
        seconds_each.append(sum(clip["end"] - clip["start"] for clip in story["clips"]))
        own, end = 0, 0
        before: list[str] = []
        for clip in story["clips"]:
            seconds = clip["end"] - clip["start"]
            clip_seconds.append(seconds)
            gaps += clip["start"] > end
            end = clip["end"]
            here = clip.get("labels") or []
            labelled += bool(here)
            together += len(here) > 1
            for label in here:
                labels[label] += 1
                for previous in before:
                    pairs[previous, label] = pairs.get((previous, label), 0) + 1
            before = here
            if clip.get("narration"):
                count = length(clip["narration"], language)
                own += count
                clip_words.append(count)
                low, high = word_range(seconds, language)
                fits["short" if count < low else "long" if count > high else "inside"] += 1
        words_each.append(own)
        known = [point for each in story["knowledge"] for point in each["points"]]
        points.append(len(known))
        texts = [bare(clip["narration"], language) for clip in story["clips"] if clip.get("narration")]
        used.append(sum(any(bare(point, language) in text for text in texts) for point in known))
    return {
        "videos": len(stories),
        "clips": sum(clips_each),
        "clips_per_video": sum(clips_each) / len(stories),
        "words_per_video": sum(words_each) / len(stories),
        "words_per_second": sum(words_each) / sum(seconds_each),
        "clip_seconds": clip_seconds,
        "clip_words": clip_words,
        "labels": labels,
        "pairs": pairs,
        "labelled": labelled,
        "together": together,
        "fits": fits,
        "gaps": gaps,
        "points": points,
        "used": used,
    }


def bare(text: str, language: str) -> str:
    """Without punctuation and case; between blanks in English, so that whole words are found."""
    kept = "".join(" " if c in PUNCTUATION else c for c in text.lower())
    return kept.replace(" ", "") if language == "zh" else f" {' '.join(kept.split())} "
