"""What a story's page shows of each clip and of the knowledge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vn.render.page.templates import texts
from vn.render.stored import Point, Stored
from vn.render.stored_render import Spoken
from vn.story import Clip, WordRange, count_words

LEAST = 0.05  # seconds; a voice that ends later than its clip by less is in time
OTHERS = 2  # labels shown besides the clip's own
UNLIKELY = 0.005  # labels with a smaller probability are not shown
CLIP = re.compile(r"\bclips\[(\d+)\]")

Odds = tuple[str, str]  # label, and its probability in per cent or nothing
Gauge = tuple[float, ...]  # per cent of the width


@dataclass(frozen=True, slots=True)
class ShownVoice:
    """A clip's voice.

    Attributes:
        seconds: how long it is.
        speed: relative to the voice's usual speed.
        over: seconds by which it is too long, as printed; empty if it is in time.
        gauge: width of the clip; start and width of the voice within it; width of what is too long.
    """

    seconds: float
    speed: float
    over: str
    gauge: Gauge


@dataclass(frozen=True, slots=True)
class ShownClip:
    """A clip.

    Attributes:
        number: from 1.
        start: seconds.
        end: seconds.
        times: start and end as a clock shows them.
        name: what a screen reader says when it is chosen.
        frame: a ``data:`` URI, if there is one.
        labels: its script labels.
        others: other probable labels.
        yours: which of labels and narration are the user's.
        narration: the narration; empty if it is silent.
        words: number of words.
        asked: range of words asked for, if known.
        off: words above (or, negative, below) the range; 0 if the narration is in it.
        gauge: start and width of the range, and place of the number of words.
        voice: how it is spoken, if it is.
        changed: whether the narration differs from what is spoken.
        used: knowledge points it uses.
        warnings: those that name the clip.
    """

    number: int
    start: float
    end: float
    times: tuple[str, str]
    name: str
    frame: str | None
    labels: Sequence[Odds]
    others: Sequence[Odds]
    yours: Sequence[str]
    narration: str
    words: int
    asked: WordRange | None
    off: int
    gauge: Gauge
    voice: ShownVoice | None
    changed: bool
    used: Sequence[Point]
    warnings: Sequence[str]


def shown_clips(stored: Stored, frames: Sequence[str | None]) -> list[ShownClip]:
    """All clips of a story, with a frame or None for each."""
    return [_shown_clip(stored, i, frame) for i, frame in enumerate(frames)]


def _shown_clip(stored: Stored, i: int, frame: str | None) -> ShownClip:
    story, made = stored.story, stored.made[i]
    clip, language = story.clips[i], story.language
    t = texts(language)
    narration = clip.narration or ""
    words = count_words(narration, language)
    odds = dict(made.odds)
    own = [label.text(language) for label in clip.labels or ()]
    others = [(label, _percent(p)) for label, p in made.odds if label not in own and p >= UNLIKELY][:OTHERS]
    spoken = stored.rendered.spoken.get(i) if stored.rendered else None
    times = clock(clip.start), clock(clip.end)
    label = "+".join(own) or t["no_label"]
    off = off_range(words, made.words) if narration else 0
    return ShownClip(
        number=i + 1,
        start=clip.start,
        end=clip.end,
        times=times,
        name=t["clip_named"].format(n=i + 1, all=len(story.clips), start=times[0], end=times[1], label=label),
        frame=frame,
        labels=[(name, _percent(odds[name]) if name in odds else "") for name in own],
        others=others,
        yours=made.yours,
        narration=narration,
        words=words,
        asked=made.words,
        off=off,
        gauge=_gauge(words, made.words),
        voice=_voice(clip, spoken) if spoken else None,
        changed=_changed(stored, spoken, narration),
        used=made.used,
        warnings=[line for line, n in warnings_of(stored) if n == i + 1],
    )


def warnings_of(stored: Stored) -> list[tuple[str, int | None]]:
    """All warnings, each with the number of the clip that it names, from 1."""
    lines = dict.fromkeys([*stored.warnings, *(stored.rendered.warnings if stored.rendered else ())])
    count = len(stored.story.clips)
    found = {line: int(match[1]) + 1 if (match := CLIP.search(line)) else None for line in lines}
    return [(line, n if n is not None and n <= count else None) for line, n in found.items()]


def off_range(words: int, asked: WordRange | None) -> int:
    """How many words are above the range, or, negative, below it; 0 if it has them or there is none."""
    if asked is None:
        return 0
    return words - asked.high if words > asked.high else min(0, words - asked.low)


def in_range(stored: Stored) -> tuple[int, int]:
    """How many narrations have a number of words in their range, and how many have a range."""
    language = stored.story.language
    asked = [
        (clip.narration, made.words)
        for clip, made in zip(stored.story.clips, stored.made, strict=True)
        if clip.narration and made.words is not None
    ]
    return sum(count_words(text, language) in words for text, words in asked), len(asked)


def facts(stored: Stored) -> Iterator[tuple[str, str]]:
    """What is shown under the title: a number, and what it counts."""
    t = texts(stored.story.language)
    names: Mapping[str, str] = t["facts"]

    def of(n: int, all_: int) -> str:
        return str(t["of"]).format(n=n, all=all_)

    count = len(stored.story.clips)
    yield str(count), names["clips_one" if count == 1 else "clips"]
    yield clock(stored.duration), names["time"]
    inside, ranged = in_range(stored)
    if ranged:
        yield of(inside, ranged), names["in_range"]
    points = {(each.aspect, point) for each in stored.story.knowledge for point in each.points}
    if points:
        yield of(len(points & {point for made in stored.made for point in made.used}), len(points)), names["knowledge"]
    if stored.rendered is not None and stored.rendered.spoken:
        voices = stored.rendered.spoken.values()
        yield of(sum(each.over < LEAST for each in voices), len(voices)), names["in_time"]
        if stored.rendered.voice is not None:
            yield stored.rendered.voice, names["voice"]
        if stored.rendered.loudness is not None:
            yield f"{stored.rendered.loudness:.1f} LUFS".replace("-", "−"), names["loudness"]


def shown_knowledge(stored: Stored) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each aspect with its points, the clips that use each, from 1, and whether it was left out of the prompts."""
    dropped = set(stored.dropped)

    def shown(aspect: str, point: str) -> dict[str, Any]:
        clips = [i + 1 for i, made in enumerate(stored.made) if (aspect, point) in made.used]
        return {"point": point, "clips": clips, "dropped": (aspect, point) in dropped}

    return [(each.aspect, [shown(each.aspect, point) for point in each.points]) for each in stored.story.knowledge]


