"""``vn annotate``: the options, and the order of work."""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from vn.annotate.stage import STAGES, STEPS
from vn.data.shot_settings import add_shot_options
from vn.errors import Findings, InputError

if TYPE_CHECKING:
    from vn.annotate.entry import Entry
    from vn.annotate.stage import RawVideo

EXAMPLES = """\
examples:
  English advertisements with product files, as far as they can be annotated without a chat model
    vn annotate videos/ --language en --products products/ --speech faster-whisper:whisper-base/ --out stories/
  only the shots, to look at
    vn annotate videos/ --language zh --until shots --out stories/
  what was annotated, as data to train on
    vn prepare stories/ --reader stories --out data/mine

If it is interrupted, the same command continues where it stopped.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vn annotate``."""
    parser.epilog = EXAMPLES
    parser.add_argument("videos", metavar="VIDEOS", nargs="+", type=Path, help="videos, or folders of videos")
    parser.add_argument("--out", required=True, type=Path, metavar="STORIES", help="folder of stories to write")
    parser.add_argument("--language", required=True, choices=("en", "zh"), help="language of the speech")
    parser.add_argument(
        "--products",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="PLACE",
        help="what the videos advertise: folders with a product file (.yaml, as of vn narrate --product) or page "
        "(.txt, .html) per video, named after it; or YAML files with lines 'VIDEO: PRODUCT FILE', so that videos "
        "share a product",
    )
    parser.add_argument("--from", dest="again", choices=STEPS, help="make this stage and all later ones again")
    parser.add_argument("--until", choices=STEPS, default="write", help="stop after this stage (default: write)")
    parser.add_argument(
        "--max-bad", type=int, default=0, metavar="N", help="leave out up to N unusable videos (default: 0)"
    )
    parser.add_argument(
        "--keep-duplicates", action="store_true", help="keep videos that show the same as others, in their split"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="videos cut into shots at once (default: 1)")
    group = parser.add_argument_group("shots")
    add_shot_options(group)
    for name, usual, text in (
        ("shortest", 1.0, "shorter shots are joined with others"),
        ("longest", 30.0, "longer shots are split at a pause of the speech"),
        ("longest-video", 7200.0, "longer videos are not worked on"),
    ):
        group.add_argument(
            f"--{name}", type=float, default=usual, metavar="SECONDS", help=f"{text} (default: {usual:g})"
        )
    from vn.annotate.review.options import add_review_options
    from vn.annotate.speech.options import add_speech_options
    from vn.annotate.text.options import add_text_options

    add_text_options(parser)  # it has --yes, which speech then does not add
    add_speech_options(parser)
    add_review_options(parser)
    group = parser.add_argument_group("writing")
    for name, share in (("val", 0.05), ("test", 0.1)):
        group.add_argument(
            f"--{name}-share",
            type=float,
            default=share,
            metavar="SHARE",
            help=f"share of the products in the {name} split (default: {share:g})",
        )
    group.add_argument("--only-reviewed", action="store_true", help="leave out videos that nobody reviewed")


