"""NarratorModule: a narrator as a LightningModule, with its loss, optimizer, schedule and test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn, cast

import lightning as L
import torch
from torch import Tensor
from torchmetrics import MeanMetric

from vn.adapter import Assembly
from vn.errors import InputError
from vn.generation.draft import VideoInput
from vn.llm.packing import Batch
from vn.train.checkpoint_io import load_weights
from vn.train.compiled import compile_layers
from vn.train.datamodule import StoryDataModule
from vn.train.new_narrator import new_narrator
from vn.train.optimizer import adamw, can_be_fused, with_schedule
from vn.train.settings import EvaluationSettings, ModelSettings
from vn.train.story_test import StoryTest
from vn.train.tested import Tested, load_tested
from vn.train.transfer import to_device
from vn.train.videos import UnreadableVideo

NOT_FROM_CHECKPOINT = (
    "a checkpoint contains no base model: to use a trained narrator, call vn.load_adapter(folder) on the run's adapter "
    "folder; to continue training, call Trainer.fit(..., ckpt_path=checkpoint)"
)


class NarratorModule(L.LightningModule):
    """Trains and tests a `vn.narrator.VideoNarrator` on a `StoryDataModule`.

    Args:
        settings: the base model's name or folder, or settings that contain it.
        changes: fields of `ModelSettings` to override.

    Attributes:
        evaluation: what a test writes.
        output: folder that a test writes to; None is the trainer's ``default_root_dir``.
        start_from: a checkpoint whose weights training starts from.

    Example:
        >>> module = NarratorModule("models/tiny", max_length=2048)
        >>> module.hparams["max_length"], module.hparams["lora"]["rank"]
        (2048, 64)
        >>> quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
        >>> trainer = L.Trainer(max_steps=2, accelerator="cpu", logger=False, **quiet)
        >>> trainer.fit(module, StoryDataModule("data/mine", workers=0))
        >>> trainer.global_step
        2
    """

    strict_loading = False  # checkpoints contain only trained weights

    def __init__(self, settings: ModelSettings | str | Path, **changes: Any) -> None:
        super().__init__()
        known = settings if isinstance(settings, ModelSettings) else ModelSettings(str(settings))
        self.settings = replace(known, **changes)
        self.save_hyperparameters(asdict(self.settings), logger=False)
        self.evaluation = EvaluationSettings()
        self.output: Path | None = None
        self.start_from: Path | None = None
        self.assembly: Assembly | None = None
        self.tested: Tested | None = None  # the folder that was loaded
        self.val_loss = MeanMetric()
        self.on_micro_batch: Callable[[Tensor, Batch], None] = lambda loss, batch: None  # set by the monitor of steps

    def configure_model(self) -> None:
        """Build the narrator for the data at hand, unless an adapter was loaded."""
        if self.assembly is None:
            self._adopt(new_narrator(self.settings, self.data.manifest))
            if self.start_from is not None:
                load_weights(self.start_from, self.narrator)
            # transformers returns models in evaluation mode, and Lightning keeps the mode it finds.
            self.narrator.train()
            if self.settings.compile:
                compile_layers(self.narrator, self.trainer)

    def load_adapter(self, folder: str | Path, dtype: str | None = None) -> None:
        """Replace the narrator by a trained one, as testing always does (arguments: `vn.adapter.load_adapter`)."""
        assembly, self.tested = load_tested(Path(folder), self.settings, self.evaluation.decoding.drafts, dtype)
        self._adopt(assembly)

    def _adopt(self, assembly: Assembly) -> None:
        if self.settings.gradient_checkpointing:
            assembly.narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
        self.assembly = assembly
        self.narrator = assembly.narrator
        self.narrator.attention = self.settings.attention

    @classmethod
    def load_from_checkpoint(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Always refuses: a checkpoint contains the trained weights and the optimizer's state, not the base model.

        Raises:
            InputError: always; names what to call instead.
        """
        raise InputError(NOT_FROM_CHECKPOINT)

    @property
    def data(self) -> StoryDataModule:
        """The data module of the run."""
        data: StoryDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        return data

    @property
    def horizon(self) -> int:
        """Optimizer steps of the whole training run: as many as both `max_steps` and `max_epochs` allow."""
        steps, epochs = self.trainer.max_steps, self.trainer.max_epochs
        if epochs is None or epochs < 0:
            return max(0, steps)
        return self.data.schedule.horizon(epochs, steps)

    @property
    def assembled(self) -> Assembly:
        """The narrator and its row builder, which the data module uses."""
        assert self.assembly is not None, "configure_model has not run"
        return self.assembly

    def forward(self, batch: Batch) -> Tensor:
        """The sum of -log P over a micro-batch's supervised tokens."""
        return cast(Tensor, self.narrator(batch))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The micro-batch's share of the step's mean loss per supervised token.

        Lightning divides by the accumulated micro-batches and DDP averages over ranks, so that with the factor here
        a step's gradient is exactly that of the mean over its N tokens, however they were distributed
        (docs/design.md#loss-of-a-step).
        """
        share: Tensor = self.narrator(batch) / max(1, batch.step_targets)
        self.on_micro_batch(share.detach(), batch)
        return share * self.trainer.world_size * self.trainer.accumulate_grad_batches

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Mean -log P per supervised token over the whole split, independent of the batches."""
        total = self.narrator(batch)
        count = len(batch.targets) * batch.weight
        if count:
            self.val_loss.update(total / count, count)

    def on_validation_epoch_end(self) -> None:
        """Log ``val/loss``."""
        self.log("val/loss", self.val_loss.compute(), prog_bar=True, rank_zero_only=False)
        self.val_loss.reset()

    def configure_optimizers(self) -> Any:
        """AdamW on projector, position and LoRA; the horizon comes from the manifest, not from a loader's length."""
        trained = [p for p in self.parameters() if p.requires_grad]
        optimizer = adamw(trained, self.settings.optimization, fused=can_be_fused(self.trainer))
        return with_schedule(optimizer, self.settings.optimization, self.horizon)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the frozen language model out of checkpoints."""
        trained = {f"narrator.{name}" for name in self.narrator.trainable_state()}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in trained}

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move batches to the device; videos to narrate stay, since their prompts are built clip by clip."""
        return to_device(batch, device) if isinstance(batch, Batch) else batch

    def on_test_start(self) -> None:
        """Open the files that the test writes, and find what an interrupted test has written."""
        output = self.output or Path(self.trainer.default_root_dir)
        self._test = StoryTest(self.trainer, self.assembled, self.evaluation, output, self.tested)

    def test_step(self, video: VideoInput | UnreadableVideo, batch_idx: int) -> None:
        """Narrate a video in every setting of `EvaluationSettings.storyline`, on the model's own earlier text."""
        self._test.add(video)

    def on_test_epoch_end(self) -> None:
        """Write what is unfinished, and merge what all ranks wrote."""
        self._test.finish()

    # Prediction is the same, for videos without references.
    on_predict_start, predict_step, on_predict_epoch_end = on_test_start, test_step, on_test_epoch_end
