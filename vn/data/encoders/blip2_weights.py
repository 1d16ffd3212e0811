"""The weights of BLIP-2's frame encoder, from the checkpoint files of LAVIS, open_clip or transformers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from vn.errors import InputError
from vn.io.weights import read_tensors, read_weights

PARTS = ("trunk", "ln_vision", "queries", "qformer")
TRUNK = re.compile(r"conv1\.weight|class_embedding|positional_embedding|ln_pre\..*|transformer\.resblocks\.\d+\..*")
_HF_LAYERS = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def gather(files: Sequence[str | Path]) -> tuple[dict[str, dict[str, Tensor]], str]:
    """The weights of several checkpoints by part, and their hash.

    Returns:
        ``trunk``, ``ln_vision``, ``queries`` and ``qformer``, each under our names; the sha256 of the weights
        used, whatever files they came in.
    """
    parts = _read(files, PARTS)
    return parts, _hash(parts)


def gather_trunk(files: Sequence[str | Path]) -> tuple[dict[str, Tensor], str]:
    """The weights of CLIP's vision tower alone, as the trunk of `gather`, and their hash."""
    parts = _read(files, PARTS[:1])
    return parts["trunk"], _hash(parts)


def _read(files: Sequence[str | Path], wanted: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in wanted}
    for file in map(Path, files):
        tensors = read_weights(file) if file.is_dir() else read_tensors(file)
        for part, found in sort_weights(tensors).items():
            if part in parts:
                parts[part] |= found
    for part, found in parts.items():
        if not found:
            raise InputError(f"no weights of the {part} in {', '.join(map(str, files))}", field="--encoder-weights")
    return parts


def _hash(parts: Mapping[str, Mapping[str, Tensor]]) -> str:
    digest = hashlib.sha256()
    for part in sorted(parts):
        for name in sorted(parts[part]):
            tensor = parts[part][name].detach().float().contiguous()
            digest.update(f"{part}:{name}:{list(tensor.shape)}\n".encode())
            digest.update(tensor.numpy().data)
    return digest.hexdigest()


def sort_weights(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """One checkpoint's weights by part, under our names; text towers, heads and losses are left out.

    Known layouts: LAVIS' BLIP-2 (``visual_encoder.``, ``ln_vision.``, ``Qformer.bert.``) and its CLIP file (bare
    names), open_clip's CLIP (``visual.``), transformers' CLIP vision model (alone or ``vision_model.``) and
    BLIP-2 (``qformer.``).
    """
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
    blip = any(name.startswith(("qformer.", "Qformer.")) for name in tensors)
    alone = "embeddings.patch_embedding.weight" in tensors  # transformers' vision model without its prefix
    hf_trunk: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        name = f"vision_model.{name}" if alone else name
        if name == "query_tokens":
            parts["queries"][name] = tensor
        elif name.startswith("ln_vision."):
            parts["ln_vision"][name.rpartition(".")[2]] = tensor
        elif name.startswith(("Qformer.bert.", "qformer.")):
            if (new := _qformer_name(name.removeprefix("Qformer.bert.").removeprefix("qformer."))) is not None:
                parts["qformer"][new] = tensor
        elif name.startswith("vision_model."):
            if name.startswith("vision_model.post_layernorm"):
                if blip:  # there BLIP-2's ln_vision is named like CLIP's last norm
                    parts["ln_vision"][name.rpartition(".")[2]] = tensor
            else:
                hf_trunk[name.removeprefix("vision_model.")] = tensor
        else:
            bare = name.removeprefix("visual_encoder.").removeprefix("visual.")
            if TRUNK.fullmatch(bare) and (
                bare != name or not name.startswith("transformer") or "conv1.weight" in tensors
            ):
                parts["trunk"][bare] = tensor
    parts["trunk"] |= _hf_trunk(hf_trunk)
    return parts


def _qformer_name(name: str) -> str | None:
    """A name of LAVIS' BERT, or transformers' own, as in transformers' Q-Former; None for weights of text only."""
    if name.startswith("embeddings.LayerNorm."):
        return name.replace("embeddings.LayerNorm", "layernorm")
    if name.startswith("embeddings.") or re.search(r"layer\.\d+\.(intermediate|output)\.", name):
        return None  # embeddings and feed-forward layers of text
    return name.replace(".attention.self.", ".attention.attention.").replace(
        ".crossattention.self.", ".crossattention.attention."
    )


def to_lavis(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor] | Tensor]:
    """The result of `gather` under LAVIS' names, in float32."""
    names = {
        name: name.replace(".attention.attention.", ".attention.self.").replace(
            ".crossattention.attention.", ".crossattention.self."
        )
        for name in parts["qformer"]
    }
    bert = {
        f"embeddings.LayerNorm.{name.rpartition('.')[2]}" if name.startswith("layernorm.") else new: tensor.float()
        for (name, new), tensor in zip(names.items(), parts["qformer"].values(), strict=True)
    }
    return {
        "trunk": {name: tensor.float() for name, tensor in parts["trunk"].items()},
        "ln_vision": {name: tensor.float() for name, tensor in parts["ln_vision"].items()},
        "qformer": bert,
        "queries": parts["queries"]["query_tokens"].float(),
    }


def _hf_trunk(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CLIP vision tower of transformers under open_clip's names; queries, keys and values are one matrix there."""
    if not tensors:
        return {}
    trunk = {
        ours: tensors[theirs].reshape(-1) if ours == "class_embedding" else tensors[theirs]
        for ours, theirs in (
            ("conv1.weight", "embeddings.patch_embedding.weight"),
            ("class_embedding", "embeddings.class_embedding"),
            ("positional_embedding", "embeddings.position_embedding.weight"),
            ("ln_pre.weight", "pre_layrnorm.weight"),
            ("ln_pre.bias", "pre_layrnorm.bias"),
        )
        if theirs in tensors
    }
    for name, tensor in tensors.items():
        if not (match := re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)):
            continue
        number, layer, kind = match.groups()
        block = f"transformer.resblocks.{number}."
        if layer == "self_attn.q_proj":
            names = [f"encoder.layers.{number}.self_attn.{x}_proj.{kind}" for x in "qkv"]
            trunk[f"{block}attn.in_proj_{kind}"] = torch.cat([tensors[x] for x in names if x in tensors])
        elif layer in _HF_LAYERS:
            trunk[f"{block}{_HF_LAYERS[layer]}.{kind}"] = tensor
    return trunk