def run(args: argparse.Namespace) -> int:
    """Annotate videos and print a summary."""
    from vn.annotate.hashed import hashed
    from vn.annotate.report import report_of, summary
    from vn.annotate.run import RunSettings, run_stages
    from vn.annotate.stage import Warns
    from vn.annotate.stages import stages_of
    from vn.annotate.write import WriteSettings, write_stories
    from vn.data.prepare_plan import over_budget
    from vn.io.disk_cache import DiskCache
    from vn.io.lock import claim

    _check(args)
    findings = Findings()
    began = time.monotonic()
    videos = _videos(args, findings)
    with claim(args.out, "vn annotate"):
        cache = DiskCache(args.out / "stages" / "cache.sqlite")
        try:
            stages = stages_of(args, [video.id for video in videos], cache)
            for stage in stages:
                if isinstance(stage, Warns):
                    findings.lines += stage.findings.lines
            entries = hashed(videos, cache)
            record = _Record(args, entries, [stage.name for stage in stages], findings)
            record.write({})
            done = run_stages(
                entries, stages, args.out / "stages", RunSettings(args.again, args.jobs, args.keep_duplicates)
            )
            record.unused()
            written = None
            settings = WriteSettings(args.val_share, args.test_share, args.only_reviewed)
            if args.until == "write" and len(record.bad) <= args.max_bad:
                written = write_stories(args.out, entries, settings, findings)
            seconds = time.monotonic() - began
            record.write(report_of(entries, done, written, seconds))
        finally:
            cache.close()
    for error in record.bad if len(record.bad) > 1 else ():  # a single one is in the error or the warnings
        print(f"cannot be used: {error}", file=sys.stderr)
    if warnings := record.warnings().summary():
        print(warnings, file=sys.stderr)
    print(summary(entries, done, written, seconds))
    if len(record.bad) > args.max_bad:
        raise InputError(over_budget(record.bad, args.max_bad))
    print(f"\n{args.out / 'stages' / 'annotate.json'}")
    if written is not None and any(written.drafts.values()):
        print(f"\nNext: vn prepare {args.out} --reader stories --out data/NAME")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise if an argument is empty, as an unset variable of the shell leaves it, or a number is out of its range."""
    for before, word in pairwise(["", *args.words]):
        name, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and not value:
            option = name if name.startswith("--") else "VIDEOS"
            raise InputError("is empty; write . for the current folder, or leave an option out", field=option)
    for name, least in (("max_bad", 0), ("jobs", 1)):
        if getattr(args, name) < least:
            option = "--" + name.replace("_", "-")
            raise InputError(f"expected {least} or more, got {getattr(args, name)}", field=option)
    for name in ("val_share", "test_share"):
        if not 0 <= getattr(args, name) <= 0.9:
            raise InputError(f"expected 0 to 0.9, got {getattr(args, name):g}", field="--" + name.replace("_", "-"))
    if args.val_share + args.test_share >= 1:
        raise InputError("with --val-share nothing is left for training", field="--test-share")
    if args.again is not None and STEPS.index(args.again) > STEPS.index(args.until):
        raise InputError(f"comes after --until {args.until}", field=f"--from {args.again}")


def _videos(args: argparse.Namespace, findings: Findings) -> list[RawVideo]:
    """The videos with their products, without hashes."""
    from vn.annotate.products import Product, products_of
    from vn.annotate.stage import RawVideo
    from vn.annotate.videos import find_videos

    files = find_videos(args.videos, args.out)
    products = products_of(list(files), args.products, args.language, findings)
    videos = []
    for identity, file in files.items():
        product = products.get(identity, Product(""))
        videos.append(RawVideo(identity, file, "", args.language, product.story, product.page, product.id or None))
    if args.products and (bare := [video.id for video in videos if video.product_id is None]):
        findings.add(f"{len(bare)} of {len(videos)} videos have no product, the first is {bare[0]}")
    return videos


class _Record:
    """What is kept of a command in ``stages/annotate.json``."""

    def __init__(self, args: argparse.Namespace, entries: list[Entry], stages: list[str], findings: Findings) -> None:
        self.args = args
        self.entries = entries
        self.stages = stages
        self.findings = findings

    @property
    def bad(self) -> list[str]:
        """Why videos cannot be used."""
        return [entry.error for entry in self.entries if entry.error is not None]

    def unused(self) -> None:
        """Warn about results of earlier commands that this one does not ask for."""
        last = STEPS.index(self.args.until)
        for stage in STAGES:
            if stage in self.stages or STEPS.index(stage) > last:
                continue
            if any((self.args.out / "stages" / stage).glob("*.json")):
                self.findings.add(f"stages/{stage} is from an earlier command; this one does not ask for that stage")

    def warnings(self) -> Findings:
        """All warnings, those of the videos in the videos' order."""
        every = Findings()
        for findings in (self.findings, *(entry.findings for entry in self.entries)):
            every.lines += [line for line in findings.lines if line not in every.lines]
        for entry in self.entries if self.bad and len(self.bad) <= self.args.max_bad else ():
            if entry.error is not None:
                every.lines.append(f"left out: {entry.error}")
        same = [entry for entry in self.entries if entry.same_as is not None]
        if same and self.args.keep_duplicates:
            first, count = same[0], len(same)
            what = "1 video shows" if count == 1 else f"{count} videos show"
            every.lines.append(f"{what} the same as others, the first is {first.video.id} (as {first.same_as})")
        else:
            every.lines += [f"left out: {entry.video.file} shows the same as {entry.same_as}" for entry in same]
        return every

    def write(self, more: dict[str, object]) -> None:
        """Write the file."""
        from vn.annotate.drafts import write_report

        words = list(self.args.words)
        content = {"arguments": words, "warnings": self.warnings().lines, **more}
        write_report(self.args.out, self.entries, self.stages, content)
