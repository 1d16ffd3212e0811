"""The paper's Figures 3 and 4 as PNG files, for one data folder or several side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.compare.colours import palette
from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.render.burn import find_font
from vn.stats.times import LONGEST_BIN
from vn.story import ScriptLabel

LABELS, CLIPS = "labels.png", "clips.png"
NO_FONT = "no font with Chinese characters is installed, so the plots have the labels' English names alone"
COMBINATIONS = 8  # the most frequent ones are drawn
DPI = 150
INK, QUIET, GRID = "#1a212c", "#535e6f", "#d7dce3"

Named = Sequence[tuple[str, Mapping[str, Any]]]
"""Name and statistics (`vn.stats.measure.Tally.to_dict`) of each data folder."""


def draw(data: Named, out: Path, font: Path | None = None) -> list[str]:
    """Write the plots.

    Args:
        data: what is drawn, side by side.
        out: folder for the files.
        font: font file with Chinese characters; None to look for an installed one.

    Returns:
        Notes for the reader.

    Raises:
        InputError: the font that is asked for cannot be read, or lacks a character.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import font_manager, rc_context

    names = {label.en: label.en for label in ScriptLabel}
    families, notes = ["DejaVu Sans"], []
    chinese = chinese_font(font)
    if chinese is None:
        notes.append(NO_FONT)
        data = [(_latin(name, number), each) for number, (name, each) in enumerate(data, 1)]
    else:
        font_manager.fontManager.addfont(str(chinese))
        families.append(font_manager.FontProperties(fname=str(chinese)).get_name())
        names = {label.en: f"{label.en}  {label.zh}" for label in ScriptLabel}
    style: dict[Any, Any] = {
        **{"font.family": families, "font.size": 10.0, "axes.titlesize": 11.0, "axes.titleweight": "bold"},
        **{"axes.edgecolor": QUIET, "axes.labelcolor": INK, "text.color": INK, "xtick.color": QUIET},
        **{"ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True},
        **{"grid.color": GRID, "axes.titlelocation": "left", "text.parse_math": False},
    }
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns that a font has no bold letters
    with rc_context(style):
        _save(_labels(data, names), out / LABELS)
        _save(_clips(data), out / CLIPS)
    return notes


def chinese_font(font: Path | None) -> Path | None:
    """The font for the labels' Chinese names; None if none is asked for and none is installed.

    Raises:
        InputError: the font that is asked for cannot be read, or lacks a character.
    """
    try:
        return find_font("zh", font, [label.zh for label in ScriptLabel])
    except InputError:
        if font is not None:
            raise
        return None


def _latin(name: str, number: int) -> str:
    """A data folder's name, if the usual font has its letters."""
    return name if all(ord(letter) < 0x0530 for letter in name) else f"data {number}"


def _colours(count: int) -> tuple[str, ...]:
    """Colours that people with any colour vision tell apart; the first, a grey, is for more than one."""
    return palette(count, "light") if count > 1 else palette(2, "light")[1:]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, wspace=0.04)
    return Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")


def _save(figure: Any, file: Path) -> None:
    with atomic_write(file) as opened:
        figure.savefig(opened, format="png", metadata={"Software": None})


def _labels(data: Named, names: Mapping[str, str]) -> Any:
    """Figure 3: bars per label, the most frequent one of the first data folder on top; combinations below."""
    counts = [each["labels"]["counts"] for _, each in data]
    order = sorted(names, key=lambda name: -counts[0][name])
    together = _combinations(data)
    rows = [len(order), max(1, len(together))]
    panels = 2 if together else 1
    figure = _figure(
        8.4, 0.9 + (0.3 + 0.1 * (len(data) - 1)) * sum(rows[:panels]) + (0.8 if together else 0) + 0.3 * (len(data) > 1)
    )
    axes = figure.subplots(panels, 1, squeeze=False, height_ratios=rows[:panels])[:, 0]
    single = len(data) == 1
    unit = "labels (a clip with several counts once for each)" if single else "share of all labels in per cent"
    wholes = [1.0 if single else max(1, each["labels"]["labels"]) / 100 for _, each in data]
    values = [[each[name] / whole for name in order] for each, whole in zip(counts, wholes, strict=True)]
    _bars(axes[0], [names[name] for name in order], values, single, unit)
    axes[0].set_title(f"Script labels{_of(data)}")
    if together:
        wholes = [1.0 if single else max(1, each["labels"]["labelled_clips"]) / 100 for _, each in data]
        values = [
            [_count_of(each, labels) / whole for labels in together]
            for (_, each), whole in zip(data, wholes, strict=True)
        ]
        titles = [" + ".join(names[label].partition("  ")[0] for label in labels) for labels in together]
        _bars(axes[1], titles, values, single, "clips" if single else "share of labelled clips in per cent")
        axes[1].set_title("Most frequent combinations in one clip")
    _legend(figure, data, ["-"] * len(data))
    return figure


