"""Training that starts from another narrator's weights (``model.start_from``), as fine-tuning a released model does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from safetensors.torch import load_file

from vn.adapter import Assembly, assemble, load_trained
from vn.card import NarratorCard, read_card
from vn.template import Template


def assemble_from(start: Path, card: NarratorCard, template: Template) -> Assembly:
    """Build a narrator that begins with another one's projector, position and LoRA.

    Args:
        start: adapter folder of the other narrator.
        card: card of the new one.
        template: the wording.

    Raises:
        InputError: the base model is another one than the other narrator's, or its weights are damaged.
    """
    other = read_card(start)
    own = load_file(start / "narrator.safetensors")
    # Its projector was trained with its own feature statistics, and its LoRA on its own base model.
    card = dataclasses.replace(card, standardise=other.standardise, base_sha256=other.base_sha256)
    assembly = assemble(card, template, own["mean"], own["std"])
    load_trained(start, assembly.narrator, lora=other.lora.rank > 0)
    return assembly
