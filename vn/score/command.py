"""``vn score``: predictions in; a table and scores.json out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.score.against import check_same_clips, compare
from vn.score.options import add_arguments, score_settings
from vn.score.predictions import parse_stories, read_lines
from vn.score.report import print_breakdown, print_differences, print_paper, print_table
from vn.score.scorecard import Scored, take
from vn.score.settings import ScoreSettings

__all__ = ["add_arguments", "print_table", "run", "score_folder"]

Settings = dict[str, dict[str, dict[str, Any]]]

FORMS = (".json", ".csv", ".tex")
PREFIX, SUFFIX = "predictions.", ".jsonl"


def run(args: argparse.Namespace) -> int:
    """Score a run folder or a predictions file."""
    from vn.score.paper import paper

    if args.corpus is not None and args.corpus not in paper().corpora:
        raise InputError(f"the paper has no corpus {args.corpus!r}; it has {', '.join(paper().corpora)}")
    for file in args.table:
        if file.suffix not in FORMS:
            raise InputError(f"a table is written as {', '.join(FORMS)}", file=file)
    findings = Findings()
    files, out = _files(args.predictions)
    out = args.out or out
    if not out.parent.is_dir():  # before anything is scored
        raise InputError("no such folder", file=out.parent)
    settings = score_settings(args, out)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("reading", total=None)

        def show(step: str) -> None:
            progress.update(task, description=step)

        scored = _take(files, args.stories, findings, show, settings)
        scores = {setting: each.entries(args.seed, args.by) for setting, each in scored.items()}
        differences = {}
        if args.against is not None:
            others = _take(_files(args.against)[0], args.stories, findings, show, settings)
            differences = _differences(scored, others, args, show)
    settings.models.cache.close()
    _write(out, scores)
    print_table(scores)
    print_breakdown(scores)
    if differences:
        print_differences(differences, args.predictions.name, args.against.name)
        file = out.with_name(f"{out.stem}.against.{args.against.stem}.json")
        _write(file, differences)
        print(f"differences (raw scale): {file}")
    if args.paper or args.table:
        _beside_paper(scored, scores, args)
    print(f"scores (raw scale): {out}")
    if findings:
        print(findings.summary(), file=sys.stderr)
    return 0


def score_folder(folder: str | Path, findings: Findings | None = None, **options: Any) -> Settings:
    """Score each ``predictions.<setting>.jsonl`` of a run folder and write its ``scores.json``, as ``vn score`` does.

    Args:
        folder: the run folder; its ``stories.jsonl`` has the references.
        findings: takes the warnings; None prints them to stderr.
        options: options of `vn score`, by their long names with underscores.

    Returns:
        ``{setting: {metric: {"value": ...}}}``, as written.

    Raises:
        InputError: no predictions there, or a bad line in them.
    """
    own = findings if findings is not None else Findings()
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--", str(folder)])
    for name, value in options.items():
        setattr(args, name, value)
    files, out = _files(Path(folder), folder_only=True)
    settings = score_settings(args, out)
    try:
        scored = _take(files, None, own, lambda step: None, settings)
    finally:
        settings.models.cache.close()
    scores = {setting: each.entries(args.seed) for setting, each in scored.items()}
    _write(out, scores)
    if findings is None and own:
        print(own.summary(), file=sys.stderr)
    return scores


def _files(place: Path, folder_only: bool = False) -> tuple[dict[str, Path], Path]:
    """The predictions by setting, and the file for their scores."""
    if folder_only or place.is_dir():
        return _prediction_files(place), place / "scores.json"
    return {_setting(place): place}, place.with_name(f"{place.stem}.scores.json")


def _differences(
    scored: Mapping[str, Scored], others: Mapping[str, Scored], args: argparse.Namespace, show: Callable[[str], None]
) -> Settings:
    shared = [setting for setting in scored if setting in others]
    pairs = {setting: (scored[setting], others[setting]) for setting in shared}
    if not pairs and len(scored) == len(others) == 1:  # two files with names of their own
        pairs = {next(iter(scored)): (next(iter(scored.values())), next(iter(others.values())))}
    if not pairs:
        raise InputError(
            f"no setting in common: {', '.join(scored)} here, {', '.join(others)} there", file=args.against
        )
    differences = {}
    for setting, (ours, other) in pairs.items():
        show(f"{setting}: differences")
        check_same_clips(ours.test, other.test)
        differences[setting] = compare(ours.measured, other.measured, args.seed)
    return differences


def _beside_paper(scored: Mapping[str, Scored], scores: Settings, args: argparse.Namespace) -> None:
    from vn.score.paper import paper
    from vn.score.paper_table import render, side_by_side
    from vn.score.run_config import CONFIG, run_config

    name = args.predictions.name
    file = (args.predictions if args.predictions.is_dir() else args.predictions.parent) / CONFIG
    config = run_config(file) if file.is_file() else None
    tables = []
    human = paper().human
    domains = set()
    for setting, entries in scores.items():
        stories = scored[setting].test.stories
        table = paper().table(setting, stories[0].domain if stories else "ad")
        if table is not None:
            printed = paper().printed(config, table) if config else None
            tables.append(side_by_side(table, {name: entries}, args.corpus, {name: printed}))
            domains.add(table.domain)
    if not tables:
        raise InputError("the paper has no table of these settings", file=args.predictions)
    if human.domain in domains:
        tables.append(side_by_side(human, {}))
    if args.paper:
        print_paper(tables)
    for file in args.table:
        write_text(file, render(tables, file.suffix.removeprefix(".")))
        print(f"table: {file}")


def _prediction_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError("no such run folder", file=folder)
    files = {_setting(file): file for file in sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))}
    if not files:
        raise InputError("has no predictions.*.jsonl; `vn test` writes them", file=folder)
    return files


def _setting(file: Path) -> str:
    return file.name.removesuffix(SUFFIX).removeprefix(PREFIX)


def _take(
    files: Mapping[str, Path],
    stories_file: Path | None,
    findings: Findings,
    on_step: Callable[[str], None],
    settings: ScoreSettings,
) -> dict[str, Scored]:
    if stories_file is None:
        beside = next(iter(files.values())).with_name("stories.jsonl")
        stories_file = beside if beside.is_file() else None
    if stories_file is None:
        findings.add("there is no stories.jsonl: the predictions' own references count, and no clip can be missed")
    stories = None if stories_file is None else parse_stories(read_lines(stories_file), stories_file)
    scored = {}
    for setting, file in files.items():
        scored[setting] = take(
            read_lines(file),
            stories,
            settings,
            storyline_given=setting == "given",
            file=file,
            stories_file=stories_file,
            findings=findings,
            on_step=lambda step, setting=setting: on_step(f"{setting}: {step}"),  # type: ignore[misc]
        )
    return scored


def _write(file: Path, scores: Settings) -> None:
    write_text(file, json.dumps(scores, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