def _of(data: Named) -> str:
    return f", {data[0][0]}: {data[0][1]['videos']:,} videos" if len(data) == 1 else ""


def _combinations(data: Named) -> list[tuple[str, ...]]:
    """The most frequent combinations of labels, those of all data together."""
    total: dict[tuple[str, ...], int] = {}
    for _, each in data:
        for entry in each["labels"]["combinations"]:
            key = tuple(entry["labels"])
            total[key] = total.get(key, 0) + entry["count"]
    return sorted(total, key=lambda labels: (-total[labels], labels))[:COMBINATIONS]


def _count_of(each: Mapping[str, Any], labels: tuple[str, ...]) -> int:
    found = (entry["count"] for entry in each["labels"]["combinations"] if tuple(entry["labels"]) == labels)
    return int(next(found, 0))


def _bars(axes: Any, names: Sequence[str], values: Sequence[Sequence[float]], whole: bool, unit: str) -> None:
    """Horizontal bars, one per name and data folder, each with its number."""
    from matplotlib.ticker import MaxNLocator

    thick = 0.8 / len(values)
    for number, (own, colour) in enumerate(zip(values, _colours(len(values)), strict=True)):
        places = [row - 0.4 + thick * (number + 0.5) for row in range(len(names))]
        bars = axes.barh(places, own, height=0.92 * thick, color=colour)
        texts = [f"{value:,.0f}" if whole else f"{value:.1f}" if value else "" for value in own]
        axes.bar_label(bars, texts, padding=3, fontsize=9 if len(values) == 1 else 7.5, color=QUIET)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(unit)
    axes.margins(x=0.09)
    if not any(map(any, values)):
        axes.set_xlim(0, 1)  # not around zero
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _clips(data: Named) -> Any:
    """Figure 4: (a) clips per video, (b) seconds per clip."""
    figure = _figure(8.4, 3.6 if len(data) == 1 else 3.6 + 0.25 * -(-len(data) // 3))
    left, right = figure.subplots(1, 2)
    per_video = [each["times"]["clips_per_video_histogram"][1:] for _, each in data]
    seconds = [each["times"]["clip_seconds_histogram"] for _, each in data]
    _steps(left, per_video, 0.5, "videos")
    left.set_title(f"(a) Clips per video{_of(data)}")
    left.set_xlabel("clips")
    _steps(right, seconds, 0.0, "clips")
    right.set_title("(b) Clip duration")
    over = any(own and own[-1] for own in seconds)
    right.set_xlabel(f"seconds (from {LONGEST_BIN:g} on: that long or longer)" if over else "seconds")
    _legend(figure, data, _dashes(len(data)))
    return figure


def _steps(axes: Any, counts: Sequence[Sequence[int]], start: float, what: str) -> None:
    """Histograms with bins of width 1: bars for one, outlines in shares for several."""
    from matplotlib.ticker import MaxNLocator

    most = max((n + 1 for own in counts for n, count in enumerate(own) if count), default=1)
    counts = [[*own[:most], *[0] * (most - len(own))] for own in counts]
    edges = [start + n for n in range(most + 1)]
    single = len(counts) == 1
    for own, colour, dash in zip(counts, _colours(len(counts)), _dashes(len(counts)), strict=True):
        if single:
            axes.bar([edge + 0.5 for edge in edges[:-1]], own, width=0.9, color=colour)
        else:
            whole = max(1, sum(own)) / 100
            axes.stairs([n / whole for n in own], edges, color=colour, linewidth=1.8, linestyle=dash)
    axes.set_ylabel(what if single else f"share of {what} in per cent")
    axes.set_ylim(bottom=0, top=None if any(map(sum, counts)) else 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=single))
    axes.grid(axis="y")


def _dashes(count: int) -> list[Any]:
    kinds: list[Any] = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))]
    return [kinds[n % len(kinds)] for n in range(count)]


def _legend(figure: Any, data: Named, dashes: Sequence[Any]) -> None:
    """Below the axes, so that it hides nothing; none for a single data folder."""
    from matplotlib.lines import Line2D

    if len(data) > 1:
        marks = [
            Line2D([], [], color=colour, linewidth=4 if dash == "-" else 2.5, linestyle=dash)
            for colour, dash in zip(_colours(len(data)), dashes, strict=True)
        ]
        names = [name for name, _ in data]
        figure.legend(marks, names, loc="outside lower left", ncols=3, frameon=False, handlelength=2.6)
