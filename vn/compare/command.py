"""``vn compare``: finished runs in; compare.html, .csv, .md and .tex out."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.extras import require
from vn.io.remote import open_folder
from vn.run_paths import run_data

EPILOG = """\
Runs of one ablation and configuration are the seeds of one variant. Differences are from `full`, with 95 % intervals
over seeds and videos and Holm's correction over the variants. A difference counts only with 20 videos and 3 seeds per
variant or more, and above a smallest difference, which the page prints. If several factors are varied, main effects are
computed from matched pairs. Runs that cannot be compared (unfinished, failed, tested on other videos) are listed with
the reason. With --common-videos, runs tested on different videos are compared on those that all have.

examples:
  vn compare runs/demo runs/demo-no_memory
  vn compare runs/demo_ablations                          a sweep: a folder of run folders
  vn compare runs/demo_ablations --baseline no_memory --out comparison
  vn compare wandb:ENTITY/PROJECT/sweeps/SWEEP_ID --wandb ENTITY/PROJECT
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn compare``."""
    from vn.score.paper import paper

    parser.epilog = EPILOG
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN|SWEEP",
        help="run folders, folders of run folders, or wandb:ENTITY/PROJECT/RUN and wandb:ENTITY/PROJECT/sweeps/SWEEP",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for compare.* (default: the sweep's, or the current one for several)"
    )
    parser.add_argument("--title", help="title of the page (default: the names of what is compared)")
    parser.add_argument(
        "--baseline", metavar="VARIANT", help="the variant that others are compared with (default: full)"
    )
    parser.add_argument(
        "--common-videos",
        action="store_true",
        help="compare on the videos that all runs have (default: leave out runs that were tested on other videos)",
    )
    parser.add_argument(
        "--tokenisation", help="as for vn score, for all runs (default: that of their scores.json, else the language's)"
    )
    parser.add_argument("--meteor", choices=("exact", "jar"), default="exact", help="METEOR's matcher (jar needs Java)")
    parser.add_argument(
        "--user-dictionary",
        default="stories",
        metavar="stories|none|FILE",
        help="words jieba keeps whole, as for vn score",
    )
    parser.add_argument(
        "--corpus", choices=paper().corpora, help="the corpus whose test split it is, if it is the paper's"
    )
    parser.add_argument(
        "--data", metavar="DATA", help="shards with the thumbnails (default: those of the configuration)"
    )
    parser.add_argument("--no-pictures", action="store_true", help="write a smaller page, without frames")
    parser.add_argument(
        "--ratings", type=Path, metavar="FILE", help="ratings.json of vn rate merge, for the paper's Table 6"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed of the bootstrap over videos, for intervals of a single run"
    )
    parser.add_argument(
        "--wandb", metavar="ENTITY/PROJECT", help="also save a W&B workspace with the paper's tables there"
    )


def run(args: argparse.Namespace) -> int:
    """Compare runs and write the files."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    stderr = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        return _compare(args, lambda what: progress.update(task, description=what))


