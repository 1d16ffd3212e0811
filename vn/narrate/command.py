"""``vn narrate``: a raw video and a product file in; story.json and subtitles out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vn.data.shot_settings import add_shot_options, shot_settings
from vn.errors import Findings, InputError
from vn.io.lock import claim
from vn.narrate.choice import recorded, system_of
from vn.narrate.job import Job
from vn.narrate.output import show
from vn.narrate.voiced import render, voice_of_call
from vn.overlap import CHOICES, Overlap
from vn.plugins import add_import_option
from vn.progress import progress
from vn.story_file.edit import overlap_of, plan_of, read_edited
from vn.story_file.product import read_product, read_storyline

EPILOG = """\
product.yaml states what is known; clips are optional: if they are missing, shots are detected. A clip may have your
own labels or narration, which are kept:
  title: Aurora home classic
  language: en
  knowledge:
    - aspect: Material
      points: [glazed stoneware, recycled glass]

examples:
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story --clips subtitles.srt
  vn narrate --videos videos/ --run runs/demo --out stories
      each video with the product file beside it (kettle.mp4, kettle.yaml), or all with that of --product; a list has
      one video per line, followed by a tab and its product file if it has its own. After an interruption, repeat the
      command: stories that were written by the same request are kept, and so are stories you edited.
  vn narrate video.mp4 --product product.yaml --adapter hf://user/repo@v1 --out story
      an adapter folder on the Hugging Face hub, fetched once
  vn narrate video.mp4 --product product.yaml --baseline chat --help
      another system of the paper's tables, such as a chat model that reads captions, and its options
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story --voice piper:joe --length spoken
      a video that speaks: vn render is run on the story, whose narrations are as long as this voice can say
  vn narrate --unordered a.mp4 b.mp4 c.mp4 --product product.yaml --run runs/demo --out story
      clips in any order (vn order): one video of them, in the order that is found, and its story
  vn narrate --edit story/story.json
      after you change labels or narrations in that file: what is before the first change is kept, and so is what you
      wrote; the rest is written again, with the same video, narrator and options unless you give others
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn narrate``."""
    parser.epilog = EPILOG
    parser.add_argument("video", type=Path, nargs="?", help="the video file")
    parser.add_argument("--videos", type=Path, help="many videos: a folder, or a list of files, instead of one")
    parser.add_argument(
        "--unordered",
        type=Path,
        nargs="+",
        metavar="CLIP",
        help="video files, each one clip, in any order, instead of a video: they are ordered and joined",
    )
    parser.add_argument("--product", type=Path, help="YAML file with title, language, knowledge, and clips if known")
    parser.add_argument(
        "--edit", type=Path, help="a story.json of vn narrate that you have edited, instead of --product"
    )
    parser.add_argument("--run", type=Path, help="a run folder with the adapter to use")
    parser.add_argument(
        "--adapter", metavar="DIR|hf://USER/REPO", help="an adapter folder, here or on the hub, instead of --run"
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="another system of the paper's tables instead of --run, with its options (vn baseline NAME --help)",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="with --edit: send frames and texts to a vendor again, as --baseline chat --yes",
    )
    parser.add_argument("--out", type=Path, help="the folder to write to (with --edit: the folder of the file)")
    parser.add_argument(
        "--clips",
        type=Path,
        help="times of the clips: .srt, .vtt or lines of MM:SS times; with --videos a folder of such files, each named "
        "after its video. Text in them is not read",
    )
    parser.add_argument(
        "--overlap",
        choices=CHOICES,
        help="clips that overlap: keep them, trim them to the start of the next, or refuse those that overlap by more "
        "than a second (refuse; with --edit, as when it was written)",
    )
    add_shot_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="with --videos: rewrite existing stories")
    parser.add_argument(
        "--videos-at-once",
        type=_at_once,
        default="auto",
        help="with --videos: stories written in parallel, with the same results as one at a time; auto: as many as the "
        "GPU has memory for, 4 on the CPU (auto)",
    )
    parser.add_argument(
        "--storyline", type=Path, help="YAML list of script labels, one per shot; for null the model chooses"
    )
    parser.add_argument(
        "--length",
        choices=("exact", "none", "spoken"),
        help="exact: each narration has as many words as its clip has time for; spoken: as many as --voice can say in "
        "it, and what still takes longer is written again; none: no constraint (exact)",
    )
    parser.add_argument("--temperature", type=_within(float, 0, 100), help="above 0: sample tokens; 0: greedy (0)")
    parser.add_argument("--seed", type=_within(int, 0, 2**32 - 1), help="random seed of sampling (0)")
    parser.add_argument("--beams", type=_within(int, 1, 64), help="above 1: beam search with this many beams (1)")
    parser.add_argument(
        "--repetition-penalty", type=_within(float, 0.01, 100), help="penalty on earlier tokens; 1 turns it off (1)"
    )
    parser.add_argument(
        "--no-repeat-ngram",
        type=_within(int, 0, 10_000),
        help="never repeat an n-gram of this many tokens in a story; 0: allow repetition (0)",
    )
    parser.add_argument(
        "--drafts",
        choices=("none", "ngram"),
        help="ngram: guess the next words by the training narrations that the adapter folder has, and confirm them in "
        "one pass: the same texts, in less time on the CPU (none)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "auto"),
        help="data type of the language model: auto is bfloat16 where this machine is faster with it; texts may differ "
        "(default: as it was trained)",
    )
    parser.add_argument("--base-model", help="path of the base model, if it has moved since training")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="weights of the frame encoder, if any"
    )
    add_import_option(parser)
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda (default: cuda if available)")
    words = parser.get_default("words") or ()
    if any(word.partition("=")[0] == "--voice" for word in words):
        from vn.voice.options import add_voice_options

        add_voice_options(parser)
    else:
        parser.add_argument(
            "--voice",
            metavar="VOICE",
            help="also render a video that speaks with this voice (vn voice list), with its options (--voice none "
            "--help)",
        )
    if any(word.partition("=")[0] == "--unordered" for word in words):
        from vn.narrate.unordered import add_unordered_options

        add_unordered_options(parser)
    if any(word.partition("=")[0] == "--baseline" for word in words):
        from vn.baselines.on_video import add_video_options

        add_video_options(parser, words)


def _within(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """An argument's type: a number within bounds."""

    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {low:g} to {high:.10g}, got {text}")
        return value

    number.__name__ = kind.__name__  # argparse names it if a text is not a number
    return number


