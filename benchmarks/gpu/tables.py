"""Prints the tables of a run of `check.py` in Markdown.

python benchmarks/gpu/tables.py check.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Trials = dict[str, dict[str, Any]]


def number(value: Any, digits: int = 3) -> str:
    """A number with so many digits that matter; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """A share."""
    return "" if value is None else f"{100 * value:.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, the first column to the left."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def why_not(result: dict[str, Any]) -> str | None:
    """Why a trial has no figures; None if it has."""
    if "error" in result:
        return str(result["error"]).partition("\n")[0][:120]
    return f"skipped: {result['skipped']}" if "skipped" in result else None


def rows_of(trials: Trials, cells: Any, width: int) -> Iterable[list[str]]:
    """A row for each trial; one without figures says why."""
    for name, result in trials.items():
        reason = why_not(result)
        yield [name, *(cells(result) if reason is None else [reason, *[""] * (width - 1)])]


def machine(results: dict[str, Any]) -> str:
    """A sentence or two."""
    found: Trials = results["sections"].get("machine", {})
    card, known = found.get("card", {}), found.get("versions", {})
    gb = f", {card['memory_gb']:.0f} GB" if "memory_gb" in card else ""
    lines = [
        f"{card.get('name', 'unknown')}{gb}; torch {known.get('torch')}, transformers {known.get('transformers')}, "
        f"peft {known.get('peft')}, Python {known.get('python')}. {results.get('stories', '')}, "
        f"{number(results.get('clips', 0.0))} narrated clips per video."
    ]
    if "tflops" in found.get("matmul", {}):
        lines.append(
            f"A bf16 matrix product of {found['matmul']['size']}: {number(found['matmul']['tflops'])} TFLOP/s."
        )
    if "terabytes_per_s" in found.get("copy", {}):
        lines.append(f"A copy within the device: {number(found['copy']['terabytes_per_s'])} TB/s, read and written.")
    return " ".join(lines)


def equality(trials: Trials) -> str:
    """How far everything is from float64."""

    def cells(result: dict[str, Any]) -> list[str]:
        if "same" in result:
            return [f"{result['same']} of {result['clips']} the same", "", "", mark(result)]
        errors = [f"{result[key]:.1e}" for key in ("loss_apart", "gradients_apart", "bound")]
        return [*errors, mark(result)]

    return table(["", "loss apart by", "gradients apart by", "allowed", "holds"], rows_of(trials, cells, 4))


def mark(result: dict[str, Any]) -> str:
    """Whether a check holds."""
    return "yes" if result.get("ok", True) else "**no**"


def quantized(trials: Trials) -> str:
    """Gradients through few bits."""
    return table(
        ["", "apart by", "allowed", "holds"],
        rows_of(trials, lambda r: [f"{r['apart']:.1e}", f"{r['bound']:.0e}", mark(r)], 3),
    )


def commands(trials: Trials) -> str:
    """What each command did."""

    def cells(result: dict[str, Any]) -> list[str]:
        found = ""
        if "apart" in result:
            same = "bit for bit" if result["bitwise"] else f"weights apart by {result['apart']:.1e}"
            found = f"{same}; two whole runs by {result['two_whole_runs_apart']:.1e}"
        elif "losses_apart" in result:
            found = f"losses apart by {result['losses_apart']:.1e}"
        return [str(result["steps"]), found, mark(result)]

    return table(["", "steps", "beside the whole run", "holds"], rows_of(trials, cells, 3))