def clock(seconds: float) -> str:
    """A time as a player shows it, with a tenth if it is not a whole second.

    >>> clock(65), clock(7.25), clock(3599.99), clock(3723.5)
    ('1:05', '0:07.2', '1:00:00', '1:02:03.5')
    """
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    text = f"{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    return (f"{whole // 3600}:" if whole >= 3600 else "") + text + (f".{tenth}" if tenth else "")


def _changed(stored: Stored, spoken: Spoken | None, narration: str) -> bool:
    if stored.rendered is None or not stored.rendered.spoken:  # no voice, which could differ
        return False
    return (spoken.text if spoken is not None else "").split() != narration.split()


def _voice(clip: Clip, spoken: Spoken) -> ShownVoice:
    zero, end = min(clip.start, spoken.start), max(clip.end, spoken.end)
    parts = (clip.end - zero, spoken.start - zero, min(clip.end, spoken.end) - spoken.start, spoken.end - clip.end)
    gauge = tuple(round(100 * max(0.0, part) / (end - zero), 2) for part in parts)
    over = f"{spoken.over:.1f}" if spoken.over >= LEAST else ""
    return ShownVoice(spoken.end - spoken.start, spoken.speed, over, gauge)


def _gauge(words: int, asked: WordRange | None) -> Gauge:
    if asked is None:
        return 0, 0, 0
    scale = 100 / (1.25 * max(asked.high, words, 1))
    parts = (asked.low * scale, max(1.0, (asked.high - asked.low) * scale), words * scale)
    return tuple(round(part, 2) for part in parts)


def _percent(probability: float) -> str:
    """Per cent with a digit that is never rounded to certainty."""
    if 0.9995 <= probability < 1:
        return "> 99.9"
    return f"{100 * probability:.1f}" if probability < 1 else "100"
