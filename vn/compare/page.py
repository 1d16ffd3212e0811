"""``compare.html``: one self-contained file, which opens without a network and runs only its own scripts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vn.compare.colours import colour_rules
from vn.compare.findings import what_counts, what_counts_of_effects
from vn.compare.names import COSTS, p_text, percent, shown
from vn.compare.number import Number
from vn.compare.orders import HEADS
from vn.compare.orders import shown as shown_order
from vn.compare.rules import rules
from vn.compare.runs import MUTE
from vn.compare.study import Study
from vn.compare.tables import Table
from vn.version import __version__

FOLDER = Path(__file__).with_name("page")
SCRIPTS = ("app.js", "charts.js", "stories.js")


class Setting(NamedTuple):
    """A row of the configuration: what each variant has for one key."""

    key: str
    values: tuple[str, ...]
    differs: bool


def render(
    study: Study,
    tables: Sequence[Table],
    data: Mapping[str, Any],
    index: Mapping[str, Any],
    chunks: Sequence[str],
    *,
    title: str,
    made: str,
    notes: Sequence[str] = (),
) -> str:
    """The page.

    Args:
        study: what is compared.
        tables: from `vn.compare.tables.paper_tables`.
        data: from `vn.compare.payload.payload`.
        index: from `vn.compare.payload.story_index`.
        chunks: from `vn.compare.payload.story_chunks`.
        title: title of the page.
        made: the command that made it.
        notes: what a reader should know, besides the study's own.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printed": lambda value, digits: f"{value:.{digits}f}"}
    environment.filters |= {"percent": percent, "p_text": p_text, "breakable": _breakable}
    environment.globals |= {"shown_order": shown_order, "order_heads": HEADS}
    environment.globals |= {"shown": shown, "is_number": lambda n: isinstance(n, Number)}
    plotly = _plotly()
    scripts = [(FOLDER / name).read_text("utf-8") for name in SCRIPTS]
    example = study.baseline.runs[0]
    test = next(iter(example.tests.values()))
    return environment.get_template("compare.html").render(
        title=title,
        made=made,
        version=__version__,
        study=study,
        tables=tables,
        groups={s: _groups(study, s) for s in study.settings},
        counts={s: what_counts(study, s) for s in study.settings},
        counts_of_effects={s: what_counts_of_effects(study, s) for s in study.settings},
        effects_any=any(study.effects.values()),
        places={v.name: i for i, v in enumerate(study.variants)},
        rule=rules().sentence,
        costs=_costs(study),
        config=config_rows(study),
        videos=len(test.stories),
        clips=len(test.clips),
        language={"en": "English", "zh": "Chinese"}[test.language],
        how=how(study),
        notes=[*study.notes, *notes],
        style=(FOLDER / "style.css").read_text("utf-8") + colour_rules(len(study.variants)),
        scripts=scripts,
        plotly=compressed(plotly),
        hashes=[_hash(script) for script in (plotly, *scripts)],
        data=script_json(data),
        index=script_json(index),
        chunks=chunks,
    )


def script_json(value: Any) -> str:
    """JSON that is safe in a script element: no text in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def compressed(text: str) -> str:
    """Base64 of a gzipped text: `unpacked` of app.js opens it."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _breakable(name: str) -> Any:
    """A name that may break after an underscore and the like."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([_@/,=])", r"\1<wbr>", str(escape(name))))


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _groups(study: Study, setting: str) -> dict[str, list[str]]:
    """Metrics by group; label agreement and facts only if there are any."""
    groups: dict[str, list[str]] = {}
    for metric in study.metrics(setting):
        groups.setdefault(shown(metric).group, []).append(metric)
    return groups


def _costs(study: Study) -> list[tuple[str, list[str]]]:
    rows = []
    for name, (label, scale, digits) in COSTS.items():
        values = [next((r.cost[name] for r in v.runs if name in r.cost), None) for v in study.variants]
        if any(v is not None for v in values):
            rows.append((label, ["–" if v is None else f"{v * scale:.{digits}f}" for v in values]))
    return rows


def config_rows(study: Study) -> list[Setting]:
    """All settings that some run has, by variant; those that differ between variants are marked."""
    keys = dict.fromkeys(key for run in study.runs for key in run.config if not MUTE.fullmatch(key))
    rows = []
    for key in keys:
        values = tuple(
            " | ".join(dict.fromkeys(_text(run.config[key]) if key in run.config else "–" for run in variant.runs))
            for variant in study.variants
        )
        rows.append(Setting(key, values, len(set(values)) > 1))
    return rows


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def how(study: Study) -> list[str]:
    """How each number was computed, each way once."""
    found: dict[str, list[str]] = {}
    for setting in study.settings:
        for own in study.numbers[setting].values():
            for metric, number in own.items():
                if isinstance(number, Number):
                    way = ", ".join(
                        f"{name} {number.how[name]}"
                        for name in ("tokenisation", "variant", "model")
                        if number.how.get(name)
                    )
                    titles = found.setdefault(way, [])
                    if way and shown(metric).title not in titles:
                        titles.append(shown(metric).title)
    return [f"{', '.join(titles)}: {way}" for way, titles in found.items() if titles]
