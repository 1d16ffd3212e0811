"""``vn rate make``: a blinded kit for raters; ``vn rate merge``: what their ratings say."""

from __future__ import annotations

import argparse
import json
import secrets
import shlex
import sys
from pathlib import Path

from vn.errors import InputError, did_you_mean
from vn.io.remote import Folder, open_folder

EPILOG = """\
A kit is a folder with one page per rater; they open theirs in a browser, without a network, rate every story's versions
and send back the file that the page saves. The key, which says which version is which system's, is written beside the
kit and never given to raters.

examples:
  vn rate make runs/full runs/gpt4 --stories 30 --raters 13 --videos videos --out kit
  vn rate merge returned/*.json --key kit.key.json --out ratings.json
  vn compare runs/full runs/gpt4 --ratings ratings.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn rate``."""
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="make|merge")
    make = actions.add_parser("make", help="write a kit: a page per rater", description="write a blinded kit")
    make.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, one per system")
    make.add_argument("--out", type=Path, required=True, metavar="KIT", help="folder of the kit; must not exist")
    make.add_argument("--stories", type=int, default=30, help="number of videos, sampled from those all runs narrated")
    make.add_argument("--raters", type=int, default=13, help="number of raters; each gets a page")
    make.add_argument(
        "--setting", default="predicted", choices=("predicted", "given"), help="storyline of the rated narrations"
    )
    make.add_argument(
        "--seed",
        type=int,
        help="random seed of the sample and of all orders (default: one that only the key has)",
    )
    make.add_argument(
        "--videos", type=Path, metavar="FOLDER", help="folder of the videos (default: show frames from the shards)"
    )
    make.add_argument("--data", metavar="DATA", help="shards with the frames (default: those of the first run)")
    make.add_argument("--key", type=Path, metavar="FILE", help="file of the key (default: KIT.key.json beside the kit)")
    merge = actions.add_parser("merge", help="merge the raters' files", description="merge the raters' files")
    merge.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files that the pages saved, one per rater")
    merge.add_argument(
        "--key", type=Path, metavar="FILE", help="the kit's key (default: FOLDER.key.json beside the files' folder)"
    )
    merge.add_argument("--out", type=Path, default=Path("ratings.json"), help="file of the result; a .csv beside it")
    merge.add_argument(
        "--leave-out", action="append", default=[], metavar="RATER", help="do not count a rater, e.g. 07 (repeatable)"
    )
    merge.add_argument("--seed", type=int, default=0, help="random seed of the bootstrap over stories")


def run(args: argparse.Namespace) -> int:
    """Make a kit, or merge ratings."""
    if args.seed is not None and args.seed < 0:
        raise InputError(f"expected 0 or more, got {args.seed}", field="--seed")
    return _make(args) if args.action == "make" else _merge(args)


def _make(args: argparse.Namespace) -> int:
    from vn.rate.key import default_key
    from vn.rate.kit import Plan, check_place, make_kit
    from vn.rate.systems import read_systems, sample_stories

    for name in ("stories", "raters"):
        if not 1 <= getattr(args, name) <= 999:
            raise InputError(f"expected 1 to 999, got {getattr(args, name)}", field=f"--{name}")
    key_file = args.key or default_key(args.out)
    check_place(args.out, key_file)
    systems = read_systems(args.runs, args.setting)
    seed = secrets.randbelow(2**32) if args.seed is None else args.seed
    stories = sample_stories(systems, args.stories, seed)
    shards = None if args.videos else _shards(args.data, args.runs[0])
    made = f"vn rate {shlex.join(args.words)}"
    plan = Plan(systems, stories, args.raters, seed, args.setting, made, args.videos, shards)
    key = make_kit(plan, args.out, key_file)
    hours = len(systems) * sum(about["seconds"] for about in key.stories.values()) / 3600
    print(f"wrote {args.out}: {args.raters} pages, {len(stories)} stories, {len(systems)} systems, kit {key.kit}")
    print(f"each rater gets one page and the folder media beside it; watching everything takes {hours:.1f} hours")
    print(f"the key is {key_file}: keep it from raters")
    return 0


def _shards(given: str | None, run: Path) -> Folder:
    from vn.run_paths import run_data

    folder = open_folder(given) if given else run_data(run / "config.yaml") if (run / "config.yaml").is_file() else None
    if folder is None:
        raise InputError("its shards are not found; give --videos FOLDER, or --data DATA for frames", file=run)
    if isinstance(folder, Path) and not folder.is_dir():
        raise InputError("no such folder of shards", file=folder, field="--data")
    return folder


def _merge(args: argparse.Namespace) -> int:
    from vn.io.atomic import write_text
    from vn.rate.evaluation import as_csv, as_json, evaluate
    from vn.rate.key import SUFFIX, Key, default_key
    from vn.rate.rating_file import gather
    from vn.rate.report import print_evaluation

    if args.out.suffix != ".json":
        raise InputError("the result is written as .json, with a .csv beside it", file=args.out, field="--out")
    key_file = args.key or default_key(args.files[0].parent)
    if not key_file.is_file():
        raise InputError(f"no such key; --key names the *{SUFFIX} that vn rate make wrote", file=key_file)
    key = Key.load(key_file)
    ratings = gather(args.files, key)
    for rater in args.leave_out:
        if rater not in ratings.raters:
            hint = did_you_mean(rater, ratings.raters)
            raise InputError(f"there is no file from rater {rater!r}{hint}", field="--leave-out")
    if len(set(args.leave_out)) == len(ratings.raters):
        raise InputError("no rater is left", field="--leave-out")
    found = evaluate(ratings, key, args.leave_out, args.seed)
    text = json.dumps(as_json(found, key), ensure_ascii=False, indent=1, allow_nan=False)
    write_text(args.out, text + "\n")
    write_text(args.out.with_suffix(".csv"), as_csv(found.ratings))
    print_evaluation(found, key)
    print(f"wrote {args.out} and {args.out.with_suffix('.csv').name}", file=sys.stdout)
    return 0
