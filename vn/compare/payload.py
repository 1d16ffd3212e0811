"""The data of the page's scripts: the study as plain JSON values, stories in compressed chunks, opened one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vn.compare.breakdown import BY_PLACE, LABELS, Bin, confusion, label_counts, length_by_seconds, score_by_place
from vn.compare.names import shown
from vn.compare.number import Delta, Number
from vn.compare.page import compressed
from vn.compare.pictures import Pictures
from vn.compare.runs import Run
from vn.compare.study import Study
from vn.compare.variant import Variant
from vn.metrics.length import fits
from vn.score.measures import LENGTH
from vn.score.predictions import ScoredClip
from vn.score.sums import Measure
from vn.story import Language, Story, count_words

CHUNK = 20  # videos per chunk
POINTS = 300  # points per curve; more cannot be seen
BY_VIDEO = "cider"


def payload(study: Study, seed: int = 0) -> dict[str, Any]:
    """The numbers behind the charts; scores times 100."""
    settings = study.settings
    tested = {s: [v for v in study.variants if v.name in study.numbers[s]] for s in settings}
    at = {v.name: i for i, v in enumerate(study.variants)}
    runs = {s: {v.name: [r for r in v.runs if s in r.tests] for v in tested[s]} for s in settings}

    def taken(setting: str, variant: Variant, metric: str) -> tuple[Measure, ...]:
        number = study.numbers[setting][variant.name].get(metric)
        return number.measures if isinstance(number, Number) else ()

    labels: dict[str, Any] = {}
    if "predicted" in settings:
        for variant in tested["predicted"]:
            own = runs["predicted"][variant.name]
            if (matrix := confusion(own, "predicted")) is not None:
                reference, written = label_counts(own, "predicted")
                labels[str(at[variant.name])] = {
                    "reference": reference,
                    "written": _rounded(written),
                    "matrix": _rounded(matrix),
                }
    stories = _stories(study)
    place = {
        s: {
            m: {
                str(at[v.name]): _bins(score_by_place(stories, measures, seed))
                for v in tested[s]
                if (measures := taken(s, v, m))
            }
            for m in BY_PLACE
        }
        for s in settings
    }
    return {
        "settings": list(settings),
        "variants": [
            {"name": v.name, "seeds": [r.seed for r in v.runs], "runs": [study.runs.index(r) for r in v.runs]}
            for v in study.variants
        ],
        "metrics": {m: dict(shown(m)._asdict()) for s in settings for m in study.metrics(s)},
        "order": {s: study.metrics(s) for s in settings},
        "scores": {
            s: {
                str(at[v]): {m: _number(n) for m, n in own.items() if isinstance(n, Number)}
                for v, own in study.numbers[s].items()
            }
            for s in settings
        },
        "deltas": {
            s: {str(at[v]): {m: _delta(d) for m, d in own.items()} for v, own in study.deltas[s].items()}
            for s in settings
        },
        "curves": [
            {"run": run.name, "variant": i, "seed": run.seed, **_curves(run)}
            for i, variant in enumerate(study.variants)
            for run in variant.runs
            if run.curves
        ],
        "length": {
            s: {
                str(at[v.name]): _bins(length_by_seconds(stories, measures, seed))
                for v in tested[s]
                if (measures := taken(s, v, LENGTH))
            }
            for s in settings
        },
        "place": {s: {m: found for m, found in place[s].items() if found} for s in settings},
        "labels": {"names": [label.en for label in LABELS], "variants": labels},
    }


def _number(n: Number) -> dict[str, Any]:
    return {
        "mean": _times(n.mean),
        "deviation": _times(n.deviation),
        "low": _times(n.low),
        "high": _times(n.high),
        "values": [_times(v) for v in n.values],
        "seeds": list(n.seeds),
    }


def _delta(d: Delta) -> dict[str, Any]:
    return {
        "value": _times(d.value),
        "low": _times(d.low),
        "high": _times(d.high),
        "p": d.p_value,
        "seeds": [_times(s) for s in d.seeds],
        "counts": d.counts,
        "verdict": d.verdict,
        "why": d.why,
    }


def _times(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 6)


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, dtype=float), 3).tolist()


def _bins(bins: Sequence[Bin]) -> list[list[Any]]:
    return [[b.name, b.clips, _times(b.value), _times(b.low), _times(b.high)] for b in bins]


def _curves(run: Run) -> dict[str, Any]:
    found = {}
    for name in ("train/loss", "val/loss"):
        points = [
            (line["step"], line[name])
            for line in run.curves
            if _is_number(line.get(name)) and _is_number(line.get("step"))
        ]
        if len(points) > POINTS:
            points = [points[i] for i in np.linspace(0, len(points) - 1, POINTS).round().astype(int)]
        found[name.split("/")[0]] = [[p[0] for p in points], [round(float(p[1]), 5) for p in points]]
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- stories ----------------------------------------------------------------------------------------------------------


def story_index(study: Study) -> dict[str, Any]:
    """The videos: id, title, clips, seconds, and each variant's CIDEr by setting (None if it has none)."""
    stories = _stories(study)
    by_video: dict[str, dict[str, list[float | None]]] = {}
    for setting in study.settings:
        by_video[setting] = {}
        for i, variant in enumerate(study.variants):
            number = study.numbers[setting].get(variant.name, {}).get(BY_VIDEO)
            if not isinstance(number, Number) or not number.measures:
                continue
            sums = np.mean([m.sums for m in number.measures], axis=0)
            found = dict(zip(number.measures[0].videos, (100 * sums[:, 0] / sums[:, 1]).round(1).tolist(), strict=True))
            by_video[setting][str(i)] = [found.get(story.id) for story in stories]
    return {
        "chunk": CHUNK,
        "videos": [[s.id, s.title, len(s.clips), round(s.duration, 1)] for s in stories],
        "scores": by_video,
        "runs": [[run.name, run.seed] for run in study.runs],
    }