def _compare(args: argparse.Namespace, on_step: Callable[[str], None]) -> int:
    from vn.compare import files, page
    from vn.compare.measured import CACHE
    from vn.compare.orders import orders_of
    from vn.compare.payload import payload, story_chunks, story_index
    from vn.compare.pictures import pictures
    from vn.compare.ratings import csv_rows, read_ratings, with_ratings
    from vn.compare.runs import find_runs
    from vn.compare.study import study
    from vn.compare.tables import paper_tables
    from vn.compare.wandb_runs import PREFIX, download
    from vn.compare.workspace import workspace
    from vn.io.atomic import write_text
    from vn.io.disk_cache import DiskCache
    from vn.metrics.tokenisation import tokenisation_named
    from vn.score.settings import ScoreSettings

    if args.seed < 0:
        raise InputError(f"expected 0 or more, got {args.seed}", field="--seed")
    out = args.out or _default_out(args.runs)
    if out.exists() and not out.is_dir():
        raise InputError("expected a folder, it is a file", file=out)
    if args.wandb:
        require("wandb_workspaces", field="--wandb", command="compare")  # before anything is measured
    paths = [
        download(name, out / "wandb-runs", lambda run: on_step(f"fetching {run}"))
        if name.startswith(PREFIX)
        else Path(name)
        for name in args.runs
    ]
    if args.tokenisation:
        tokenisation_named(args.tokenisation)  # check that it exists before anything is read
    ratings = read_ratings(args.ratings) if args.ratings else None
    runs, left_out = find_runs(paths, lambda name: on_step(f"reading {name}"))
    cache = DiskCache(out / CACHE)
    settings = ScoreSettings(args.tokenisation, args.meteor, args.user_dictionary)
    found = study(runs, left_out, settings, args.baseline, args.seed, on_step, cache, args.common_videos)
    cache.close()
    found = replace(found, orders=orders_of(found.variants))
    tables = paper_tables(found, args.corpus)
    tables = with_ratings(tables, ratings) if ratings else tables
    title = args.title or f"Comparison of {', '.join(dict.fromkeys(path.resolve().name for path in paths))}"
    notes: list[str] = []
    thumbs: dict[str, Any] = {}
    if not args.no_pictures:
        on_step("frames")
        stories = next(iter(found.baseline.runs[0].tests.values())).stories
        baseline = found.baseline.runs[0]
        named = Path(str(baseline.config.get("data.folder")))
        folder = open_folder(args.data) if args.data else run_data(baseline.folder / "config.yaml") or named
        if args.data and isinstance(folder, Path) and not folder.is_dir():
            raise InputError("no such folder of shards", file=folder, field="--data")
        thumbs, note = pictures(stories, folder, lambda video: on_step(f"frames of {video}"))
        notes += [note] if note else []
    on_step("breakdowns")
    data = payload(found, args.seed)
    on_step("writing")
    html = page.render(
        found,
        tables,
        data,
        story_index(found),
        story_chunks(found, thumbs),
        title=title,
        made=f"vn compare {shlex.join(args.runs)}",
        notes=notes,
    )
    out.mkdir(parents=True, exist_ok=True)
    texts = {
        "html": html,
        "csv": files.csv_text(found, tables, csv_rows(ratings, found.baseline.name) if ratings else ()),
        "md": files.markdown(found, tables, title),
        "tex": files.latex(found, tables),
    }
    for ending, text in texts.items():
        write_text(out / f"compare.{ending}", text)
    for each in found.left_out:
        print(f"left out: {each.name} ({each.state}): {each.reason}", file=sys.stderr)
    for note in (*found.notes, *notes):
        print(f"note: {note}", file=sys.stderr)
    if found.scope:
        print(found.scope)
    _summary(found)
    print(f"wrote {out / 'compare.html'} ({len(html.encode()) / 1e6:.1f} MB), compare.csv, .md, .tex")
    if args.wandb:
        on_step("saving the W&B workspace")
        made = workspace(tables, args.wandb, title, found)
        print(f"saved {made.save().url}")
    return 0


def _default_out(names: list[str]) -> Path:
    folder = Path(names[0])
    is_sweep = len(names) == 1 and folder.is_dir() and not (folder / "config.yaml").exists()
    return folder if is_sweep else Path()


def _summary(found: Any) -> None:
    from vn.compare.files import said_lines
    from vn.compare.findings import findings
    from vn.compare.rules import rules

    for setting in found.settings:
        counted = findings(found, setting)
        print(
            f"storyline {setting}: {len(found.runs)} runs, {len(counted)} differences from {found.baseline.name} count"
        )
        for line in said_lines(found, setting, about=False):
            print(f"  {line}")
    if len(found.variants) > 1:
        print(rules().sentence)
    for line in found.orders.lines:
        print(f"order of clips: {line}")
