"""The run folder of a baseline: its configuration, whether it may be continued, and what it cost."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from vn.baselines.writer import Storyline, Writer
from vn.errors import InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json, read_yaml
from vn.run_folder.metrics import NAME as METRICS
from vn.run_folder.metrics import logged_scores, metrics_line
from vn.run_folder.parts import FOLDER as PARTS
from vn.run_folder.parts import STORIES
from vn.run_folder.same_run import flat, refuse_difference
from vn.run_paths import with_relative_paths
from vn.story import WordRangeRule

CONFIG, COST, SCORES = "config.yaml", "cost.json", "scores.json"
ASKED = "asked.sqlite"  # what was asked, so that nothing is asked twice
COUNT_EVERY = 1.0  # seconds; a system without a model may write hundreds of stories in one
MEAN = "mean_"  # how numbers begin that do not add up over processes: those of the last one are kept
FREE = ("stories.path",)  # where the stories are; their content is compared


def configuration(
    name: str,
    writer: Writer,
    storylines: tuple[Storyline, ...],
    record: Mapping[str, Any],
    words: WordRangeRule,
    seed: int,
) -> dict[str, Any]:
    """What ``config.yaml`` has: all that the texts depend on.

    Args:
        name: the baseline.
        writer: the system.
        storylines: the settings that are written.
        record: what there is to know about the videos (`vn.baselines.source.Source`).
        words: how word ranges are computed.
        seed: random seed.
    """
    config = {
        "baseline": name,
        "system": writer.name,
        "seed_everything": seed,  # the name that configurations of narrators have for it
        "storyline": list(storylines),
        **record,
        "word_range": asdict(words),
        "settings": dict(writer.settings),
    }
    plain: dict[str, Any] = json.loads(json.dumps(config, default=str))  # as it is read again
    return plain


class RunFolder:
    """Files of one run.

    Args:
        folder: the run folder.

    Attributes:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before: dict[str, float] = {}
        self._counted = -math.inf

    def begin(self, config: Mapping[str, Any]) -> None:
        """Write the configuration, or compare it with the one that is there.

        Raises:
            InputError: the folder has another run; names the setting that differs.
        """
        file = self.folder / CONFIG
        if file.exists() and self._has_begun():
            before = read_yaml(file)
            if not isinstance(before, dict) or not before.get("baseline"):
                raise InputError("is the run of a narrator; give another --out or --name", file=file)
            way_out = "give another --out or --name"
            if before["baseline"] != config["baseline"]:
                raise InputError(f"is a run of {show(before['baseline'])}; {way_out}", file=file)
            refuse_difference(file, flat(before), flat(dict(config)), FREE.__contains__, way_out)
        else:
            text = yaml.safe_dump(dict(config), allow_unicode=True, sort_keys=False)
            write_text(file, with_relative_paths(text, self.folder))
        self._before = self.cost()

    def _has_begun(self) -> bool:
        """Whether something was written that other settings would have written otherwise."""
        return any((self.folder / name).exists() for name in (PARTS, STORIES, METRICS, "adapter", "checkpoints"))

    @property
    def is_written(self) -> bool:
        """Whether all stories are written."""
        return (self.folder / STORIES).exists() and not (self.folder / PARTS).exists()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do: the numbers are written last."""
        return self.is_written and (self.folder / METRICS).exists()

    def cost(self) -> dict[str, float]:
        """What was counted so far, over all processes that worked on the run."""
        file = self.folder / COST
        if not file.exists():
            return {}
        data = read_json(file)
        if not isinstance(data, dict) or not all(isinstance(value, int | float) for value in data.values()):
            raise InputError("expected numbers by name", file=file)
        return data

    def count(self, report_of: Callable[[], Mapping[str, float]], at_once: bool = False) -> None:
        """Keep what this process has counted, on top of what those before it had.

        Args:
            report_of: gives its counts.
            at_once: False: not if that was done less than a second ago.
        """
        now = time.monotonic()
        if not at_once and now < self._counted + COUNT_EVERY:
            return
        self._counted, report = now, report_of()
        total = {**self._before, **report}
        total |= {n: self._before[n] + report[n] for n in report if n in self._before and not n.startswith(MEAN)}
        write_text(self.folder / COST, json.dumps(total, indent=1) + "\n")

    def finish(self, scores: Mapping[str, Any]) -> None:
        """Write ``metrics.jsonl``: scores and costs by the names that W&B shows."""
        values = {**{f"cost/{name}": value for name, value in self.cost().items()}, **logged_scores(scores)}
        write_text(self.folder / METRICS, metrics_line(values, step=0).decode())