def training(trials: Trials) -> str:
    """Seconds, utilisation and memory, and how many times as fast ours is."""
    races = {name: r for name, r in trials.items() if not name.startswith(("profile", "host time"))}

    def best(start: str, checkpointing: bool) -> float | None:
        found = [
            r["seconds_per_video"]
            for name, r in races.items()
            if name.startswith(start) and why_not(r) is None and r["checkpointing"] is checkpointing
        ]
        return min(found, default=None)

    def cells(result: dict[str, Any]) -> list[str]:
        theirs = best("HF Trainer", result["checkpointing"])
        ratio = theirs / result["seconds_per_video"] if theirs else None
        return [
            f"{result['seconds_per_video']:.3f}",
            number(result["tokens_per_s"]),
            number(result["tflops"]),
            percent(result["of_datasheet"]),
            percent(result["of_measured_peak"]),
            f"{result['peak_gb']:.1f}",
            "" if ratio is None else f"{ratio:.2f}",
        ]

    head = ["", "s per video", "tokens/s", "TFLOP/s", "of the data sheet", "of the measured peak", "peak GB"]
    lines = [table([*head, "HF's best / this"], rows_of(races, cells, 7))]
    for checkpointing in (False, True):
        ours, theirs = best("ours", checkpointing), best("HF Trainer", checkpointing)
        if ours and theirs:
            how = "with" if checkpointing else "without"
            lines.append(f"Best of ours against HF's best, {how} checkpointing: **{theirs / ours:.2f}x**.")
    return "\n\n".join(lines)


def profiles(trials: Trials) -> str:
    """Kernels and host time of a step."""
    found = {name: r for name, r in trials.items() if name.startswith("profile")}
    hosts = {name: r for name, r in trials.items() if name.startswith("host time")}

    def cells(result: dict[str, Any]) -> list[str]:
        copies = sum(count for name, count in result["calls"].items() if name.startswith("Memcpy"))
        syncs = sum(count for name, count in result["calls"].items() if "Synchronize" in name)
        ms = [f"{1e3 * result[key]:.0f}" for key in ("seconds", "busy_seconds")]
        share = percent(result["busy_share"])
        return [
            str(result["clips"]),
            str(result["operators"]),
            str(result["kernels"]),
            *ms,
            share,
            f"{copies}, {syncs}",
        ]

    head = ["one video, forward and backward", "clips", "operators", "kernels", "ms", "kernels' ms", "busy"]
    parts = [table([*head, "copies, syncs"], rows_of(found, cells, 7))]
    parts.append(
        table(
            ["layers so narrow that the device waits for the host", "layers", "ms"],
            rows_of(hosts, lambda r: [str(r["layers"]), f"{1e3 * r['seconds']:.0f}"], 2),
        )
    )
    for name, result in found.items():
        if result.get("longest"):
            parts.append(
                f"Longest kernels of {name}: " + "; ".join(f"{a} in {b} of `{c}`" for a, b, c in result["longest"][:8])
            )
    return "\n\n".join(parts)


def writing(trials: Trials) -> str:
    """Clips per second."""
    released = trials.get("released", {}).get("clips_per_s")

    def cells(result: dict[str, Any]) -> list[str]:
        ratio = f"{result['clips_per_s'] / released:.2f}" if released else ""
        rates = number(result["clips_per_s"]), ratio, number(result["tflops"])
        return [str(result["videos"]), str(result["clips"]), *rates, f"{result['peak_gb']:.1f}"]

    return table(["", "videos", "clips", "clips/s", "this / released", "TFLOP/s", "peak GB"], rows_of(trials, cells, 6))


def loading(trials: Trials) -> str:
    """How long a step waits."""
    return table(
        ["", "steps", "workers", "s per step", "MB per video", "waited"],
        rows_of(
            trials,
            lambda r: [
                str(r["steps"]),
                str(r["workers"]),
                f"{r['seconds_per_step']:.3f}",
                number(r["megabytes_per_video"]),
                percent(r["waited_share"]),
            ],
            5,
        ),
    )


TABLES = {
    "equality": [("The same by every kernel", equality)],
    "quantized": [("Gradients through weights of few bits", quantized)],
    "commands": [("`vn fit`", commands)],
    "training": [("A training step", training), ("What a step is made of", profiles)],
    "compiled": [("A training step, compiled", training)],
    "writing": [("Writing", writing)],
    "loading": [("The loader", loading)],
}


def main(file: Path) -> None:
    """Print them."""
    results = json.loads(file.read_text(encoding="utf-8"))
    print(machine(results))
    for section, trials in results["sections"].items():
        for title, make in TABLES.get(section, []):
            print(f"\n### {title}\n\n{make({k: v for k, v in trials.items() if k != 'section'})}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
