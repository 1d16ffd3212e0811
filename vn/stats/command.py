"""``vn stats``: data in; Table 1, stats.html, stats.json and plots out."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vn.errors import InputError

EPILOG = """\
DATA is a data folder with shards (a path or URL), Story files as vn prepare reads them (also those of vn annotate), a
run folder, or annotations of a corpus. Words are counted as in word ranges: characters with punctuation in Chinese,
words between spaces in English; text per second is all words divided by the seconds of all clips.

examples:
  vn stats data/mine                                   per split and in all, beside the paper's Table 1
  vn stats annotations.json --reader esyncvidstory
  vn stats stories data/esync --out comparison         side by side, with differences from the first
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn stats``."""
    from vn.data.readers import READERS

    parser.epilog = EPILOG
    parser.add_argument("data", nargs="+", metavar="DATA", help="what to count; several are shown side by side")
    parser.add_argument(
        "--reader",
        metavar="NAME",
        help=f"how all DATA are read: {' | '.join(READERS)}, or one of another package (default: as the files look)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for stats.html, stats.json and the plots (default: stats inside DATA if that is one folder, else "
        "stats in the current one)",
    )
    parser.add_argument(
        "--max-bad",
        type=int,
        default=0,
        metavar="N",
        help="leave out up to N unusable stories of each DATA (default: 0)",
    )
    parser.add_argument(
        "--font",
        type=Path,
        metavar="FILE",
        help="font with Chinese characters for the plots (default: an installed one)",
    )


def run(args: argparse.Namespace) -> int:
    """Count, print and write."""
    from vn.data.prepare_plan import over_budget
    from vn.io.atomic import write_text
    from vn.stats import figures, page
    from vn.stats.collect import collect, names_of
    from vn.stats.source import open_source
    from vn.version import __version__

    if args.max_bad < 0:
        raise InputError(f"expected 0 or more, got {args.max_bad}", field="--max-bad")
    out = args.out or _default_out(args.data)
    if out.exists() and not out.is_dir():
        raise InputError("expected a folder, it is a file", file=out)
    if args.font is not None:
        figures.chinese_font(args.font)  # before anything is read
    sources = [open_source(path, args.reader) for path in args.data]
    data = []
    for source, name in zip(sources, names_of(args.data), strict=True):
        found = collect(source, name)
        if len(found["bad"]) > args.max_bad:
            raise InputError(over_budget(found["bad"], args.max_bad))
        data.append(found)
    out.mkdir(parents=True, exist_ok=True)
    notes = [note for each in data for note in _notes(each, several=len(data) > 1)]
    notes += figures.draw([(each["name"], each["splits"]["all"]) for each in data], out, args.font)
    made = f"vn stats {shlex.join(args.data)}"
    title = f"Statistics of {', '.join(each['name'] for each in data)}"
    write_text(out / "stats.html", page.render(data, title, made, notes))
    written = {"format": 1, "vn": __version__, "made": made, "data": data, "notes": notes}
    write_text(out / "stats.json", json.dumps(written, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    _print(data, notes)
    print(f"wrote {out / 'stats.html'}, stats.json, {figures.LABELS}, {figures.CLIPS}")
    return 0


def _default_out(paths: Sequence[str]) -> Path:
    folder = Path(paths[0])
    return (folder if len(paths) == 1 and folder.is_dir() else Path()) / "stats"


def _notes(each: dict[str, Any], several: bool) -> list[str]:
    """What is not counted, or only in part, in sentences."""
    from vn.stats.measure import LACKS

    name = f"{each['name']}: " if several else ""
    notes = [f"{name}the {split} split has no stories" for split in each["empty"]]
    if bad := each["bad"]:
        notes.append(
            f"{name}left out {len(bad)} unusable {'story' if len(bad) == 1 else 'stories'}, the first: {bad[0]}"
        )
    whole = each["splits"]["all"]
    for what, ids in whole["without"].items():
        first = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        who = "1 story" if len(ids) == 1 else f"{len(ids)} stories"
        notes.append(f"{name}{who} with {LACKS[what]}: {first}")
    if len(whole["languages"]) > 1:
        counted = " and ".join(f"{count} in {language}" for language, count in whole["languages"].items())
        notes.append(f"{name}languages are mixed ({counted}): characters and words are added up")
    if each["warnings"]:
        notes.append(f"{name}{each['warnings']} warnings while reading, the first: {each['first_warning']}")
    return notes


def _print(data: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
    """Table 1 with the paper's rows, and the notes on stderr."""
    from vn.stats.table1 import HEADINGS, paper_rows, row

    rows = [each.cells for each in paper_rows()]
    for each in data:
        rows += [
            row(each["name"] if split == "all" else f"  {split}", counted).cells
            for split, counted in each["splits"].items()
        ]
    widths = [max(len(line[n]) for line in (HEADINGS, *rows)) for n in range(len(HEADINGS))]
    for line in (HEADINGS, *rows):
        cells = [
            cell.ljust(w) if n < 3 else cell.rjust(w) for n, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
