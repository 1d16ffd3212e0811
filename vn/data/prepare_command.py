"""``vn prepare``: the command line of `vn.data.prepare`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vn.data.engine_options import add_engine_options, check_engine_options, make_engine
from vn.data.shot_settings import add_shot_options, shot_settings
from vn.overlap import CHOICES

if TYPE_CHECKING:
    from vn.data.prepare import Prepared

EXAMPLES = """\
examples:
  your own videos, with one story file each (clips are found if a story has none)
    vn prepare stories/ --reader stories --videos videos/ --out data/mine
  E-SyncVidStory with the released features
    vn prepare esyncvidstory.json --reader esyncvidstory --test-ids test_ids.txt \\
      --encoder features --features features/ --out data/esync
  your own videos with BLIP-2's features, as in the paper (files as LAVIS downloads them)
    vn prepare stories/ --reader stories --videos videos/ --out data/mine --encoder blip2-clip-l14 \\
      --encoder-weights clip_vit_L.pth blip2_pretrained_vitL.pth
  Video Storytelling
    vn prepare annotations/ --reader video-storytelling --test-ids test_ids.txt --videos videos/ --out data/vs

If it is interrupted, the same command continues where it stopped.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vn prepare``."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", metavar="SOURCE", help="annotations: a file or folder, as the reader expects")
    parser.add_argument(
        "--reader",
        required=True,
        metavar="NAME",
        help="esyncvidstory (released JSON) | video-storytelling (text files) | stories (our own JSON), or "
        "another package's reader, by its name or as module:Name",
    )
    parser.add_argument("--out", required=True, metavar="DATA", help="folder for shards and manifest, or s3://...")
    parser.add_argument("--videos", metavar="DIR", help="folder of the videos (default: beside the story files)")
    parser.add_argument(
        "--encoder",
        default="efficientnet-lite0",
        metavar="NAME",
        help="efficientnet-lite0 (default; the newest revision; efficientnet-lite0@1 is the first), features, pickles, "
        "blip2-clip-l14, lavis, clip-l14-cls, clip-l14-patches, open-clip:MODEL, chinese-clip, or one of another "
        "package, by its name or as module:Name",
    )
    parser.add_argument(
        "--encoder-weights",
        nargs="+",
        default=[],
        metavar="FILE",
        help="checkpoint files (chinese-clip: a folder) of the encoder's weights",
    )
    parser.add_argument(
        "--encoder-block",
        type=int,
        metavar="N",
        help="the CLIP block that the Q-Former attends to: 23 (blip2-clip-l14), or 21 as in LAVIS 1.0.2 (lavis)",
    )
    parser.add_argument(
        "--encoder-dtype",
        choices=("float32", "float16", "bfloat16"),
        help="dtype that the encoder's network computes in (default: float32)",
    )
    parser.add_argument(
        "--features",
        metavar="DIR",
        help="folder of <id>_<%%03d>.jpg.npy files (--encoder features) or <id>_<clip>.pkl (--encoder pickles)",
    )
    parser.add_argument(
        "--lavis-python",
        metavar="FILE",
        help="Python of an environment with LAVIS, for --encoder lavis (default: one is created on first use)",
    )
    parser.add_argument("--fps", type=float, default=1.0, help="frames per second (default: 1, the paper's)")
    parser.add_argument(
        "--test-ids",
        metavar="FILE",
        help="ids or videos of the test split: one per line, a JSON list, or the release's prompts (test.json)",
    )
    parser.add_argument(
        "--val-share", type=float, default=0.03, metavar="SHARE", help="share of train used as val (default: 0.03)"
    )
    parser.add_argument(
        "--corpus",
        metavar="NAME",
        help="corpus name, for the manifest and the narrator's card (default: from the reader)",
    )
    parser.add_argument(
        "--overlap",
        choices=CHOICES,
        help="clips that overlap: keep them, trim them where the next one starts, or refuse overlaps of more than "
        "a second (default: keep for esyncvidstory, else refuse)",
    )
    add_shot_options(parser)
    parser.add_argument("--topic", help="topic of all videos, for video-storytelling (default: each file's folder)")
    parser.add_argument("--shard-size", type=int, default=64, metavar="N", help="videos per shard (default: 64)")
    add_engine_options(parser)
    parser.add_argument(
        "--max-bad", type=int, default=0, metavar="N", help="leave out up to N unusable videos (default: 0)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace data of another configuration in DATA")


