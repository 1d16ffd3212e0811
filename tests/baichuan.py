"""Tiny random models in the released Baichuan layout, and the model reimplemented in plain torch."""

import json
import math

import sentencepiece
import torch
import torch.nn.functional as F

TEXT = """给您推荐一款真正好用的充电器，兼容性更好，更安全。短路保护、防干扰保护、过压保护。
iPhone快充，12分钟充到60%，支持iPhone8至14全系列。哈哈哈哈哈，不弹窗！！！
脚本标签：引导购买 产品功效 外观设计 其他 第1个片段，共7个片段。字数：12到18字。
The red kettle boils in a minute, and boils again. 商品信息 标题 视频画面 解说词"""
HIDDEN, HEADS, LAYERS, INNER = 48, 4, 2, 80


def train_tokenizer(folder, dummy_prefix=False):
    """A small SentencePiece model like Baichuan's: BPE, bytes for the unknown, whitespace kept, single digits."""
    (folder / "text.txt").write_text(TEXT * 3, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=560,
        byte_fallback=True,
        add_dummy_prefix=dummy_prefix,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        split_digits=True,
        allow_whitespace_only_pieces=True,
        character_coverage=1.0,
        minloglevel=2,
    )
    for name in ("text.txt", "tokenizer.vocab"):
        (folder / name).unlink()
    return folder / "tokenizer.model"


def make_baichuan(folder, generation=1, shards=1, seed=0, dtype=torch.float32, large=False):
    """Write a random model of generation 1 or 2; gives its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(train_tokenizer(folder))).get_piece_size()
    config = {
        "architectures": ["BaiChuanForCausalLM" if generation == 1 else "BaichuanForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_baichuan.C", "AutoModelForCausalLM": "modeling_baichuan.M"},
        "model_type": "baichuan",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "vocab_size": vocabulary,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "model_max_length": 4096,
    }
    if not large:
        config["max_position_embeddings"] = 4096
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BaiChuanTokenizer", "auto_map": {"AutoTokenizer": ["t.T", None]}})
    )
    (folder / "modeling_baichuan.py").write_text("raise SystemExit('remote code was run')\n")
    random = torch.Generator().manual_seed(seed)

    def matrix(*shape):
        return (torch.randn(*shape, generator=random) * 0.2).to(dtype)

    weights = {"model.embed_tokens.weight": matrix(vocabulary, HIDDEN)}
    for n in range(LAYERS):
        at = f"model.layers.{n}."
        weights |= {
            at + "self_attn.W_pack.weight": matrix(3 * HIDDEN, HIDDEN),
            at + "self_attn.o_proj.weight": matrix(HIDDEN, HIDDEN),
            at + "self_attn.rotary_emb.inv_freq": torch.ones(HIDDEN // HEADS // 2),
            at + "mlp.gate_proj.weight": matrix(INNER, HIDDEN),
            at + "mlp.up_proj.weight": matrix(INNER, HIDDEN),
            at + "mlp.down_proj.weight": matrix(HIDDEN, INNER),
            at + "input_layernorm.weight": 1 + matrix(HIDDEN),
            at + "post_attention_layernorm.weight": 1 + matrix(HIDDEN),
        }
    weights |= {"model.norm.weight": 1 + matrix(HIDDEN), "lm_head.weight": matrix(vocabulary, HIDDEN)}
    if shards == 1:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        names, table = list(weights), {}
        for n in range(shards):
            file = f"pytorch_model-{n + 1:05}-of-{shards:05}.bin"
            torch.save({k: weights[k] for k in names[n::shards]}, folder / file)
            table |= dict.fromkeys(names[n::shards], file)
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": table}))
    return weights


def plain_logits(weights, ids, normalised_head, inputs=None):
    """Baichuan-7B's function of token ids ``[L]``, straight from its description: fused heads, rotary, SiLU gate.

    With `inputs` ``[L, H]`` it is that of embeddings.
    """
    x = weights["model.embed_tokens.weight"][ids] if inputs is None else inputs
    length, size = len(x), HIDDEN // HEADS
    angles = torch.arange(length)[:, None] * 10000 ** (-torch.arange(0, size, 2) / size)
    cos, sin = angles.cos(), angles.sin()

    def norm(x, weight):
        return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * weight

    def rotate(x):  # [heads, L, size]: dimension d turns together with d + size / 2
        a, b = x[..., : size // 2], x[..., size // 2 :]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    for n in range(LAYERS):
        w = {k.removeprefix(f"model.layers.{n}."): v for k, v in weights.items() if f".{n}." in k}
        h = norm(x, w["input_layernorm.weight"])
        fused = (h @ w["self_attn.W_pack.weight"].T).view(length, 3, HEADS, size)
        q, k, v = fused.permute(1, 2, 0, 3)
        scores = rotate(q) @ rotate(k).transpose(1, 2) / math.sqrt(size)
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -torch.inf)
        h = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, HIDDEN)
        x = x + h @ w["self_attn.o_proj.weight"].T
        h = norm(x, w["post_attention_layernorm.weight"])
        h = F.silu(h @ w["mlp.gate_proj.weight"].T) * (h @ w["mlp.up_proj.weight"].T)
        x = x + h @ w["mlp.down_proj.weight"].T
    head = weights["lm_head.weight"]
    if normalised_head:
        head = head / head.norm(dim=1, keepdim=True)
    return norm(x, weights["model.norm.weight"]) @ head.T
