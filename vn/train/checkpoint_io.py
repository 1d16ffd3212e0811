"""Checkpoints that are either complete or absent.

last.ckpt                one file in torch's format: trained weights, optimizer, schedule, position in the data order
last.ckpt/               a folder, of DeepSpeed's engine:
  checkpoint/            each rank's shard of weights and optimizer
  progress.ckpt          schedule and position in the data order
  adapter/               trained weights, unsharded: an adapter folder
  engine.json            written last: ranks and stage; a folder without it is incomplete
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from vn.adapter import Assembly, load_trained, save_adapter
from vn.errors import InputError
from vn.io.atomic import atomic_write, disk_fault, write_text
from vn.io.files import read_json
from vn.narrator import VideoNarrator

MARKER = "engine.json"
PROGRESS = "progress.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes next to the checkpoint and renames.

    Lightning's own plug-in writes to the system's temporary folder and moves from there: onto another file system, that
    is a copy over the older checkpoint, and if the disk fills up meanwhile, both are lost.

    Args:
        fresh_optimizer: load only the progress of training (``--resume weights``).
    """

    def __init__(self, fresh_optimizer: bool = False) -> None:
        self.fresh_optimizer = fresh_optimizer

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Write a checkpoint; raises `InputError` if it cannot, and leaves the older one unchanged."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        old = file.with_name(file.name + ".old")
        if file.is_dir():  # an engine's, from which training continued with a fresh optimizer
            _remove(old)
            os.replace(file, old)
        with atomic_write(file) as out:
            torch.save(checkpoint, out)
        _remove(old)

    def load_checkpoint(self, path: _PATH, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read a checkpoint, or only the progress of training."""
        if self.fresh_optimizer:
            return without_optimizer(Path(path))
        return super().load_checkpoint(path, *args, **kwargs)


def use_our_checkpoints(trainer: L.Trainer, fresh_optimizer: bool) -> None:
    """Make a trainer write its checkpoints this way, and read them as ``--resume`` asks."""
    if type(trainer.strategy) in (SingleDeviceStrategy, DDPStrategy):
        trainer.strategy.checkpoint_io = AtomicCheckpointIO(fresh_optimizer)
    elif hasattr(trainer.strategy, "fresh_optimizer"):
        trainer.strategy.fresh_optimizer = fresh_optimizer


# -- reading --------------------------------------------------------------------------------------------------


def find(file: Path) -> Path | None:
    """The checkpoint at a path, or the one that a kill between two renames left beside it; None if there is none."""
    for place in (file, file.with_name(file.name + ".new"), file.with_name(file.name + ".old")):
        if place.is_file() or (place / MARKER).exists():
            return place
    return None


def check_readable(file: Path) -> None:
    """Raise if a checkpoint is damaged."""
    try:
        if file.is_file():
            torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            return
        for each in (file / PROGRESS, *sorted((file / "checkpoint").glob("*.pt"))):
            load_engine_file(str(each), map_location="cpu", mmap=True)
    except Exception as error:  # torch raises RuntimeError, EOFError, UnpicklingError ... for damaged files
        raise InputError(f"damaged checkpoint ({type(error).__name__}); delete it to start over", file=file) from None


def check_fits(file: Path, stage: int | None, ranks: int) -> None:
    """Raise where a checkpoint cannot be resumed by this trainer with its optimizer's state.

    Args:
        file: the checkpoint.
        stage: stage of ZeRO; None for plain checkpoints.
        ranks: number of processes that train now.
    """
    way_out = "; --resume weights continues from its weights with a fresh optimizer"
    if file.is_file():
        if stage is not None:
            raise InputError(f"was not written by ZeRO, but training now uses zero{stage}{way_out}", file=file)
        return
    written = read_json(file / MARKER)
    if stage is None or written["stage"] != stage:
        now = "no ZeRO" if stage is None else f"zero{stage}"
        raise InputError(f"was written by zero{written['stage']}, but training now uses {now}{way_out}", file=file)
    if written["ranks"] != ranks:
        raise InputError(f"was written by {written['ranks']} ranks, but there are now {ranks}{way_out}", file=file)


def check_epochs(file: Path, max_epochs: int | None) -> None:
    """Raise if a checkpoint has done more epochs than training should have; Lightning would end in a traceback."""
    if max_epochs is None or max_epochs < 0:
        return
    done = torch.load(file if file.is_file() else file / PROGRESS, map_location="cpu", weights_only=True, mmap=True)[
        "epoch"
    ]
    if done > max_epochs:
        message = f"has done {done} epochs, more than the requested {max_epochs}"
        raise InputError(message, file=file, field="trainer.max_epochs")


def without_optimizer(file: Path) -> dict[str, Any]:
    """The progress of training, without the states of model and optimizer that Lightning would load."""
    progress = torch.load(file if file.is_file() else file / PROGRESS, map_location="cpu", weights_only=True)
    return {**progress, "state_dict": {}, "optimizer_states": []}


def wandb_run_id(file: Path) -> str | None:
    """The W&B run that the checkpoint at a path was logged to, None if there is none; raises if it is damaged."""
    found = find(file)
    if found is None:
        return None
    check_readable(found)
    progress = found if found.is_file() else found / PROGRESS
    run_id: str | None = torch.load(progress, map_location="cpu", weights_only=True, mmap=True).get("wandb_run_id")
    return run_id


def load_weights(file: Path, narrator: VideoNarrator) -> None:
    """Load a checkpoint's trained weights into a new narrator that is not sharded yet."""
    if file.is_dir():
        load_trained(file / "adapter", narrator)
        return
    state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    narrator.load_state_dict({name.removeprefix("narrator."): value for name, value in state.items()}, strict=False)


def load_engine_file(path: str, map_location: Any = None, mmap: bool | None = None) -> Any:
    """Read a file of DeepSpeed's engine as data; the engine's own loader would run any code in it."""
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    plain = [DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address]  # classes it stores besides tensors
    with torch.serialization.safe_globals(plain):
        return torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)


