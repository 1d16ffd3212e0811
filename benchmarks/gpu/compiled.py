"""A training step with the layers compiled by torch.compile: last, since compiling takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import contestants as c
from machine import matmul
from training import Entrant, narrator, race
from trials import Run, Trial

from vn.narrator import VideoNarrator
from vn.train.compiled import compile_layers


def compiled(run: Run) -> Iterator[Trial]:
    """Without checkpointing."""
    peak = matmul(run)["tflops"] * 1e12
    entrant = Entrant(replace(c.OURS, name="ours, varlen, compiled", kernel="varlen"))
    hold = partial(run.hold, "compiled", partial(make, run))
    yield Trial(entrant.who.name, partial(race, run, hold, entrant, peak), least=60)


def make(run: Run) -> VideoNarrator:
    """The model of `training`, compiled when it is first called."""
    made = narrator(run)
    compile_layers(made)
    return made
