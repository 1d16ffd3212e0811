"""Stand-ins for the stages of other areas, so that the command is tested without models.

Speech is what a file ``VIDEO.spoken`` beside a video holds, a word per line with start and end; a video without it is
silent. ``VIDEO.hold`` makes the stage wait there until it is killed. `main` runs the command with them:
``python stand_ins.py annotate ...``.
"""

from __future__ import annotations

import sys
import time
import types
from pathlib import Path

from vn.annotate.draft import draft_of, result_of
from vn.annotate.results import Heard, Known, Refined, Shots, Word
from vn.annotate.stage import Made, Mark, StageFailed
from vn.errors import InputError

CALLS: list[tuple[str, str]] = []


class StandIn:
    """What all of them have."""

    key = "stand-in"
    reads: tuple[str, ...] = ()

    def make_all(self, videos):
        for video, before in videos:
            assert "shots" in before
            CALLS.append((f"all {self.name}", video.id))

    def report(self):
        return {"requests": len([1 for stage, _ in CALLS if stage == self.name])}


class Speech(StandIn):
    name, needs, reads = "speech", ("shots",), ("language",)

    def ahead(self, video):
        CALLS.append(("ahead", video.id))

    def make(self, video, before, findings):
        CALLS.append((self.name, video.id))
        if video.file.with_suffix(".hold").exists():
            video.file.with_suffix(".reached").touch()
            time.sleep(60)
        clips = result_of(before, Shots).clips
        file = video.file.with_suffix(".spoken")
        if not file.exists():
            return Made(Heard(None, (), ("",) * len(clips), "silent").to_json(), counts={"silent": 1})
        words = []
        for line in file.read_text().splitlines():
            text, start, end = line.split()
            middle = (float(start) + float(end)) / 2
            inside = [i for i, (begin, stop) in enumerate(clips) if begin <= middle < stop]
            words.append(Word(text, float(start), float(end), inside[0]))
        texts = tuple(" ".join(word.text for word in words if word.clip == i) for i in range(len(clips)))
        findings.add("a warning of the speech", sample=video.id)
        return Made(Heard(video.language, tuple(words), texts, "speech").to_json())


class Knowledge(StandIn):
    name, needs, reads = "knowledge", (), ("product", "page")

    def make(self, video, before, findings):
        CALLS.append((self.name, video.id))
        product = video.product
        known = Known(product.title, product.knowledge, product.category) if product else Known(video.id, ())
        return Made(known.to_json())


class Refine(StandIn):
    name, needs = "refine", ("speech", "knowledge")

    def make(self, video, before, findings):
        CALLS.append((self.name, video.id))
        if video.file.with_suffix(".gone").exists():
            raise StageFailed("the endpoint is gone")
        if video.file.with_suffix(".prose").exists():
            raise InputError("answered in prose")
        texts = result_of(before, Heard).texts
        marks = [Mark("far from what was recognised", "far", i) for i, text in enumerate(texts) if "far" in text]
        made = Refined(tuple(text.capitalize() for text in texts), tuple(mark.clip for mark in marks))
        return Made(made.to_json(), marks, {"corrected": len([text for text in texts if text])})


class Review(StandIn):
    name, needs = "review", ("shots", "speech", "refine")

    def __init__(self, folder):
        self.folder = folder

    def key_for(self, video):
        file = self.folder / f"{video.id}.txt"
        return file.read_text() if file.exists() else ""

    def make(self, video, before, findings):
        CALLS.append((self.name, video.id))
        draft = draft_of(video, before)
        text = self.key_for(video)
        clips = [
            {"start": x.start, "end": x.end, "narration": text or x.narration, "labels": None} for x in draft.clips
        ]
        return Made({"clips": clips, "reviewers": ["ann"] if text else []})


def install() -> None:
    """Put the stand-ins where the command imports the stages from."""

    def module(name, **attributes):
        made = types.ModuleType(name)
        made.__dict__.update(attributes)
        sys.modules[name] = made

    module(
        "vn.annotate.speech.options",
        add_speech_options=lambda parser: None,
        speech_stage=lambda args, cache: Speech(),
    )
    module(
        "vn.annotate.text.options",
        add_text_options=lambda parser: parser.add_argument("--refine", action="store_true", help="refine"),
        text_stages=lambda args, cache, amount: [Knowledge(), *([Refine()] if args.refine else [])],
    )
    module(
        "vn.annotate.review.options",
        add_review_options=lambda parser: None,
        review_stage=lambda args, out, videos: Review(Path(out) / "review"),
    )


NAMES = ("vn.annotate.speech.options", "vn.annotate.text.options", "vn.annotate.review.options")


def main() -> int:
    """The command line with the stand-ins."""
    from vn.cli import main

    install()
    return main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
