"""``vn score``: predictions in; a table and scores.json out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vn.data.atomic import write_text
from vn.errors import Findings, InputError

Settings = dict[str, dict[str, dict[str, Any]]]

PREFIX, SUFFIX = "predictions.", ".jsonl"
EPILOG = """\
Scores are kept on the raw scale in scores.json and shown times 100, as the paper's tables do.

examples:
  vn score runs/demo
  vn score runs/demo --meteor jar
  vn score predictions.jsonl --stories stories.jsonl --tokenisation words --out scores.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn score``."""
    parser.epilog = EPILOG
    parser.add_argument("predictions", type=Path, metavar="RUN|PREDICTIONS", help="a run folder or a predictions file")
    parser.add_argument(
        "--stories", type=Path, help="stories.jsonl with the references (default: the one beside the predictions)"
    )
    parser.add_argument(
        "--tokenisation", help="char, jieba, ptb, words or llm-ids:FOLDER (default: ptb in English, char in Chinese)"
    )
    parser.add_argument("--meteor", choices=("exact", "jar"), default="exact", help="METEOR's matcher (jar needs Java)")
    parser.add_argument(
        "--user-dictionary",
        default="stories",
        metavar="stories|none|FILE",
        help="words jieba keeps whole in intra-repetition (default: the stories' titles and points)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the resampling behind the intervals")
    parser.add_argument(
        "--out", type=Path, help="where to write the scores (default: RUN/scores.json or PREDICTIONS.scores.json)"
    )


def run(args: argparse.Namespace) -> int:
    """Score a run folder or a predictions file."""
    findings = Findings()
    options: dict[str, Any] = {
        "tokenisation": args.tokenisation,
        "meteor_matcher": args.meteor,
        "seed": args.seed,
        "user_dictionary": args.user_dictionary,
    }
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("reading", total=None)

        def show(step: str) -> None:
            progress.update(task, description=step)

        if args.predictions.is_dir():
            out = args.out or args.predictions / "scores.json"
            scores = _score_files(_prediction_files(args.predictions), args.stories, findings, show, **options)
        else:
            out = args.out or args.predictions.with_name(f"{args.predictions.stem}.scores.json")
            files = {_setting(args.predictions): args.predictions}
            scores = _score_files(files, args.stories, findings, show, **options)
    _write(out, scores)
    print_table(scores)
    print(f"scores (raw scale): {out}")
    if findings:
        print(findings.summary(), file=sys.stderr)
    return 0


def score_folder(folder: str | Path, findings: Findings | None = None, **options: Any) -> Settings:
    """Score each ``predictions.<setting>.jsonl`` of a run folder and write its ``scores.json``.

    Args:
        folder: the run folder; its ``stories.jsonl`` has the references.
        findings: takes the warnings; None prints them to stderr.
        options: those of `vn.metrics.scorecard.score`.

    Returns:
        ``{setting: {metric: {"value": ...}}}``, what was written.

    Raises:
        InputError: no predictions there, or a bad line in them.
    """
    own = findings if findings is not None else Findings()
    scores = _score_files(_prediction_files(Path(folder)), None, own, **options)
    _write(Path(folder) / "scores.json", scores)
    if findings is None and own:
        print(own.summary(), file=sys.stderr)
    return scores


def print_table(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Print the content of a ``scores.json``, one table a setting, values times 100."""
    console = Console()
    for setting, metrics in scores.items():
        table = Table(
            title=f"{escape(setting)}: scores x100, with 95 % intervals over videos",
            title_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1),
        )
        for name, justify in (("metric", "left"), ("x100", "right"), ("95 % interval", "right")):
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        table.add_column("clips", justify="right", no_wrap=True)
        table.add_column("how", overflow="fold")
        for name, entry in metrics.items():
            if entry["value"] is not None:
                table.add_row(name, *_cells(name, entry))
        console.print(table)
        for line in _remarks(metrics):
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def _cells(name: str, entry: Mapping[str, Any]) -> list[str]:
    ends, coverage = entry["interval"], entry["coverage"]
    variant = f"{entry['variant']} range" if name == "word_length_accuracy" else entry["variant"]
    return [
        f"{100 * entry['value']:.1f}",
        f"{100 * ends[0]:.1f} .. {100 * ends[1]:.1f}" if ends else "",
        f"{coverage['scored']}/{coverage['clips']}",
        ", ".join(filter(None, (entry["tokenisation"], variant))),
    ]


def _remarks(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the table does not say: gaps that count as empty narrations, and metrics without a number."""
    lines = []
    for what in ("missing", "empty"):
        names = {
            name: e["coverage"][what] for name, e in metrics.items() if e["value"] is not None and e["coverage"][what]
        }
        if names:
            lines.append(f"{max(names.values())} {what}, scored as nothing")
    why: dict[str, list[str]] = {}
    for name, entry in metrics.items():
        if entry["value"] is None:
            why.setdefault(entry.get("why", "unknown"), []).append(name)
    return [*lines, *(f"not computed, {reason}: {', '.join(names)}" for reason, names in why.items())]


def _prediction_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError("no such run folder", file=folder)
    files = {_setting(file): file for file in sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))}
    if not files:
        raise InputError("has no predictions.*.jsonl; `vn test` writes them", file=folder)
    return files


def _setting(file: Path) -> str:
    return file.name.removesuffix(SUFFIX).removeprefix(PREFIX)


def _score_files(
    files: Mapping[str, Path],
    stories_file: Path | None,
    findings: Findings,
    on_step: Callable[[str], None] = lambda step: None,
    **options: Any,
) -> Settings:
    from vn.metrics.predictions import read_lines
    from vn.metrics.scorecard import score

    if stories_file is None:
        beside = next(iter(files.values())).with_name("stories.jsonl")
        stories_file = beside if beside.is_file() else None
    if stories_file is None:
        findings.add("there is no stories.jsonl: the predictions' own references count, and no clip can be missed")
    stories = None if stories_file is None else read_lines(stories_file)
    scores = {}
    for setting, file in files.items():
        scores[setting] = score(
            read_lines(file),
            stories,
            storyline_given=setting == "given",
            file=file,
            stories_file=stories_file,
            findings=findings,
            on_step=lambda step, setting=setting: on_step(f"{setting}: {step}"),  # type: ignore[misc]
            **options,
        )
    return scores


def _write(file: Path, scores: Settings) -> None:
    write_text(file, json.dumps(scores, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
