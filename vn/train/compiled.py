"""Training with compiled layers (``model.compile``)."""

from __future__ import annotations

import lightning as L

from vn.errors import InputError
from vn.narrator import VideoNarrator


def compile_layers(narrator: VideoNarrator, trainer: L.Trainer | None = None) -> None:
    """Compile the decoder's layers with torch.compile, in place; weights keep their names.

    Layers differ in their weights alone, so one graph serves all of them, and compiling takes as long as for one layer
    rather than for the whole decoder. Shapes are dynamic: all lengths of lines share the graph.

    Args:
        narrator: the narrator to train.
        trainer: its trainer.

    Raises:
        InputError: the trainer's strategy shards weights, which it gathers module by module while it runs.
    """
    if trainer is not None and getattr(trainer.strategy, "stage", None) == 3:
        raise InputError("not with zero3, which gathers weights module by module", field="model.compile")
    for layer in narrator.causal_lm.get_decoder().layers:
        layer.compile(dynamic=True)