# -- writing an engine's --------------------------------------------------------------------------------------


@contextmanager
def engine_folder(file: Path, strategy: Any) -> Iterator[Path]:
    """A new checkpoint folder for all ranks to write into; it replaces the old one when the block ends.

    Raises:
        InputError: it cannot be written; the older one is unchanged.
    """
    new, old = (file.with_name(file.name + end) for end in (".new", ".old"))
    if strategy.is_global_zero:
        if new == find(file):
            os.replace(new, file)  # left by a kill between the two renames below
        _remove(new)
        new.mkdir(parents=True)
    strategy.barrier("checkpoint-begun")
    try:
        yield new
    except Exception as error:
        if fault := disk_fault(error):
            raise InputError(f"cannot be written: {fault}", file=file) from None
        raise
    strategy.barrier("checkpoint-written")
    if strategy.is_global_zero:
        if file.exists():
            _remove(old)
            os.replace(file, old)
        os.replace(new, file)
        _remove(old)
    strategy.barrier("checkpoint-renamed")


def without_frozen(state: dict[str, Any], module: torch.nn.Module) -> dict[str, Any]:
    """The part of a model's state that a checkpoint keeps: trained parameters, and buffers.

    DeepSpeed's engine leaves frozen parameters out by one name each. So it would keep those that have a second name,
    such as a head that is tied to the input embedding, and the quantization state of 4-bit weights.

    Args:
        state: the model's ``state_dict()``.
        module: the model.
    """
    kept = {name for name, p in module.named_parameters(remove_duplicate=False) if p.requires_grad}
    kept |= {name for name, _ in module.named_buffers(remove_duplicate=False)}
    return {name: value for name, value in state.items() if name in kept}


def finish_engine_folder(folder: Path, progress: dict[str, Any], assembly: Assembly, ranks: int, stage: int) -> None:
    """Write our files next to the engine's own."""
    with atomic_write(folder / PROGRESS) as out:
        torch.save(progress, out)
    save_adapter(folder / "adapter", assembly)
    write_text(folder / MARKER, json.dumps({"ranks": ranks, "stage": stage}) + "\n")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
