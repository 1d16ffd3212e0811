"""Checks that vn is right and fast on a GPU: at most nine minutes on one card, one JSON.

    python benchmarks/gpu/check.py --out check.json              # on a GPU
    python benchmarks/gpu/check.py --out check.json --tiny       # on the CPU: every line runs, no figure means anything
    python benchmarks/gpu/check.py --out again.json --only training,writing --minutes 5

Needs neither a network nor files other than `bundle.sh`'s; what cannot be imported is skipped, with the reason. The
JSON is written after every trial, so that a run that is cut short leaves what it had. `tables.py` prints its tables.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("WANDB_MODE", "disabled")

import torch
from trials import Result, Run, SkippedError, Trial

# ruff: isort: split
# After `trials`, which makes the other benchmarks importable.
from commands import Commands, commands
from compiled import compiled
from equality import equality
from flops import LLAMA_7B, Shape
from hardware import Place
from loading import loading
from machine import machine
from quantized import quantized
from training import training
from writing import writing

BUNDLE = Path(__file__).parent / "bundle"
SECTIONS: dict[str, Callable[[Run], Iterator[Trial]]] = {
    each.__name__: each for each in (machine, equality, quantized, commands, training, writing, loading, compiled)
}
CORRECTNESS = ("equality", "quantized", "commands")  # without times
TINY = Shape(2, 64, 4, 2, 16, 128, 500, rank=4)
SMALL = Shape(4, 512, 8, 4, 64, 1024, 2000, rank=16)  # grouped heads
NARROW = Shape(32, 256, 4, 4, 64, 512, 2000)


class Report:
    """The results so far, on disk and on the terminal."""

    def __init__(self, file: Path, arguments: dict[str, Any]) -> None:
        self.file = file
        self.began = time.monotonic()
        self.results: dict[str, Any] = {"arguments": arguments, "sections": {}}

    def put(self, section: str, name: str, result: Result) -> None:
        """Add a trial's result, and write all."""
        self.results["sections"].setdefault(section, {})[name] = result
        self.results["seconds"] = time.monotonic() - self.began
        self.file.write_text(json.dumps(self.results, indent=1, ensure_ascii=False), encoding="utf-8")
        shown = " ".join(f"{key}={short(value)}" for key, value in result.items() if key != "traceback")
        print(f"[{time.monotonic() - self.began:6.1f} s] {section} / {name}: {shown}", flush=True)


def short(value: Any) -> str:
    """A value on one line of the terminal."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 300 else text[:300] + "…"


def attempt(trial: Trial, run: Run) -> Result:
    """A trial's result; what it raises is one."""
    if run.left() < trial.least:
        return {"skipped": f"needs {trial.least:.0f} s, and {max(0.0, run.left()):.0f} s are left"}
    begin = time.monotonic()
    try:
        result = trial.work()
    except SkippedError as reason:
        result = {"skipped": str(reason)}
    except torch.OutOfMemoryError as error:
        result = {"error": "out of memory", "traceback": str(error)[:500]}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"[-4000:], "traceback": traceback.format_exc()[-4000:]}
    run.place.free()
    return {**result, "took": time.monotonic() - begin}


def check(run: Run, report: Report, chosen: list[str], trials: list[str]) -> None:
    """Run the sections, those trials whose 'section / trial' has one of these parts; one that fails stops no other."""
    for name in chosen:
        try:
            if name in CORRECTNESS and "commands" in chosen:
                run.started(Commands)  # they run while this process compares
            for trial in SECTIONS[name](run):
                if any(part in f"{name} / {trial.name}" for part in trials):
                    report.put(name, trial.name, attempt(trial, run))
        except Exception as error:  # of what a section does between its trials
            kept = {"error": f"{type(error).__name__}: {error}"[:500], "traceback": traceback.format_exc()[-4000:]}
            report.put(name, "section", kept)
        with contextlib.suppress(Exception):
            run.drop()


def main() -> int:
    """Check; the exit code is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the JSON")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--skip", default="", help="likewise")
    parser.add_argument(
        "--trials", default="", help="only those with one of these in 'section / trial', separated by ;"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="in all: what does not fit is skipped")
    parser.add_argument("--tiny", action="store_true", help="on the CPU, with a tiny model")
    parser.add_argument("--lengths", type=Path, default=BUNDLE / "core" / "lengths.json", help="of real stories")
    args = parser.parse_args()
    chosen = [name for name in args.only.split(",") if name not in args.skip.split(",")]
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if not args.tiny and not torch.cuda.is_available():
        parser.error("no GPU: --tiny runs it on the CPU")
    warnings.simplefilter("ignore", FutureWarning)  # of transformers' renamed gradient_checkpointing_enable
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder:
        run = Run(
            place=Place("cpu" if args.tiny else "cuda", torch.bfloat16),
            shape=TINY if args.tiny else LLAMA_7B,
            small=TINY if args.tiny else SMALL,
            narrow=TINY if args.tiny else NARROW,
            deadline=time.monotonic() + 60 * args.minutes,
            quick=args.tiny,
            folder=Path(folder),
            lengths=None if args.tiny else args.lengths,
        )
        report = Report(args.out, {"minutes": args.minutes, "tiny": args.tiny, "sections": chosen})
        report.results |= {"shape": asdict(run.shape), "clips": _clips(run), "stories": run.what}
        check(run, report, chosen, args.trials.split(";"))
    failed = [
        f"{section} / {name}"
        for section, trials in report.results["sections"].items()
        for name, result in trials.items()
        if "error" in result or result.get("ok") is False
    ]
    print(f"\n{report.results['seconds']:.0f} s. {'Failed: ' + ', '.join(failed) if failed else 'Nothing failed.'}")
    return int(bool(failed))


def _clips(run: Run) -> float:
    """Narrated clips of a mean story."""
    return math.fsum(len(story.narrated) for story in run.stories) / len(run.stories)


if __name__ == "__main__":
    sys.exit(main())