def _at_once(text: str) -> float | str:
    """How many videos at once: a number, or ``auto``."""
    return text if text == "auto" else _within(int, 1, 1024)(text)


def run(args: argparse.Namespace) -> int:
    """Narrate a video, many videos, or an edited story."""
    if args.videos is not None:
        if args.unordered is not None:
            raise InputError("is one video; leave out --videos", field="--unordered")
        from vn.narrate.many import narrate_all

        return narrate_all(args)
    if args.unordered is None and (args.product is None) == (args.edit is None):
        raise InputError("give either a video and --product, or --edit")
    job = _job(args)
    if job is None:
        return 0
    if not job.video.is_file():
        places = "" if args.video else job.plan.lost.get("video")
        raise InputError(f"no such video{f' ({places}); put its path before --edit' if places else ''}", file=job.video)
    voice = voice_of_call(args, job.plan.story.language, job.made_with)
    system = system_of(args, [job], voice)
    system.check(job)  # before anything slow
    print(system.about, file=sys.stderr)
    job.made_with = recorded(job, system)
    with claim(job.out, "vn narrate"):
        if job.cut():
            print(f"{job.video}: {len(job.plan.story.clips)} shots", file=sys.stderr)
        narrator = system.load()
        with progress("clips", len(job.plan.story.clips)) as step:
            narrator.add(job, _finish, follow=lambda _: step())
            narrator.finish()
    if voice is not None and args.voice is not None:
        render(job.out, voice, args)
    return 0


def _finish(job: Job, written: list[Any]) -> None:
    job.finish(written)
    show(job.plan, written, job.out, job.findings)


def _job(args: argparse.Namespace) -> Job | None:
    """What the arguments ask for; None if nothing is left to do."""
    if args.unordered is not None:
        from vn.narrate.unordered import unordered_job

        return unordered_job(args)
    return _edited(args) if args.edit is not None else _asked(args)


def _asked(args: argparse.Namespace) -> Job:
    """The job for a video and a product file."""
    if args.out is None:
        raise InputError("no output folder given; use --out")
    if args.video is None:
        raise InputError("no video given; use vn narrate VIDEO --product FILE --run RUN --out DIR")
    findings = Findings()
    overlap: Overlap = args.overlap or "refuse"
    plan = plan_of(read_product(args.product, findings, overlap))
    labels = read_storyline(args.storyline) if args.storyline else None
    if args.clips is not None and plan.story.clips:
        raise InputError("has clips of its own; give clips there or with --clips", file=args.product, field="clips")
    return Job(
        plan,
        args.video,
        args.product,
        args.out,
        {},
        args.clips,
        args.storyline,
        labels,
        shot_settings(args),
        findings,
        overlap,
    )


def _edited(args: argparse.Namespace) -> Job | None:
    """The job for an edited story; None if nothing was edited."""
    for name in ("storyline", "clips", "shots", "shot_threshold"):
        if getattr(args, name) is not None:
            option = name.replace("_", "-")
            raise InputError(f"{option} of an edited story are changed in the file, not with --{option}")
    findings = Findings()
    plan = read_edited(args.edit, findings, args.overlap)
    if plan.first is None:
        print("; ".join([f"{args.edit}: nothing was edited since it was written", *plan.seen]))
        voice = voice_of_call(args, plan.story.language, plan.made_with or {}) if args.voice is not None else None
        if voice is not None:  # an earlier call may have ended before it was rendered
            render(args.out or args.edit.parent, voice, args, story=args.edit)
        return None
    print(f"{args.edit}: {'; '.join(plan.seen)}")
    video, made_with = args.video or Path(plan.story.video or ""), plan.made_with or {}
    overlap = args.overlap or overlap_of(made_with)
    return Job(plan, video, args.edit, args.out or args.edit.parent, made_with, findings=findings, overlap=overlap)
