"""FLOPs of a training step, by formula; `benchmarks/train.py` checks the formula against counted products.

A product of [a, b] and [b, c] is 2abc. A frozen weight costs one product forward and one backward (the gradient of its
input), a trained one two backward. Attention over P pairs of positions costs 4 P h forward (h: heads x their width)
and, recomputed by a flash kernel, 10 P h backward; pairs are those a kernel computes: half a square if it is causal,
the whole rectangle if a branch attends under a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vn.llm.trees import Tree


@dataclass(frozen=True, slots=True)
class Shape:
    """A LLaMA's sizes and the rank of its LoRA."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    inner: int
    vocabulary: int
    rank: int = 64

    @property
    def linears(self) -> list[tuple[int, int]]:
        """Inputs and outputs of a layer's linear maps."""
        q, kv = self.heads * self.head_width, self.kv_heads * self.head_width
        attention = [(self.width, q), (self.width, kv), (self.width, kv), (q, self.width)]
        return [*attention, (self.width, self.inner), (self.width, self.inner), (self.inner, self.width)]

    @property
    def weights(self) -> int:
        """Frozen weights in the layers."""
        return self.layers * sum(a * b for a, b in self.linears)

    @property
    def lora(self) -> int:
        """Trained weights in the layers."""
        return self.layers * sum(self.rank * (a + b) for a, b in self.linears)


LLAMA_7B = Shape(32, 4096, 32, 32, 128, 11008, 64000)  # Baichuan-7B: LLaMA-7B with 64,000 tokens


@dataclass(frozen=True, slots=True)
class Load:
    """What a step puts through the model: tokens in the layers, pairs in attention, places with logits."""

    tokens: int
    pairs: float
    logits: int
    visual: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(
            self.tokens + other.tokens,
            self.pairs + other.pairs,
            self.logits + other.logits,
            self.visual + other.visual,
        )


def padded(lengths: Sequence[int], logits: int | None = None, visual: int = 0) -> Load:
    """Rows side by side, padded to the longest; `logits` None computes the vocabulary at every place."""
    count, longest = len(lengths), max(lengths)
    tokens = count * longest
    return Load(tokens, count * longest**2 / 2, tokens if logits is None else logits, visual)


def shared(trees: Sequence[Tree], logits: int, visual: int = 0, causal: float = 0.5) -> Load:
    """One line of trees; `causal` is the share of a trunk's square that is computed."""
    tokens = sum(part.end - part.start for tree in trees for part in tree.parts)
    pairs = sum(causal * (tree.end - tree.start) ** 2 for tree in trees)
    pairs += sum((b.end - b.start) * (b.seen - t.start + b.end - b.start) for t in trees for b in t.branches)
    return Load(tokens, pairs, logits, visual)


def flops(shape: Shape, load: Load, checkpointing: bool = False, flash: bool = True, features: int = 768) -> float:
    """FLOPs of forward and backward.

    Args:
        shape: of the model.
        load: of the step.
        checkpointing: the layers run forward twice.
        flash: attention recomputes its scores in the backward pass; False stores them, as plain products do.
        features: width of the frame features that the projector takes.
    """
    forward = 2 * (shape.weights + shape.lora) * load.tokens
    backward = 2 * (shape.weights + 2 * shape.lora) * load.tokens
    attention = shape.layers * shape.heads * shape.head_width * load.pairs
    forward, backward = forward + 4 * attention, backward + (10 if flash else 8) * attention
    head = 4 * shape.width * shape.vocabulary * load.logits
    projector = 6 * features * shape.width * load.visual
    return (2 if checkpointing else 1) * forward + backward + head + projector


def forward_flops(shape: Shape, load: Load, features: int = 768) -> float:
    """FLOPs of writing: forward alone, LoRA merged."""
    attention = 4 * shape.layers * shape.heads * shape.head_width * load.pairs
    head = 2 * shape.width * shape.vocabulary * load.logits
    return 2 * shape.weights * load.tokens + attention + head + 2 * features * shape.width * load.visual
