"""Training with a compiled decoder (``model.compile``)."""

from __future__ import annotations

import lightning as L

from vn.errors import InputError
from vn.narrator import VideoNarrator


def compile_decoder(narrator: VideoNarrator, trainer: L.Trainer) -> None:
    """Compile a narrator's decoder for its losses.

    Raises:
        InputError: the strategy shards weights, which it gathers module by module while it runs.
    """
    if getattr(trainer.strategy, "stage", None) == 3:
        raise InputError("not with zero3, which gathers weights module by module", field="model.compile")
    narrator.compile_decoder()