def run(args: argparse.Namespace) -> int:
    """Prepare the data and print a summary."""
    from vn.data import readers
    from vn.data.begun import begun_with
    from vn.data.encoders import EncoderSettings, load_encoder
    from vn.data.encoders.revisions import newest
    from vn.data.engines.slurm import parse_part, write_scripts
    from vn.data.prepare import PrepareSettings, make_plan, prepare, prepare_part
    from vn.errors import Findings, InputError

    for name, least, most in (
        ("val_share", 0.0, 0.9),
        ("shard_size", 1, None),
        ("max_bad", 0, None),
        ("jobs", 1, None),
        ("threads", 1, None),
    ):
        value = getattr(args, name)
        if value is not None and (value < least or (most is not None and value > most)):
            wanted = f"{least} to {most}" if most is not None else f"{least} or more"
            raise InputError(f"expected {wanted}, got {value}", field="--" + name.replace("_", "-"))
    over = check_engine_options(args)
    part = None if args.part is None else parse_part(args.part)
    shots = shot_settings(args)
    findings = Findings()
    bad: list[InputError] = []
    stories = readers.read(
        args.reader,
        args.source,
        test_ids=args.test_ids,
        findings=findings,
        bad=bad,
        topic=args.topic,
        overlap=args.overlap,
    )
    for error in bad if len(bad) > 1 else ():  # a single one is in the error or the warnings
        print(f"cannot be used: {error}", file=sys.stderr)
    encoder_settings = EncoderSettings(
        fps=args.fps,
        features=args.features,
        weights=args.encoder_weights,
        block=args.encoder_block,
        dtype=args.encoder_dtype,
        python=args.lavis_python,
        clips={x.story.id: [(clip.start, clip.end) for clip in x.story.clips] for x in stories},
        groups={x.story.id: x.group for x in stories},
    )
    again = args.overwrite and args.part is None  # the scripts' parts go on with what the first call began
    name = args.encoder if again else begun_with(args.out, args.encoder)
    if name not in (args.encoder, newest(args.encoder)):
        print(f"{args.out} was begun with {name}, and goes on with it", file=sys.stderr)
    load = partial(load_encoder, name, encoder_settings)
    encoder = load()
    settings = PrepareSettings(
        videos=args.videos,
        val_share=args.val_share,
        shard_size=args.shard_size,
        max_bad=args.max_bad,
        overwrite=again,
        corpus=args.corpus or readers.CORPORA.get(args.reader),
        shots=shots,
    )
    if over.engine == "slurm":
        plan = make_plan(stories, encoder, args.out, settings, findings, bad)
        cpus = (args.jobs or 1) * (args.threads or 1)
        script, parts = write_scripts(plan, encoder, args.words, over.parts, cpus, overwrite=args.overwrite)
        print(submission(script, parts))
        return 0
    engine = make_engine(args, over, load)
    began = time.monotonic()
    if part:
        plan = make_plan(stories, encoder, args.out, settings, findings, bad)
        with _Progress(sum(len(shard.jobs) for shard in plan.part(*part))) as progress:
            encoded = prepare_part(plan, encoder, part, args.max_bad, progress.video, engine)
        print(f"Part {args.part}: encoded {encoded} videos, {progress.frames} frames.")
        return 0
    with _Progress(len(stories)) as progress:
        prepared = prepare(
            stories, encoder, args.out, settings, findings=findings, bad=bad, on_video=progress.video, engine=engine
        )
    warnings = findings.summary()
    if warnings:
        print(warnings, file=sys.stderr)
    print(summary(prepared, progress.frames, time.monotonic() - began))
    return 0


def submission(script: Path, parts: int) -> str:
    """What is to be submitted, as text for the terminal."""
    return (
        f"Wrote scripts for an array of {parts} jobs, and a job after them that writes the manifest. Next:\n\n"
        f"  bash {shlex.quote(str(script))}"
    )


def summary(prepared: Prepared, frames: int, seconds: float) -> str:
    """What was written where, as text for the terminal.

    Args:
        prepared: from `vn.data.prepare.prepare`.
        frames: frames that this run encoded.
        seconds: seconds that it took.
    """
    manifest = prepared.manifest
    if prepared.encoded:
        speed = f"{frames / seconds:.0f} frames/s" if seconds > 0 else "no time"
        lines = [f"Encoded {prepared.encoded} videos, {frames} frames, in {_duration(seconds)} ({speed})."]
    else:
        lines = ["Nothing to do: the data are complete."]
    rows: list[tuple[str, ...]] = [("split", "shards", "videos", "clips", "narrated", "frames", "MB")]
    for split, shards in manifest.splits.items():
        samples = manifest.samples(split)
        counts = [len(shards), len(samples)]
        counts += [int(samples.column(name).sum()) for name in ("clips", "narrated", "frames")]
        rows.append((split, *map(str, counts), f"{sum(shard.bytes for shard in shards) / 1e6:.1f}"))
    lines.append("")
    lines += ["  " + row[0].ljust(8) + "".join(cell.rjust(10) for cell in row[1:]) for row in rows]
    lines += ["", f"  a frame is {manifest.tokens} tokens x {manifest.width} ({manifest.encoder['id']})"]
    if prepared.bad:
        lines.append(f"  {len(prepared.bad)} could not be used and were left out")
    if not manifest.samples("test"):
        lines.append("  no test split: name test videos with --test-ids, or put stories into train/ and test/")
    from vn.data.next_step import next_step

    lines += ["", f"{prepared.folder}/manifest.json", "", *next_step(manifest, prepared.folder)]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


class _Progress:
    """A bar over the videos, on stderr."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.total = total
        self.frames = 0
        self._began = time.monotonic()
        self._console = Console(stderr=True, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task("videos", total=total, speed="")

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def video(self, sample: str, frames: int, done: int, fault: str | None) -> None:
        """Count a finished video; the first one starts the bar, so that early errors stay one line."""
        self._bar.start()
        self.frames += frames
        if fault is not None:
            self._console.print(f"cannot be used: {fault}", markup=False, highlight=False)
        speed = f"{self.frames / (time.monotonic() - self._began):.0f} frames/s"
        self._bar.update(self._task, completed=done + 1, speed=speed)
