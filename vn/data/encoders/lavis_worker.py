"""The worker process of the frame encoder ``lavis``: runs in LAVIS' own environment and imports nothing from vn.

    python lavis_worker.py FOLDER < names of batches, one per line > the same names, when they are done

``NAME.npy`` (frames, uint8 [n, S, S, 3]) becomes ``NAME.out.npy`` (float32 [n, 32, 768]) in the folder, written
atomically. The networks are LAVIS' own classes; sizes and weights come from ``weights.pt`` there, read as tensors only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np


def build(folder: str) -> Callable[[np.ndarray], np.ndarray]:
    """LAVIS' CLIP trunk, norm and Q-Former with the weights of a folder."""
    import torch
    from lavis.models.blip2_models.blip2 import LayerNorm
    from lavis.models.blip2_models.Qformer import BertConfig, BertLMHeadModel
    from lavis.models.clip_vit import VisionTransformer

    saved = torch.load(os.path.join(folder, "weights.pt"), map_location="cpu", weights_only=True)
    trunk, ln, qformer, queries, block = (saved[x] for x in ("trunk", "ln_vision", "qformer", "queries", "block"))
    width, _, patch, _ = trunk["conv1.weight"].shape
    side = round((len(trunk["positional_embedding"]) - 1) ** 0.5) * patch
    # LAVIS 1.0.2 omits the last of the blocks that it is asked for.
    vit = VisionTransformer(side, patch, width, block + 1, max(1, width // 64), use_grad_checkpointing=False)
    kept = {k: v for k, v in trunk.items() if not k.startswith("transformer.") or int(k.split(".")[2]) < block}
    vit.load_state_dict(kept)
    norm = LayerNorm(width)
    norm.load_state_dict(ln)
    hidden = queries.shape[-1]
    layers = 1 + max(int(k.split(".")[2]) for k in qformer if k.startswith("encoder.layer."))
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=len(qformer["encoder.layer.0.intermediate_query.dense.weight"]),
    )
    config.encoder_width, config.add_cross_attention, config.cross_attention_freq = width, True, 2
    config.query_length = queries.shape[1]
    bert = BertLMHeadModel(config).bert
    missing, unexpected = bert.load_state_dict(qformer, strict=False)
    needed = [k for k in missing if not k.startswith("embeddings.") or "LayerNorm" in k]
    needed = [k for k in needed if ".intermediate." not in k and ".output." not in k.replace("attention.output.", "")]
    if needed or unexpected:
        raise SystemExit(f"missing or unexpected weights of the Q-Former: {(needed + unexpected)[0]}")
    for module in (vit, norm, bert):
        module.eval()

    def encode(pictures: np.ndarray) -> np.ndarray:
        mean = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
        std = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)
        images = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - mean) / std
        with torch.no_grad():
            seen = norm(vit(images))
            mask = torch.ones(seen.shape[:-1], dtype=torch.long)
            output = bert(
                query_embeds=queries.expand(len(seen), -1, -1),
                encoder_hidden_states=seen,
                encoder_attention_mask=mask,
                return_dict=True,
            )
        tokens: np.ndarray = output.last_hidden_state.numpy()
        return tokens

    return encode


def main(folder: str) -> None:
    """Encode batches until there are no more."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    encode = build(folder)
    print("ready", file=out)
    for line in sys.stdin:
        name = os.path.join(folder, line.strip())
        features = encode(np.load(name + ".npy", allow_pickle=False))
        with open(name + ".part", "wb") as file:
            np.save(file, features, allow_pickle=False)
        os.replace(name + ".part", name + ".out.npy")
        print(line.strip(), file=out)


if __name__ == "__main__":
    main(sys.argv[1])
