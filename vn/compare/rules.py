"""When a difference counts, and what each ablation and baseline is: ``counts.yaml`` and its neighbours."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vn.io.files import read_yaml

COUNTS, NOT, TOO_FEW, NO_INTERVAL = "counts", "does not count", "too few to say", "no interval"
LEVEL = 0.05
ROUNDING = 1e-9  # a difference of just the smallest size counts


@dataclass(frozen=True)
class Rules:
    """When a difference counts.

    Attributes:
        videos: number of videos that a metric needs.
        seeds: number of seeds that each variant needs.
        smallest: beginning of a metric's name -> the smallest difference, raw scale.
        others: the smallest difference of all other metrics.
    """

    videos: int
    seeds: int
    smallest: Mapping[str, float]
    others: float

    def smallest_of(self, metric: str) -> float:
        """The smallest difference of a metric that counts, raw scale.

        >>> rules().smallest_of("bleu_4_released"), rules().smallest_of("facts")
        (0.005, 0.01)
        """
        stems = [stem for stem in self.smallest if metric == stem or metric.startswith(f"{stem}_")]
        return self.smallest[max(stems, key=len)] if stems else self.others

    def verdict(
        self,
        metric: str,
        value: float,
        ends: tuple[float, float] | None,
        p_value: float | None,
        seeds: int,
        videos: int,
        compared: int = 1,
    ) -> tuple[str, str]:
        """Whether a difference counts, and why not.

        Args:
            metric: its name.
            value: the difference, raw scale.
            ends: ends of its interval, if there is one.
            p_value: p-value, corrected.
            seeds: number of seeds of the variant that has fewer.
            videos: number of videos the metric was computed on.
            compared: number of differences that the p-value is corrected for.
        """
        if seeds < self.seeds or videos < self.videos:
            return TOO_FEW, f"{_many(seeds, 'seed')} and {_many(videos, 'video')}; {self.wanted}"
        if ends is None or p_value is None:
            return NO_INTERVAL, "no interval"
        smallest = self.smallest_of(metric)
        if abs(value) < smallest - ROUNDING:
            return NOT, f"smaller than {100 * smallest:g}, the smallest difference that counts"
        if ends[0] <= 0 <= ends[1]:
            return NOT, "the interval contains 0"
        if p_value >= LEVEL:
            return NOT, f"p = {p_value:.3f} after Holm's correction over {_many(compared, 'difference')}"
        return COUNTS, ""

    @property
    def wanted(self) -> str:
        """What a verdict needs."""
        return f"{self.seeds} seeds per variant and {self.videos} videos are needed"

    @property
    def sentence(self) -> str:
        """The whole rule for readers."""
        titles = {"cider": "CIDEr", "bleu": "BLEU", "meteor": "METEOR", "emscore": "EMScore", "info_sim": "InfoSim"}
        sizes = ", ".join(f"{titles.get(stem, stem)} {100 * size:g}" for stem, size in self.smallest.items())
        return (
            f"A difference counts with at least {self.videos} videos and {self.seeds} seeds per variant (else: too few "
            f"to say), if its 95 % interval over seeds and videos excludes 0, p < {LEVEL:g} after Holm's correction, "
            f"and it is at least (x100): {sizes}, all others {100 * self.others:g}."
        )


@dataclass(frozen=True)
class Ablation:
    """What an ablation is: a sentence, and the settings that it fixes."""

    sentence: str
    sets: tuple[str, ...]


@functools.cache
def rules() -> Rules:
    """Read ``counts.yaml``.

    >>> rules().videos, rules().seeds, rules().smallest_of("cider")
    (20, 3, 0.05)
    """
    data = read_yaml(Path(__file__).with_name("counts.yaml"))
    smallest = {stem: size / 100 for stem, size in data["smallest"].items()}
    return Rules(data["videos"], data["seeds"], smallest, data["others"] / 100)


@functools.cache
def ablations() -> Mapping[str, Ablation]:
    """Read ``ablations.yaml``."""
    data = read_yaml(Path(__file__).with_name("ablations.yaml"))
    return {name: Ablation(each["sentence"], tuple(each.get("sets", ()))) for name, each in data.items()}


@functools.cache
def baselines() -> Mapping[str, str]:
    """Read ``baselines.yaml``: the name of a baseline -> a sentence on what it is."""
    return dict(read_yaml(Path(__file__).with_name("baselines.yaml")))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
