"""Whether a configuration matches the run in a folder, so that the run may be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vn.renamed import ADDED, with_current_names
from vn.run_folder.same_run import flat, refuse_difference

# Settings that may differ between a run and its continuation: they change no result.
FREE = (
    "config",
    "name",
    "runs",
    "resume",
    "checkpoint_every",
    "out",
    "adapter",
    "model.attention",
    "data.workers",
    "data.cache",
    "data.cache_gb",
    "data.rows_gb",
    "data.videos_at_once",
    "trainer.logger",
    "test",
    "data.frames",
)
FREE_TRAINER = (
    *("enable_progress_bar", "enable_model_summary", "log_every_n_steps", "profiler", "default_root_dir"),
    # The steps are the same on any machine; a checkpoint that does not fit is refused elsewhere.
    *("accelerator", "devices", "num_nodes", "strategy", "accumulate_grad_batches"),
)


def refuse_other(file: Path, old: Any, new: Any) -> None:
    """Raise if a run would be resumed with another configuration.

    Args:
        file: the run's ``config.yaml``.
        old: its content.
        new: the current configuration.

    Raises:
        InputError: a setting differs and changes results; names the first one.
    """
    refuse_difference(file, {**ADDED, **flat(with_current_names(old))}, flat(new), _free, "give another --name")


def _free(key: str) -> bool:
    return any(key == f or key.startswith(f + ".") for f in (*FREE, *(f"trainer.{t}" for t in FREE_TRAINER)))
