"""VideoNarrator: the idea on one page (paper section 4, docs/method.md#visual-path, docs/method.md#language-path).

    frames of earlier clips            frames of this clip                       sampled at 1 fps, T tokens each
            |                                  |
      consolidate (visual/memory.py)     compress (visual/compression.py)        found on the CPU from token means:
            |                                  |                                 one matrix `weights` (visual/plan.py)
            `---- memory ---- frames ----------'
                         |
             weights @ frames, standardised
                         |
               + clip position p %  (visual/position.py)
                         |
                  linear projector  (visual/projector.py)
                         |
      instruction · product · text of earlier clips · [SCENE] · words 8-12 · label · narration
      `------------------------- causal language model + LoRA -------------------------------'
                                                                  `-- supervised: -log P --'

The loss of a clip is -log P(label, narration | instruction, knowledge, word range, frames so far, earlier clips' text).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vn.llm.kernels import Heads, kernel, no_mask
from vn.llm.packing import Batch
from vn.settings import Attention
from vn.visual.position import ClipPosition
from vn.visual.projector import Projector

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from vn.llm.llama import Llama

LOSS_CHUNK = 4096  # supervised tokens whose logits are in memory at once


class VideoNarrator(nn.Module):
    """A causal language model that sees clips.

    Args:
        llm: any LLaMA-family causal model of transformers, with LoRA or frozen; or a `vn.llm.llama.Llama`, which can
            write stories, but has no loss.
        width: D of the frame features.
        mean: ``[D]`` means that features are standardised with; None leaves features unchanged.
        std: ``[D]`` standard deviations, likewise.
        position: whether the relative clip position is added (False: the paper's ablation c).
        projector: class of the projector; called with D and the width H of the language model.

    Attributes:
        attention: how shared lines are attended over: ``auto``, ``sdpa``, ``varlen`` or ``flex`` (`vn.llm.kernels`).
        pool: whether a frame's T tokens are averaged to one.

    Example:
        >>> from vn.llm.load import load_base
        >>> narrator = VideoNarrator(load_base("models/tiny").llm, width=768)
        >>> frames, all_frames = torch.zeros(4, 32, 768), torch.eye(4)
        >>> narrator.visual_tokens(frames, all_frames, clip_positions=torch.tensor([0, 0, 50, 99])).shape
        torch.Size([128, 16])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        llm: PreTrainedModel | PeftModel | Llama,
        width: int,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        position: bool = True,
        projector: Callable[[int, int], nn.Module] = Projector,
    ) -> None:
        super().__init__()
        self.llm = llm
        self.attention: Attention = "auto"
        self.pool = False
        self.register_buffer("mean", torch.zeros(width) if mean is None else mean.float())
        self.register_buffer("std", torch.ones(width) if std is None else std.float())
        self.position = ClipPosition(width) if position else None
        self.projector = projector(width, self.causal_lm.config.hidden_size)

    @property
    def causal_lm(self) -> Any:
        """The causal model itself; if LoRA is on, its layers contain the adapters."""
        inside: Callable[[], Any] | None = getattr(self.llm, "get_base_model", None)  # PEFT's models have it
        return self.llm if inside is None else inside()

    def visual_tokens(self, frames: Tensor, weights: Tensor, clip_positions: Tensor) -> Tensor:
        """Frames to visual tokens.

        Args:
            frames: ``[F, T, D]`` features as stored.
            weights: ``[V, F]`` memory and kept frames as combinations of frames; rows sum to 1.
            clip_positions: ``[V]`` relative clip positions, 0 to 99.

        Returns:
            ``[V * T, H]``, H the language model's width; ``[V, H]`` if frames are pooled.
        """
        dtype = next(self.projector.parameters()).dtype
        tokens = torch.einsum("vf,ftd->vtd", weights.to(dtype), frames.to(dtype))
        if self.pool:
            tokens = tokens.mean(dim=1, keepdim=True)
        tokens = (tokens - self.mean.to(dtype)) / self.std.to(dtype)
        if self.position is not None:
            tokens = self.position(tokens, clip_positions)
        projected: Tensor = self.projector(tokens)
        return projected.flatten(0, 1)

    def embed(self, ids: Tensor, visual: Tensor, visual_index: Tensor) -> Tensor:
        """Token embeddings ``[B, L, H]`` with visual tokens ``[N, H]`` at flat indices ``[N]``."""
        words: Tensor = self.causal_lm.get_input_embeddings()(ids)
        return words.flatten(0, 1).index_copy(0, visual_index, visual.to(words.dtype)).view_as(words)

    def forward(self, batch: Batch) -> Tensor:
        """The summed -log P of the supervised tokens of a micro-batch; 0 for an empty one."""
        visual = self.visual_tokens(batch.frames, batch.weights, batch.clip_positions)
        inputs = self.embed(batch.ids, visual, batch.visual_index)
        mask, chosen = batch.mask, None
        if batch.trees is not None:
            heads = Heads.of(self.causal_lm.config, self.training)
            mask, chosen = no_mask(inputs), kernel(batch.trees, batch.prepared, self.attention, heads, inputs)
        hidden: Tensor = self.causal_lm.get_decoder()(
            inputs_embeds=inputs,
            attention_mask=mask,
            position_ids=batch.position_ids,
            kernel=chosen,
            use_cache=False,
        ).last_hidden_state
        hidden = hidden.flatten(0, 1)[batch.target_index - 1]  # a token is predicted at the position before it
        head = self.causal_lm.get_output_embeddings()
        loss = hidden.new_zeros((), dtype=torch.float32)
        # As many chunks as the step's tokens need: a sharded head must be called equally often on all ranks.
        chunks = max(1, -(-max(batch.step_targets, len(batch.targets)) // LOSS_CHUNK))
        pieces = zip(hidden.tensor_split(chunks), batch.targets.tensor_split(chunks), strict=True)
        for states, targets in pieces:
            loss = loss + F.cross_entropy(head(states).float(), targets, reduction="sum")
        return loss * batch.weight

    def trainable_state(self) -> dict[str, Tensor]:
        """The parameters that are trained: projector, position and LoRA, never the frozen model."""
        return {name: p.detach() for name, p in self.named_parameters() if p.requires_grad}
