"""``vn narrate --unordered``: clips that are files are ordered, joined into one video, and narrated in that order."""

from __future__ import annotations

import argparse
import dataclasses
from itertools import pairwise

from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.io.lock import claim
from vn.narrate.choice import system_of
from vn.narrate.job import Job
from vn.narrate.joined import join
from vn.narrate.voiced import voice_of_call
from vn.order.files import find_order
from vn.order.options import methods_in
from vn.order.raw import RawClips, open_raw
from vn.render.make import FILM
from vn.story import Clip
from vn.story_file.edit import plan_of

FLAG = "--unordered"
JOINED = "clips.mp4"  # the joined video, in the output folder


def add_unordered_options(parser: argparse.ArgumentParser) -> None:
    """The options of the ordering, beside those of ``vn narrate``."""
    from vn.order.options import add_method_options

    add_method_options(parser)
    parser.add_argument("--data", metavar="DATA", help="data folder with the training stories (default: that of --run)")
    parser.set_defaults(chat=None)


def unordered_job(args: argparse.Namespace) -> Job:
    """The job of narrating clips in the order that is found; the joined video is written to the output folder.

    Raises:
        InputError: options do not fit together, a clip cannot be read, or no order is found.
    """
    for name in ("video", "edit", "clips", "storyline", "baseline", "shots", "shot_threshold", "overlap"):
        if getattr(args, name) is not None:
            option = "a video" if name == "video" else f"--{name.replace('_', '-')}"
            raise InputError(f"the clips are all there is to order; leave out {option}", field=FLAG)
    if args.product is None:
        raise InputError("say what the clips are about: --product FILE", field=FLAG)
    if args.out is None:
        raise InputError("no output folder given; use --out")
    if "chat" in methods_in(args, several=False):
        raise InputError("is a method of vn order; narrate the clips in the order that it gives", field="--method chat")
    findings = Findings()
    raw = open_raw(args.unordered, args.product, findings)
    _check(args, raw)
    with claim(args.out, "vn narrate"):
        found = find_order(args, raw, findings, DiskCache())
        video = args.out / JOINED
        joined = join(found.files, video, findings)
    clips = tuple(Clip(start, end) for start, end in pairwise(joined.starts))
    story = dataclasses.replace(raw.story, clips=clips, video=str(video))
    made_with = {"order": found.record(args.out)}
    return Job(plan_of(story), video, args.product, args.out, made_with, findings=findings)


def _check(args: argparse.Namespace, raw: RawClips) -> None:
    """What can be wrong with the narration and its voice, before the clips are ordered and joined."""
    for file in raw.files:
        for name in (JOINED, FILM):
            written = args.out / name
            if written.exists() and file.samefile(written):
                message = f"would be replaced by the {name} that is written there; choose another --out"
                raise InputError(message, file=file, field=FLAG)
    first = Job(plan_of(raw.story), raw.files[0], args.product, args.out, {})
    system_of(args, [first], voice_of_call(args, raw.story.language, {})).check(first)
