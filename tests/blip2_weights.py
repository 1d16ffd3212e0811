"""Random BLIP-2 weights of any size in the layouts of LAVIS and of transformers, as files."""

import torch

TINY = {"width": 64, "layers": 3, "patch": 4, "side": 16, "hidden": 64, "queries": 5, "blocks": 4, "inner": 96}
FULL = {
    "width": 1024,
    "layers": 24,
    "patch": 14,
    "side": 224,
    "hidden": 768,
    "queries": 32,
    "blocks": 12,
    "inner": 3072,
}


def lavis_weights(width, layers, patch, side, hidden, queries, blocks, inner, seed=0, scale=0.04):
    """Weights under LAVIS' names: `trunk` as its CLIP file has them, `blip` as its BLIP-2 checkpoint."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=random) * scale

    def linear(out, into):
        return {"weight": normal(out, into), "bias": normal(out)}

    def norm(size):
        return {"weight": 1 + normal(size), "bias": normal(size)}

    def put(into, name, parts):
        into.update({f"{name}.{kind}": tensor for kind, tensor in parts.items()})

    trunk = {
        "class_embedding": normal(width),
        "positional_embedding": normal((side // patch) ** 2 + 1, width),
        "conv1.weight": normal(width, 3, patch, patch),
    }
    put(trunk, "ln_pre", norm(width))
    for n in range(layers):
        at = f"transformer.resblocks.{n}"
        trunk[f"{at}.attn.in_proj_weight"], trunk[f"{at}.attn.in_proj_bias"] = (
            normal(3 * width, width),
            normal(3 * width),
        )
        put(trunk, f"{at}.attn.out_proj", linear(width, width))
        put(trunk, f"{at}.ln_1", norm(width))
        put(trunk, f"{at}.ln_2", norm(width))
        put(trunk, f"{at}.mlp.c_fc", linear(4 * width, width))
        put(trunk, f"{at}.mlp.c_proj", linear(width, 4 * width))
    blip = {"query_tokens": normal(1, queries, hidden) * 10}
    put(blip, "ln_vision", norm(width))
    put(blip, "Qformer.bert.embeddings.LayerNorm", norm(hidden))
    blip["Qformer.bert.embeddings.word_embeddings.weight"] = normal(7, hidden)
    blip["Qformer.cls.predictions.bias"] = normal(7)
    blip["temp"] = torch.tensor(0.07)
    for n in range(blocks):
        at = f"Qformer.bert.encoder.layer.{n}"
        for kind, into in (("attention", hidden), ("crossattention", width)):
            if kind == "crossattention" and n % 2:
                continue
            put(blip, f"{at}.{kind}.self.query", linear(hidden, hidden))
            put(blip, f"{at}.{kind}.self.key", linear(hidden, into))
            put(blip, f"{at}.{kind}.self.value", linear(hidden, into))
            put(blip, f"{at}.{kind}.output.dense", linear(hidden, hidden))
            put(blip, f"{at}.{kind}.output.LayerNorm", norm(hidden))
        for end in ("", "_query"):
            put(blip, f"{at}.intermediate{end}.dense", linear(inner, hidden))
            put(blip, f"{at}.output{end}.dense", linear(hidden, inner))
            put(blip, f"{at}.output{end}.LayerNorm", norm(hidden))
    return trunk, blip


def transformers_weights(trunk, blip):
    """The same weights as one checkpoint of transformers' BLIP-2 with a CLIP tower."""
    out = {"query_tokens": blip["query_tokens"]}
    renamed = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1.weight": "embeddings.patch_embedding.weight",
        "ln_pre.weight": "pre_layrnorm.weight",
        "ln_pre.bias": "pre_layrnorm.bias",
    }
    layers = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for name, tensor in trunk.items():
        if name in renamed:
            out["vision_model." + renamed[name]] = tensor
            continue
        number, layer = name.removeprefix("transformer.resblocks.").split(".", 1)
        at = f"vision_model.encoder.layers.{number}."
        if layer.startswith("attn.in_proj_"):
            for x, part in zip("qkv", tensor.chunk(3), strict=True):
                out[f"{at}self_attn.{x}_proj.{layer.rpartition('_')[2]}"] = part.clone()
        else:
            layer, _, kind = layer.rpartition(".")
            out[f"{at}{layers.get(layer, layer.replace('attn.', 'self_attn.'))}.{kind}"] = tensor
    for name, tensor in blip.items():
        if name.startswith("ln_vision."):
            out[name.replace("ln_vision", "vision_model.post_layernorm")] = tensor
        elif name.startswith("Qformer.bert.encoder") or "LayerNorm" in name:
            new = name.removeprefix("Qformer.bert.").replace("embeddings.LayerNorm", "layernorm")
            for kind in ("attention", "crossattention"):
                new = new.replace(f".{kind}.self.", f".{kind}.attention.")
            out["qformer." + new] = tensor
    return out


def write_files(folder, sizes=TINY, seed=0):
    """LAVIS' two files; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    trunk, blip = lavis_weights(**sizes, seed=seed)
    torch.save(trunk, folder / "clip.pth")
    torch.save({"model": blip}, folder / "blip2.pth")
    return [folder / "clip.pth", folder / "blip2.pth"]
