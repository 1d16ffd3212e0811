"""VTimeLLM's released weights of three training stages, as one adapter folder (docs/baselines.md#chatglm3).

    stage 1   mm_projector.bin                              linear, CLIP's projected width to the language model's
    stage 2   adapter_config.json, adapter_model.bin        PEFT's LoRA, on the language model
    stage 3   the same                                      PEFT's LoRA, on the language model with stage 2 merged

The files of LoRA are PEFT's public format. That the projector is in ``mm_projector.bin`` or, if a later stage trained
it on, in that stage's ``non_lora_trainables.bin``, is inferred from programs of the same kind: another file can be
named instead of stage 1's folder. Two LoRAs, one on the other, are one of the summed rank
(`vn.llm.lora_files.compose`), so that nothing of the base model has to be written again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vn.adapter import assemble, save_adapter, take_weights
from vn.card import NarratorCard
from vn.errors import InputError
from vn.io.weights import read_tensors
from vn.llm.chatglm import glm_lora, is_chatglm_layer, read_glm_config
from vn.llm.lora_files import CONFIG, Lora, compose, read_lora
from vn.settings import LoraSettings
from vn.story import WordRangeRule
from vn.template import Template
from vn.visual.plan import VisualSettings

STAGES = 3
PROJECTORS = ("mm_projector.bin", "non_lora_trainables.bin")
PROJECTOR = "mm_projector"
WHOLE_VIDEO = VisualSettings(compression=False, memory="none", position=False, scope="video")
THRESHOLD = 1.0  # compression is off
_ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
ALL_LINEAR = (  # in transformers' GLM, in LLaMA
    {*_ATTENTION, "gate_up_proj", "down_proj"},
    {*_ATTENTION, "gate_proj", "up_proj", "down_proj"},
)


def make_adapter(
    stages: Sequence[str | Path],
    base_model: str,
    out: Path,
    encoder: Mapping[str, Any],
    template: str = "vtimellm-zh",
    **settings: Any,
) -> Path:
    """Write the adapter folder of VTimeLLM's weights.

    Args:
        stages: the three stages in order, each a folder, or for stage 1 the file with the projector.
        base_model: ChatGLM3-6B (Chinese), or the Vicuna that the weights were trained on (English).
        out: the folder to write.
        encoder: the entry of the frame encoder in the data's manifest; its features are what the projector takes.
        template: a shipped template's name or a file.
        settings: further fields of the narrator's card, e.g. ``dtype``, ``language`` or ``max_length``.

    Returns:
        The folder.

    Raises:
        InputError: a stage is missing or damaged, or is of another base model; names the file.
    """
    if len(stages) != STAGES:
        message = f"expected the projector of stage 1 and the LoRA folders of stages 2 and 3, got {len(stages)} paths"
        raise InputError(message, field="stages")
    places = [Path(stage).expanduser() for stage in stages]
    for number, place in enumerate(places, 1):
        if not place.exists():
            raise InputError(f"there is no stage {number} here", file=place)
    projector = {**_projector(places[0], needed=True), **_projector(places[1]), **_projector(places[2])}
    loras = [_lora(place, number) for number, place in enumerate(places[1:], 2)]
    lora = compose(_on_our_layers(loras, base_model))
    wording = Template.load(template)
    width = projector["weight"].shape[1]
    card = NarratorCard(
        base_model=base_model,
        base_sha256="",
        template_sha256=wording.sha256,
        clip_header=wording.clip_header,
        storyline=wording.storyline,
        threshold=THRESHOLD,
        tokens=1,
        width=width,
        standardise=False,
        encoder=dict(encoder),
        lora=LoraSettings(lora.rank, int(lora.alpha), lora.dropout, _targets(lora)),
        **{
            "language": "zh",
            "domain": "ad",
            "word_range": WordRangeRule("reference"),
            "visual": WHOLE_VIDEO,
            **settings,
        },
    )
    assembly = assemble(card, wording, torch.zeros(width), torch.ones(width))
    own = {f"projector.linear.{name}": tensor for name, tensor in projector.items()}
    take_weights(assembly, own, lora.matrices, lora.file)
    save_adapter(out, assembly)
    return out


def _projector(stage: Path, needed: bool = False) -> dict[str, Tensor]:
    """``weight`` ``[H, D]`` and ``bias`` ``[H]`` of a stage's projector; empty if it has none.

    Raises:
        InputError: it is needed and missing, or is not a linear layer.
    """
    files = [stage] if stage.is_file() else [stage / name for name in PROJECTORS]
    file = next((each for each in files if each.exists()), files[0])
    if not (file.exists() or needed):
        return {}
    found: dict[str, Tensor] = {}
    for full, tensor in read_tensors(file).items():
        layer, _, kind = full.rpartition(".")
        if layer.rpartition(".")[2] != PROJECTOR or kind not in ("weight", "bias"):
            raise InputError("is not a part of the projector", file=file, field=full)
        found[kind] = tensor.float()
    if not found and not needed:
        return {}
    missing = [name for name in ("weight", "bias") if name not in found]
    if missing:
        raise InputError("missing", file=file, field=f"{PROJECTOR}.{missing[0]}")
    if found["weight"].ndim != 2 or found["bias"].shape != found["weight"].shape[:1]:
        shapes = [list(found[name].shape) for name in ("weight", "bias")]
        raise InputError(f"expected a linear layer, found {shapes[0]} and {shapes[1]}", file=file, field=PROJECTOR)
    return found


def _lora(stage: Path, number: int) -> Lora:
    lora = read_lora(stage)
    if lora is None:
        raise InputError(f"the LoRA of stage {number} is missing", file=stage / CONFIG)
    return lora


def _on_our_layers(loras: Sequence[Lora], base_model: str) -> list[Lora]:
    """The same on the layers of the base model as it is loaded here, which differ for ChatGLM3 (`vn.llm.chatglm`)."""
    if not any(is_chatglm_layer(layer) for lora in loras for layer in lora.layers):
        return list(loras)
    config = read_glm_config(base_model)
    return [glm_lora(lora, config) for lora in loras]


def _targets(lora: Lora) -> str | list[str]:
    names = sorted({layer.rpartition(".")[2] for layer in lora.layers})
    return "all-linear" if {*names} in ALL_LINEAR else names
