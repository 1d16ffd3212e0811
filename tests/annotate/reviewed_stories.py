"""A small folder as ``vn annotate`` leaves it: videos with shots, speech, corrections and labels, to be reviewed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from vn.annotate.drafts import read_drafts, write_report
from vn.annotate.entry import Entry
from vn.annotate.results import Heard, Known, Labelled, Refined, Shots
from vn.annotate.stage import Made, Mark, RawVideo
from vn.annotate.stage_file import stage_file, write_stage
from vn.story import Knowledge, ScriptLabel

RATE = 25
SPANS = ((0.0, 2.0), (2.0, 4.52), (4.52, 6.017))  # the last two ends are on no whole frame
HEARD = {
    "en": ("cold tea again", "it boils in a minit while you find a cup", "order yours today"),
    "zh": ("茶又凉了", "一分钟就烧开杯子还没找到呢", "今天就下蛋"),
}
TEXTS = {
    "en": ("Cold tea again?", "It boils in a minute, while you find a cup.", "Order yours today."),
    "zh": ("茶又凉了？", "一分钟就烧开，杯子还没找到呢。", "今天就下单。"),
}
LABELS = (
    (ScriptLabel.SORE_POINT,),
    (ScriptLabel.EFFECT, ScriptLabel.TRIAL),
    (ScriptLabel.CALL_TO_ACTION,),
)
COLOURS = ((200, 40, 40), (40, 160, 60), (50, 70, 200))


def write_video(file: Path, spans=SPANS, rate: int = RATE, colours=COLOURS) -> Path:
    """A silent video that shows each clip's colour."""
    import av

    file.parent.mkdir(parents=True, exist_ok=True)

    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "30", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 12
        for n in range(round(spans[-1][1] * rate)):
            clip = next((i for i, (_, end) in enumerate(spans) if n / rate < end), len(spans) - 1)
            frame = np.full((48, 64, 3), colours[clip], np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file


def write_stories(folder: Path, languages=("en", "en"), evil: str = "", marks: bool = True) -> Path:
    """The folder ``stories`` in a folder, with its videos beside it; `evil` is added to every text."""
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    stories, entries = folder / "stories", []
    for n, language in enumerate(languages):
        video = write_video(folder / "videos" / f"film {n}.mp4")
        raw = RawVideo(f"film-{n}", video, hashlib.sha256(video.read_bytes()).hexdigest(), language)
        entries.append(Entry(raw))
        write_draft(stories, raw, evil, marks)
    write_report(stories, entries, ("shots", "speech", "knowledge", "refine", "labels", "review"), {"seconds": 0.0})
    return stories


def write_draft(stories: Path, raw: RawVideo, evil: str = "", marks: bool = True, texts=None) -> None:
    """The stage files of one video; `texts` replaces its narrations."""
    language = raw.language
    own = tuple(f"{text}{evil}" for text in texts or TEXTS[language])
    heard = tuple(f"{text}{evil}" for text in HEARD[language])
    known = Known(f"Aurora kettle{evil}", (Knowledge(f"Speed{evil}", (f"boils in a minute{evil}",)),))
    far = [Mark(f"the correction is 5 characters from what was recognised{evil}", "far", 1)] if marks else []
    whole = [Mark(f"no product file{evil}", "unsourced")] if marks else []
    results = {
        "shots": Made(Shots(SPANS[-1][1], SPANS, ()).to_json()),
        "speech": Made(Heard(language, (), heard, "speech").to_json()),
        "knowledge": Made(known.to_json(), whole),
        "refine": Made(Refined(own).to_json(), far),
        "labels": Made(Labelled(LABELS).to_json(language)),
    }
    for stage, made in results.items():
        write_stage(stage_file(stories / "stages", stage, raw.id), made, "made from")


def drafts_in(stories: Path):
    """The machine's drafts by id."""
    return {draft.video.id: draft for draft in read_drafts(stories, reviewed=False)}


def saved_clip(clip, language="en", **changes):
    """A clip of a draft as a page saves it when it is accepted; `changes` replace its fields."""
    labels = [label.text(language) for label in clip.labels or ()] or None
    own = {"start": clip.start, "end": clip.end, "narration": clip.narration, "labels": labels, "state": "accepted"}
    return own | changes


def review_of(drafts, reviewer="Ann", saved="2026-11-28T10:00:00Z"):
    """What a reviewer saves who accepts everything."""
    from vn.annotate.review.drafts import content_of

    videos = [
        {
            "video": draft.video.id,
            "content": content_of(draft),
            "clips": [saved_clip(clip, draft.video.language) for clip in draft.clips],
        }
        for draft in drafts
    ]
    head = {"format": 1, "batch": "batch-001", "id": "0", "content": "0", "reviewer": reviewer, "saved": saved}
    return {**head, "videos": videos}


def write_review(stories: Path, data, name: str | None = None) -> Path:
    """Put it where the stage finds it."""
    (stories / "review").mkdir(exist_ok=True)
    file = stories / "review" / (name or f"{data['batch']}.{data['reviewer']}.json")
    file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return file
