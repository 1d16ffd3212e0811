"""Runs one of the Lightning commands once it is built, up to its exit code."""

from __future__ import annotations

import json
import signal
import sys
import threading

from lightning.pytorch.plugins.environments import LightningEnvironment

from vn.run_folder.sigterm import EXIT, Preempted
from vn.score.report import print_table
from vn.train.checkpoint_io import check_epochs, check_fits, check_readable, find
from vn.train.checkpoints import LAST
from vn.train.narrator_cli import NarratorCLI
from vn.train.ranks import has_lost_another
from vn.train.wandb_logging import finish_wandb

__all__ = ["NarratorCLI", "work"]


def work(command: str, cli: NarratorCLI) -> int:
    """Run a command that was built.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        cli: its trainer, model and data.

    Returns:
        The exit code.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        _work(command, cli)
    except Preempted:
        return _exit_code(_preempted(command, cli), cli)
    except BaseException as error:
        finish_wandb(cli.trainer.loggers, exit_code=1)
        if has_lost_another(error):
            lost = "another process of the run has ended; its own message says why, unless it was killed"
            print(f"vn {command}: error: {lost}; repeat the command to continue", file=sys.stderr)
            return 1
        if isinstance(error, SystemExit) and cli.trainer.interrupted:
            if error.code == 1:
                raise KeyboardInterrupt from None  # Lightning turns it into an exit with code 1
            return _exit_code(int(error.code or 0), cli)  # the first process reports the error
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)  # Lightning leaves it ignored
    finish_wandb(cli.trainer.loggers, exit_code=int(cli.trainer.interrupted))
    if cli.trainer.interrupted:
        return 130
    if cli.trainer.is_global_zero:
        _report(command, cli)
    return 0


def _exit_code(code: int, cli: NarratorCLI) -> int:
    """0 on all but the first process of Lightning's own launcher, which would kill the first one otherwise."""
    strategy = cli.trainer.strategy
    launched = isinstance(getattr(strategy, "cluster_environment", None), LightningEnvironment)
    return 0 if launched and strategy.local_rank else code  # type: ignore[attr-defined]


def _preempted(command: str, cli: NarratorCLI) -> int:
    """End as SIGTERM asked."""
    finish_wandb(cli.trainer.loggers, EXIT, preempted=True)
    if cli.trainer.is_global_zero:
        print(f"vn {command}: stopped by SIGTERM; repeat the command to continue", file=sys.stderr)
    return EXIT


def _work(command: str, cli: NarratorCLI) -> None:
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    adapter = cli.folder / "adapter"
    if command in ("fit", "run") and not adapter.exists():
        trainer.fit(model, datamodule=data, ckpt_path=_checkpoint(cli), weights_only=True)
    if command == "validate":
        trainer.validate(model, datamodule=data)
    elif command == "predict":
        trainer.predict(model, datamodule=data, return_predictions=False)
    elif command == "test":
        trainer.test(model, datamodule=data, verbose=False)
    elif command == "run" and not trainer.interrupted:
        model.load_adapter(adapter, cli.test_dtype(adapter))  # what is tested is what was saved
        trainer.test(model, datamodule=data, verbose=False)


def _checkpoint(cli: NarratorCLI) -> str | None:
    """The checkpoint to resume from, after checking that it is readable and fits this trainer."""
    file = cli.folder / "checkpoints" / LAST
    found = find(file)
    if found is None:
        return None
    check_readable(found)
    check_epochs(found, cli.trainer.max_epochs)
    if cli.settings.resume == "weights":
        cli.model.start_from = found
    else:
        trainer = cli.trainer
        check_fits(found, getattr(trainer.strategy, "stage", None), trainer.num_nodes * trainer.num_devices)
    return str(found)


def _report(command: str, cli: NarratorCLI) -> None:
    scores = cli.model.output / "scores.json"
    if command in ("test", "run") and scores.exists():
        print_table(json.loads(scores.read_text(encoding="utf-8")))
    print(f"vn {command}: done; results are in {cli.model.output}", file=sys.stderr)
