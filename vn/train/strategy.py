"""DeepSpeed's ZeRO, as ``trainer.strategy: zero2`` (optimizer and gradients sharded) and ``zero3`` (weights too).

The same strategies run on CPUs with gloo, which is how they are tested. They differ from Lightning's own in this:

- The engine's configuration is built in code, from the trainer's own settings.
- A base model is loaded in shards by transformers, and LoRA, projector and position are created unsharded around it;
  the engine shards them afterwards. Created in shards, LoRA's B would silently not be zero.
- Only training is sharded. A test loads the adapter folder into an unsharded model on each rank.
- A checkpoint is a folder, complete or absent, without frozen weights, and contains an adapter folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.plugins.precision import DeepSpeedPrecision
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy, StrategyRegistry
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from vn.errors import InputError
from vn.extras import pip_command
from vn.train import checkpoint_io


class ZeroStrategy(DeepSpeedStrategy):
    """ZeRO through Lightning.

    Args:
        stage: what is sharded: 1 the optimizer's state, 2 gradients too, 3 weights too.
        offload_optimizer: keep the optimizer's state in CPU memory.
        persistence_threshold: at stage 3, parameters with fewer elements stay unsharded on each rank (engine's
            default: 100,000).
    """

    def __init__(
        self, stage: int = 2, offload_optimizer: bool = False, persistence_threshold: int | None = None, **others: Any
    ) -> None:
        zero: dict[str, Any] = {"stage": stage}
        if offload_optimizer:
            zero["offload_optimizer"] = {"device": "cpu"}
        if persistence_threshold is not None:
            zero["stage3_param_persistence_threshold"] = persistence_threshold
        config = {
            "zero_optimization": zero,
            "zero_allow_untested_optimizer": True,  # torch's AdamW, as everywhere; the engine's own would be compiled
            "zero_force_ds_cpu_optimizer": False,
            "train_micro_batch_size_per_gpu": 1,  # for its own statistics; ours count tokens
        }
        try:
            super().__init__(config=config, exclude_frozen_parameters=True, **others)
        except MisconfigurationException:  # Lightning looks for the package first
            message = f"zero{stage} needs the package deepspeed, which is not installed: {pip_command('train')}"
            raise InputError(message, field="trainer.strategy") from None
        self.stage = stage
        self.fresh_optimizer = False  # ``--resume weights``

    # -- processes --------------------------------------------------------------------------------------------

    def setup_environment(self) -> None:
        """Start communication between the processes; Lightning's own method refuses CPUs."""
        self._precision_plugin = _Precision(self.precision_plugin.precision)  # type: ignore[arg-type]
        if not isinstance(self.accelerator, CPUAccelerator):
            super().setup_environment()
            return
        from deepspeed.ops import __compatible_ops__

        __compatible_ops__["deepspeed_shm_comm"] = False  # takes minutes to compile, and gloo does the same
        count = len(self.parallel_devices or [None])
        self.parallel_devices = [torch.device("cpu", n) for n in range(count)]
        DDPStrategy.setup_environment(self)

    # -- the engine -------------------------------------------------------------------------------------------

    @contextmanager
    def model_sharded_context(self) -> Iterator[None]:
        """Let transformers load the base model in shards at stage 3; everything else is built unsharded."""
        self._init_config_if_needed()
        if not (self.zero_stage_3 and self._fitting):
            yield
            return
        from transformers.integrations import HfDeepSpeedConfig

        sharding = HfDeepSpeedConfig(self.config)  # transformers checks whether one exists
        yield
        del sharding

    @property
    def _fitting(self) -> bool:
        assert self.lightning_module is not None
        return self.lightning_module.trainer.state.fn == TrainerFn.FITTING

    def init_deepspeed(self) -> None:
        """Start the engine; a test needs none."""
        # At stage 3 the engine leaves buffers and metrics where they were made, on the CPU, to load no whole weight.
        if self.zero_stage_3 or not self._fitting:
            self.model_to_device()
        if not self._fitting:
            return
        super().init_deepspeed()
        engine = self.deepspeed_engine
        engine.checkpoint_engine.load = checkpoint_io.load_engine_file
        whole = engine.module_state_dict

        def module_state_dict(*args: Any, **options: Any) -> dict[str, Any]:
            return checkpoint_io.without_frozen(whole(*args, **options), engine.module)

        engine.module_state_dict = module_state_dict

    # -- checkpoints ------------------------------------------------------------------------------------------

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None) -> None:
        """Write a new checkpoint folder, and rename it when all ranks have written their part."""
        file = Path(self.broadcast(str(filepath)))
        module: Any = self.lightning_module
        progress = {k: v for k, v in checkpoint.items() if k not in ("state_dict", "optimizer_states")}
        with checkpoint_io.engine_folder(file, self) as new:
            super().save_checkpoint(checkpoint, new)
            self.barrier("shards-written")
            with gathered(module.parameters()):
                if self.is_global_zero:
                    checkpoint_io.finish_engine_folder(new, progress, module.assembled, self.world_size, self.stage)

    def load_checkpoint(self, checkpoint_path: str | Path, weights_only: bool | None = None) -> dict[str, Any]:
        """Load a checkpoint folder; with ``--resume weights``, only the progress of training."""
        if self.fresh_optimizer:
            return checkpoint_io.without_optimizer(Path(checkpoint_path))
        return super().load_checkpoint(checkpoint_path, weights_only)


class _Precision(DeepSpeedPrecision):
    """Leaves batches unchanged, and divides accumulated losses once, not by both Lightning and the engine."""

    def convert_input(self, data: Any) -> Any:
        return data

    def backward(self, tensor: Tensor, model: Any, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        super().backward(tensor, model, optimizer, *args, scale_wrt_gas=False, **kwargs)


@contextmanager
def gathered(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """While the context is open, trained weights are unsharded on each rank, as the optimizer has them: in float32.

    The engine's own copy is sharded at stage 3, and at lower precision has lost small changes of a step. All ranks
    open the context. Without an engine it does nothing.
    """
    held = [p for p in parameters if p.requires_grad and (hasattr(p, "_z3_optimizer") or hasattr(p, "_hp_mapping"))]
    if not held:
        yield
        return
    from deepspeed.utils import safe_get_full_fp32_param

    before = [p.data for p in held]
    for parameter in held:
        parameter.data = safe_get_full_fp32_param(parameter)
    try:
        yield
    finally:
        for parameter, data in zip(held, before, strict=True):
            parameter.data = data


def register() -> None:
    """Register ``zero1``, ``zero2`` and ``zero3`` as names for ``trainer.strategy``."""
    for stage in (1, 2, 3):
        if f"zero{stage}" not in StrategyRegistry:
            StrategyRegistry.register(f"zero{stage}", ZeroStrategy, f"DeepSpeed ZeRO, stage {stage}", stage=stage)
