"""The LightningModule: loss, optimizer, schedule, and the test that writes and scores stories."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor
from torchmetrics import MeanMetric

from vn.adapter import Assembly, NarratorCard, assemble, load_adapter, lost_base, read_card
from vn.data.manifest import Manifest
from vn.errors import Findings
from vn.generation.decoding import Decoding
from vn.generation.generate import Storyline, StoryWriter, VideoInput, WrittenClip
from vn.io.hashes import hash_folder
from vn.llm.load import Quantization
from vn.llm.lora import LoraSettings
from vn.llm.packing import Batch
from vn.prompt import ClipHeader, Template, default_template
from vn.story import WordRangeRule
from vn.train.checkpoint_io import load_weights
from vn.train.datamodule import StoryDataModule, UnreadableVideo
from vn.train.predictions import PredictionWriter, prediction_lines
from vn.visual.plan import VisualSettings


@dataclass(frozen=True)
class Optimization:
    """How the narrator is trained (spec "Training").

    Attributes:
        lr: peak learning rate.
        schedule: ``cosine`` to zero (the paper's request), ``linear`` (what the release really ran) or ``constant``.
        warmup: share of the steps over which the rate rises.
        weight_decay: of AdamW.
    """

    lr: float = 1e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.03
    weight_decay: float = 0.0

    def factor(self, step: int, horizon: int) -> float:
        """The learning rate of an optimizer step (from 0), as a share of the peak."""
        warm = math.ceil(self.warmup * horizon)
        if step < warm:
            return (step + 1) / warm
        if self.schedule == "constant":
            return 1.0
        done = min(1.0, (step - warm) / max(1, horizon - warm))
        return 1.0 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class EvaluationSettings:
    """What a test writes.

    Attributes:
        storyline: the settings to test: ``predicted``, ``given`` (the paper's two tables). Without a storyline only
            ``predicted`` is written.
        decoding: how tokens are chosen.
    """

    storyline: list[Storyline] = field(default_factory=lambda: ["predicted", "given"])
    decoding: Decoding = field(default_factory=Decoding)


def _trained_on(manifest: Manifest) -> dict[str, Any]:
    """What the narrator's card says of the train split."""
    samples = manifest.samples("train")
    return {
        "videos": len(samples),
        "clips": sum(sample.narrated for sample in samples),
        "seconds": round(sum(sample.seconds for sample in samples)),
        "manifest_sha256": manifest.sha256,
    }


class NarratorModule(L.LightningModule):
    """Trains and tests a `VideoNarrator`.

    Args:
        base_model: ``smollm2``, a folder, or a name on the Hugging Face hub.
        template: a shipped template's name or a file; None takes the one for the data's language and domain.
        clip_header: ``index`` or ``index_of_total``; None takes the template's own.
        storyline: False trains without script labels (ablation b).
        word_range: where the word ranges in prompts and scores come from.
        visual: compression, memory, position.
        lora: rank (0 freezes the language model, ablation a), alpha, dropout, targets.
        optimization: learning rate and schedule.
        max_length: tokens a prompt may have; over-long ones are cut, counted and logged.
        dtype: of the base model's weights.
        gradient_checkpointing: recompute activations in the backward pass.
        attention: ``sdpa``, or ``flex`` (CUDA): how rows that share their beginning are attended over in training.
        quantization: of the base model's weights, by bitsandbytes: ``none``, ``int8`` or ``nf4`` (4 bits).
    """

    strict_loading = False  # checkpoints hold only what is trained

    def __init__(
        self,
        base_model: str,
        template: str | None = None,
        clip_header: ClipHeader | None = None,
        storyline: bool = True,
        word_range: WordRangeRule = WordRangeRule(),  # noqa: B008 (frozen)
        visual: VisualSettings = VisualSettings(),  # noqa: B008 (frozen)
        lora: LoraSettings = LoraSettings(),  # noqa: B008 (frozen)
        optimization: Optimization = Optimization(),
        max_length: int = 4096,
        dtype: str = "float32",
        gradient_checkpointing: bool = False,
        attention: Literal["sdpa", "flex"] = "sdpa",
        quantization: Quantization = "none",
    ) -> None:
        super().__init__()
        self.base_model = base_model
        self.template = template
        self.clip_header = clip_header
        self.storyline = storyline
        self.word_range = word_range
        self.visual = visual
        self.lora = lora
        self.optimization = optimization
        self.max_length = max_length
        self.base_dtype = dtype
        self.gradient_checkpointing = gradient_checkpointing
        self.attention = attention
        self.quantization = quantization
        self.evaluation = EvaluationSettings()
        self.output: Path | None = None  # where a test writes; set by the command
        self.start_from: Path | None = None  # a checkpoint whose weights training starts from; set by the command
        self.assembly: Assembly | None = None
        self.adapter_sha256: str | None = None  # of the folder that was loaded
        self.val_loss = MeanMetric()
        self.on_micro_batch: Callable[[Tensor, Batch], None] = lambda loss, batch: None  # who sums up steps

    # -- building ---------------------------------------------------------------------------------------------

    def configure_model(self) -> None:
        """Build the narrator for the data at hand, unless an adapter was loaded."""
        if self.assembly is None:
            self._adopt(self._build())
            if self.start_from is not None:
                load_weights(self.start_from, self.narrator)
            # transformers hands models over in evaluation mode, and Lightning keeps the mode it finds.
            self.narrator.train()

    def _build(self) -> Assembly:
        manifest = self.data.manifest
        name = self.template or default_template(manifest.language, manifest.domain)
        template = Template.load(name, self.clip_header)
        card = NarratorCard(
            base_model=self.base_model,
            base_sha256="",
            dtype=self.base_dtype,
            template_sha256=template.sha256,
            clip_header=template.clip_header,
            language=manifest.language,
            storyline=self.storyline and template.storyline,
            word_range=self.word_range,
            visual=self.visual,
            threshold=manifest.similarity_threshold,
            tokens=manifest.tokens,
            width=manifest.width,
            standardise=manifest.standardise,
            encoder=manifest.encoder,
            lora=self.lora,
            max_length=self.max_length,
            quantization=self.quantization,
            domain=manifest.domain,
            corpus=manifest.corpus,
            trained_on=_trained_on(manifest),
        )
        mean, std = (torch.tensor(manifest.statistics[k], dtype=torch.float32) for k in ("mean", "std"))
        return assemble(card, template, mean, std)

    def load_adapter(self, folder: Path) -> None:
        """Replace the narrator by a trained one: what testing always does (design "Formats")."""
        elsewhere = lost_base(read_card(folder), folder) and Path(self.base_model).exists()
        self._adopt(load_adapter(folder, self.base_model if elsewhere else None))
        self.adapter_sha256 = hash_folder(folder)

    def _adopt(self, assembly: Assembly) -> None:
        if self.gradient_checkpointing:
            assembly.narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
        self.assembly = assembly
        self.narrator = assembly.narrator
        self.narrator.flex = self.attention == "flex"

    @property
    def data(self) -> StoryDataModule:
        """The data module of the run."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        return data

    @property
    def horizon(self) -> int:
        """Optimizer steps of the whole training: as many as `max_steps` and `max_epochs` both allow."""
        steps, epochs = self.trainer.max_steps, self.trainer.max_epochs
        if epochs is None or epochs < 0:
            return max(0, steps)
        return self.data.schedule.horizon(epochs, steps)

    @property
    def assembled(self) -> Assembly:
        """The narrator and its builder, which the data module builds rows with."""
        assert self.assembly is not None, "configure_model has not run"
        return self.assembly

    # -- training ---------------------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The micro-batch's share of the step's mean loss per supervised token.

        Lightning divides by the accumulated micro-batches and DDP averages over ranks, so that with the factor here
        a step's gradient is exactly that of the mean over its N tokens, however they were dealt (design "How the
        training step works").
        """
        share = self.narrator(batch) / max(1, batch.step_targets)
        self.on_micro_batch(share.detach(), batch)
        return share * self.trainer.world_size * self.trainer.accumulate_grad_batches

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Mean -log P per supervised token over the whole split, whatever the batches."""
        total = self.narrator(batch)
        count = len(batch.targets) * batch.weight
        if count:
            self.val_loss.update(total / count, count)

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", self.val_loss.compute(), prog_bar=True, rank_zero_only=False)
        self.val_loss.reset()

    def configure_optimizers(self) -> Any:
        """AdamW on projector, position and LoRA; the horizon comes from the manifest, not from a loader's length."""
        o = self.optimization
        trained = [p for p in self.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=o.lr, weight_decay=o.weight_decay)
        horizon = self.horizon
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: o.factor(step, horizon))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the frozen language model out of checkpoints."""
        trained = {f"narrator.{name}" for name in self.narrator.trainable_state()}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in trained}

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Batches go to the device; videos to narrate stay, their prompts are built clip by clip."""
        return batch.to(device, non_blocking=True) if isinstance(batch, Batch) else batch

    # -- writing ----------------------------------------------------------------------------------------------

    def on_test_start(self) -> None:
        self._open_predictions()

    def on_predict_start(self) -> None:
        self._open_predictions()

    def test_step(self, video: VideoInput | UnreadableVideo, batch_idx: int) -> None:
        """Narrate a video in every setting of `EvaluationSettings.storyline`, on the model's own earlier text.

        It is begun here, and written side by side with others until all are done.
        """
        self._narrate(video)

    def predict_step(self, video: VideoInput | UnreadableVideo, batch_idx: int) -> None:
        """The same for videos without references."""
        self._narrate(video)

    def on_test_epoch_end(self) -> None:
        self._pool.finish()

    def on_predict_epoch_end(self) -> None:
        self._pool.finish()

    def finish_predictions(self) -> Findings:
        """Merge what all ranks wrote; gives the videos that a setting could not be tested on."""
        self._predictions.merge((s, key) for key in self.data.test_keys for s in self._settings)
        return self._predictions.findings

    @property
    def _settings(self) -> list[Storyline]:
        return self.evaluation.storyline if self.assembled.builder.storyline else ["predicted"]

    def _open_predictions(self) -> None:
        assert self.output is not None, "the command sets where a test writes"
        test = {
            "adapter": self.adapter_sha256,
            "base_model": self.assembled.card.base_sha256,
            "testing": dataclasses.asdict(self.evaluation),
            "data": [self.data.manifest.sha256, self.data.frames, self.data.limit, self.data.evaluate_on],
        }
        self._predictions = PredictionWriter(self.output, self.trainer, test)
        self._writer = StoryWriter(self.narrator, self.assembled.builder, self.evaluation.decoding)
        self._pool = self._writer.pool(self.data.videos_at_once)

    def _narrate(self, video: VideoInput | UnreadableVideo) -> None:
        if isinstance(video, UnreadableVideo):
            self._predictions.note_unread(video.why)
            return
        story, source = video.story, self.assembled.builder.words.source
        clips = story.narrated or range(len(story.clips))
        for setting in self._settings:
            if (setting, story.id) in self._predictions.done:
                continue
            if setting == "given" and any(story.clips[i].labels is None for i in clips):
                self._predictions.skip(setting, story, "has no script labels to give")
            else:

                def keep(written: list[WrittenClip], setting: str = setting) -> None:
                    self._predictions.add(setting, story, prediction_lines(story, written, source))

                self._pool.add(self._writer.story(video, setting), keep)
