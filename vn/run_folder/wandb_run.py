"""W&B's run of a run folder, without Lightning: where it is logged, under which id, and how it ends."""

from __future__ import annotations

import netrc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from vn.environment import wandb_variables
from vn.io.atomic import write_text
from vn.io.files import read_text
from vn.run_folder.metrics import NAME, row_of

PROJECT = "vn"
ID = Path("wandb") / "id"  # the run that a continued command goes on with


def stays_offline() -> bool:
    """Whether W&B only writes files: outside a sweep, unless the user has set a mode or is logged in."""
    variables = wandb_variables()
    return variables.sweep_id is None and variables.mode is None and not _logged_in()


def beside_config(name: str, value: Any) -> dict[str, Any]:
    """A key of W&B's configuration besides ``cfg``; none in a sweep, whose own keys are locked."""
    return {} if wandb_variables().sweep_id is not None else {name: value}


class WandbRun:
    """A run that mirrors a folder's ``metrics.jsonl``; a command that is continued goes on with the same one.

    Args:
        folder: the run folder.
        config: logged as ``cfg``.
        beside: keys of W&B's configuration besides it; in a sweep they are the sweep's own, and locked.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], beside: Mapping[str, Any]) -> None:
        import wandb

        variables = wandb_variables()
        in_sweep = variables.sweep_id is not None
        before = read_text(folder / ID).strip() if (folder / ID).is_file() else None
        self.folder = folder
        self.run: Any = wandb.init(
            name=None if in_sweep else folder.name,
            id=variables.run_id or before,
            project=variables.project or PROJECT,
            dir=str(folder),
            mode="offline" if stays_offline() else None,
            resume="allow",
        )
        if not self.run.disabled:
            (folder / ID).parent.mkdir(exist_ok=True)
            write_text(folder / ID, f"{self.run.id}\n")
        values = {key: value for name, each in beside.items() for key, value in beside_config(name, each).items()}
        self.run.config.update({"cfg": dict(config), **values}, allow_val_change=True)

    @property
    def disabled(self) -> bool:
        """Whether the user has turned W&B off."""
        return bool(self.run.disabled)

    def mirror(self) -> None:
        """Send the lines of ``metrics.jsonl`` that W&B does not have yet."""
        for row, line in enumerate((self.folder / NAME).read_bytes().splitlines(), 1):
            if row > self.run.starting_step:
                self.run.log(row_of(line))

    def finish(self, exit_code: int, preempted: bool = False) -> None:
        """End the run; a preempted one is marked as such, so that an agent starts it again."""
        if preempted:
            self.run.mark_preempting()
        self.run.finish(exit_code=exit_code)


def note_end(exit_code: int, folder: Path | None = None) -> None:
    """Report a sweep's point that ended before its work began as failed or finished, not as missing.

    Args:
        exit_code: 0 means finished.
        folder: folder of the run, if known, for W&B's few small files.
    """
    in_sweep = wandb_variables().sweep_id is not None
    if "wandb" not in sys.modules and not in_sweep:
        return
    import wandb

    run = wandb.run or (bare_run(folder) if in_sweep else None)
    if run is not None:
        run.finish(exit_code=exit_code)


def bare_run(folder: Path | None) -> Any:
    """The run that W&B's agent has started this process for, without what W&B collects by default."""
    import wandb

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    little = wandb.Settings(
        console="off", disable_code=True, disable_git=True, x_disable_stats=True, x_save_requirements=False
    )
    return wandb.init(dir=None if folder is None else str(folder), resume="allow", settings=little)


def log_files(run: Any, kind: str, files: list[Path]) -> None:
    """Log files as the artifact ``KIND-RUN``."""
    import wandb

    artifact = wandb.Artifact(f"{kind}-{run.id}", kind)
    for file in files:
        artifact.add_file(str(file), policy="immutable")  # read in place, not copied: adapters are large
    run.log_artifact(artifact)


def _logged_in() -> bool:
    """Whether W&B has a key: in the environment, or in ~/.netrc, where ``wandb login`` stores it."""
    variables = wandb_variables()
    if variables.api_key:
        return True
    host = urlparse(variables.base_url).hostname
    try:
        return host is not None and netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
