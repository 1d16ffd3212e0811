"""Hides libraries' warnings and tips about what is intended here, or what no user can act on."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_WARNINGS = (
    ".*LightningCLI's args parameter.*",
    ".*does not have many workers.*",
    ".*The number of training batches.*",
    ".*You defined a `validation_step` but have no `val_dataloader`.*",
    ".*Found .* module.* in eval mode.*",
    ".*`IterableDataset` has `__len__` defined.*",
    ".*You have overridden `transfer_batch_to_device`.*",
    ".*`is_gradient_checkpointing` is deprecated.*",
    ".*LeafSpec.* is deprecated.*",
    ".*resuming from a checkpoint that ended before the epoch ended.*",  # which our data module supports
)
_TIPS = re.compile("Tip:|Detected KeyboardInterrupt")  # an interrupt is reported by our own message


@contextmanager
def filtered_logs() -> Iterator[None]:
    """Hide these warnings and tips while the block runs."""
    with warnings.catch_warnings():
        for message in _WARNINGS:
            warnings.filterwarnings("ignore", message)
        tips = logging.Filter()
        tips.filter = lambda record: not _TIPS.search(record.getMessage())  # type: ignore[method-assign]
        for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero"):
            logging.getLogger(name).addFilter(tips)
        yield