def story_chunks(study: Study, pictures: Pictures) -> list[str]:
    """Base64 of gzipped JSON, `CHUNK` videos each, in the order of `story_index`.

    A video is ``{clips: [[start, end, reference, labels]], knowledge, frames, narrations: {setting: [run: [clip]]}}``,
    a narrated clip ``[narration, labels or null, low, high, words, in range]``; a run without the setting is null.
    """
    stories = _stories(study)
    language = next(iter(study.runs[0].tests.values())).language
    told: dict[str, list[dict[tuple[str, int], ScoredClip] | None]] = {}
    for setting in study.settings:
        told[setting] = [
            {(c.video, c.clip): c for c in run.tests[setting].clips} if setting in run.tests else None
            for run in study.runs
        ]
    chunks = []
    for start in range(0, len(stories), CHUNK):
        videos = [_video(story, told, language, pictures) for story in stories[start : start + CHUNK]]
        chunks.append(compressed(json.dumps(videos, ensure_ascii=False, separators=(",", ":"))))
    return chunks


def _stories(study: Study) -> list[Story]:
    found: dict[str, Story] = {}
    for run in study.runs:
        for tested in run.tests.values():
            found |= {s.id: s for s in tested.stories if s.id not in found}
    return [found[key] for key in sorted(found)]


def _video(
    story: Story,
    told: Mapping[str, Sequence[Mapping[tuple[str, int], ScoredClip] | None]],
    language: Language,
    pictures: Pictures,
) -> dict[str, Any]:
    return {
        "clips": [[c.start, c.end, c.narration, [x.text(language) for x in c.labels or ()]] for c in story.clips],
        "knowledge": [[k.aspect, list(k.points)] for k in story.knowledge],
        "frames": pictures.get(story.id),
        "narrations": {
            setting: [
                None if own is None else [_told(own.get((story.id, i)), language) for i in range(len(story.clips))]
                for own in runs
            ]
            for setting, runs in told.items()
        },
    }


def _told(clip: ScoredClip | None, language: Language) -> list[Any] | None:
    if clip is None:
        return None
    labels = None if clip.labels is None else [label.text(language) for label in clip.labels]
    low, high = (clip.words.low, clip.words.high) if clip.words else (None, None)
    words = count_words(clip.narration, language)
    return [clip.narration, labels, low, high, words, int(fits(clip.narration, clip.words, language))]
