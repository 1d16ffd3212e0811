"""The settings of a narrator that users choose: one dataclass for training, cards, rows and imports."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from vn.story import WordRangeRule
from vn.template import ClipHeader
from vn.visual.plan import VisualSettings

Quantization = Literal["none", "int8", "nf4"]
Attention = Literal["auto", "sdpa", "varlen", "flex"]


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class LoraSettings:
    """LoRA as in the paper.

    Attributes:
        rank: r; 0 freezes the language model (the paper's ablation a).
        alpha: the update is scaled by alpha / rank.
        dropout: dropout rate on the input of each adapter (released: 0.05).
        targets: ``all-linear`` (released: attention and feed-forward), ``attention``, or a list of layer names, which
            may include ``lm_head`` and ``embed_tokens``, also if the two share one weight (`vn.llm.lora.untie`).
    """

    rank: int = 64
    alpha: int = 16
    dropout: float = 0.05
    targets: str | list[str] = "all-linear"


@dataclass(frozen=True)
class NarratorSettings:
    """The settings of a narrator; `vn.card.NarratorCard` adds those that follow from the data.

    Attributes:
        base_model: ``smollm2``, a folder, a GGUF file, a name on the Hugging Face hub, or ``loader:rest`` with a loader
            of another package.
        clip_header: ``index`` or ``index_of_total``; None uses the template's own.
        storyline: whether the narrator writes script labels (False: ablation b).
        word_range: source of the word ranges in prompts and scores.
        visual: compression, memory, position.
        lora: rank (0 freezes the language model, ablation a), alpha, dropout, targets.
        max_length: most tokens per prompt; longer prompts are cut, counted and logged.
        dtype: type of the base model's weights, such as ``float32`` or ``bfloat16``.
        quantization: quantizes the base model with bitsandbytes: ``none``, ``int8`` or ``nf4`` (4 bits).
        projector: ``linear``, or a projector of another package, by the name it registers or as ``module:Name``.
        narrator: ``videonarrator``, or a narrator of another package, likewise (docs/extending.md).
    """

    base_model: str
    clip_header: ClipHeader | None = None
    storyline: bool = True
    word_range: WordRangeRule = field(default_factory=WordRangeRule)
    visual: VisualSettings = field(default_factory=VisualSettings)
    lora: LoraSettings = field(default_factory=LoraSettings)
    max_length: int = 4096
    dtype: str = "float32"
    quantization: Quantization = "none"
    projector: str = "linear"
    narrator: str = "videonarrator"

    def of_narrator(self) -> dict[str, Any]:
        """These settings by name, without those that subclasses add."""
        return {each.name: getattr(self, each.name) for each in fields(NarratorSettings)}
