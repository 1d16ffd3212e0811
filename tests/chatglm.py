"""Tiny random models in ChatGLM3's released layout, and the model from its description in plain torch."""

import json
import math

import sentencepiece
import torch
import torch.nn.functional as F
from baichuan import TEXT

HIDDEN, HEADS, GROUPS, WIDTH, LAYERS, INNER = 64, 4, 2, 16, 2, 128
FUSED = (HEADS + 2 * GROUPS) * WIDTH


def train_tokenizer(folder, pieces=()):
    """A small SentencePiece model like ChatGLM3's: BPE, bytes for the unknown, a dummy prefix, single digits."""
    (folder / "text.txt").write_text(TEXT * 3 + "A sop, sops and eop. " * 9, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=580,
        byte_fallback=True,
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        split_digits=True,
        allow_whitespace_only_pieces=True,
        character_coverage=1.0,
        user_defined_symbols=list(pieces),
        minloglevel=2,
    )
    for name in ("text.txt", "tokenizer.vocab"):
        (folder / name).unlink()
    return folder / "tokenizer.model"


def make_config(vocabulary, **changes):
    """The released ``config.json`` with other sizes."""
    return {
        "_name_or_path": "THUDM/chatglm3-6b",
        "model_type": "chatglm",
        "architectures": ["ChatGLMModel"],
        "auto_map": {"AutoConfig": "configuration_chatglm.C", "AutoModel": "modeling_chatglm.M"},
        "add_bias_linear": False,
        "add_qkv_bias": True,
        "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False,
        "attention_dropout": 0.0,
        "attention_softmax_in_fp32": True,
        "bias_dropout_fusion": True,
        "ffn_hidden_size": INNER,
        "fp32_residual_connection": False,
        "hidden_dropout": 0.0,
        "hidden_size": HIDDEN,
        "kv_channels": WIDTH,
        "layernorm_epsilon": 1e-05,
        "multi_query_attention": True,
        "multi_query_group_num": GROUPS,
        "num_attention_heads": HEADS,
        "num_layers": LAYERS,
        "original_rope": True,
        "padded_vocab_size": vocabulary,
        "post_layer_norm": True,
        "rmsnorm": True,
        "seq_length": 8192,
        "tie_word_embeddings": False,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **changes,
    }


def make_chatglm(folder, shards=1, seed=0, dtype=torch.float32, scale=0.2, **changes):
    """Write a random model; gives its weights. Its vocabulary is padded, as the released one is."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(train_tokenizer(folder))).get_piece_size()
    vocabulary = pieces + 28
    (folder / "config.json").write_text(json.dumps(make_config(vocabulary, **changes)))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "ChatGLMTokenizer", "auto_map": {"AutoTokenizer": ["t.T", None]}})
    )
    (folder / "modeling_chatglm.py").write_text("raise SystemExit('remote code was run')\n")
    random = torch.Generator().manual_seed(seed)

    def matrix(*shape):
        return (torch.randn(*shape, generator=random) * scale).to(dtype)

    weights = {"transformer.embedding.word_embeddings.weight": matrix(vocabulary, HIDDEN)}
    weights["transformer.rotary_pos_emb.inv_freq"] = torch.ones(WIDTH // 4, dtype=dtype)
    for n in range(LAYERS):
        at = f"transformer.encoder.layers.{n}."
        weights |= {
            at + "input_layernorm.weight": 1 + matrix(HIDDEN),
            at + "self_attention.query_key_value.weight": matrix(FUSED, HIDDEN),
            at + "self_attention.query_key_value.bias": matrix(FUSED),
            at + "self_attention.dense.weight": matrix(HIDDEN, HEADS * WIDTH),
            at + "post_attention_layernorm.weight": 1 + matrix(HIDDEN),
            at + "mlp.dense_h_to_4h.weight": matrix(2 * INNER, HIDDEN),
            at + "mlp.dense_4h_to_h.weight": matrix(HIDDEN, INNER),
        }
    weights["transformer.encoder.final_layernorm.weight"] = 1 + matrix(HIDDEN)
    weights["transformer.output_layer.weight"] = matrix(vocabulary, HIDDEN)
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


def plain_logits(weights, ids, inputs=None, rope_ratio=1.0):
    """ChatGLM3's function of token ids ``[L]``, straight from its description; with `inputs` ``[L, H]`` of embeddings.

    Query heads share keys in groups; the first half of a head's dimensions turns, in neighbouring pairs.
    """
    x = weights["transformer.embedding.word_embeddings.weight"][ids] if inputs is None else inputs
    length, turned = len(x), WIDTH // 2
    speeds = [(10000.0 * rope_ratio) ** (-2 * pair / turned) for pair in range(turned // 2)]
    angles = torch.arange(length)[:, None] * torch.tensor(speeds)
    turn = torch.polar(torch.ones_like(angles), angles)  # [L, pairs]

    def norm(x, weight):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * weight

    def rotate(x):  # [heads, L, WIDTH]
        pairs = torch.view_as_complex(x[..., :turned].reshape(len(x), length, -1, 2).contiguous())
        return torch.cat([torch.view_as_real(pairs * turn).flatten(-2), x[..., turned:]], dim=-1)

    hidden = torch.ones(length, length).triu(1).bool()
    for n in range(LAYERS):
        at = f"transformer.encoder.layers.{n}."
        w = {k.removeprefix(at): v for k, v in weights.items() if k.startswith(at)}
        h = norm(x, w["input_layernorm.weight"])
        fused = h @ w["self_attention.query_key_value.weight"].T + w["self_attention.query_key_value.bias"]
        heads = fused.view(length, HEADS + 2 * GROUPS, WIDTH).transpose(0, 1)
        queries, keys, values = rotate(heads[:HEADS]), rotate(heads[HEADS:-GROUPS]), heads[-GROUPS:]
        seen = []
        for head, query in enumerate(queries):
            group = head // (HEADS // GROUPS)
            scores = (query @ keys[group].T / math.sqrt(WIDTH)).masked_fill(hidden, -torch.inf)
            seen.append(scores.softmax(-1) @ values[group])
        x = x + torch.cat(seen, dim=-1) @ w["self_attention.dense.weight"].T
        h = norm(x, w["post_attention_layernorm.weight"]) @ w["mlp.dense_h_to_4h.weight"].T
        x = x + (F.silu(h[:, :INNER]) * h[:, INNER:]) @ w["mlp.dense_4h_to_h.weight"].T
    return norm(x, weights["transformer.encoder.final_layernorm.weight"]) @ weights["transformer.output_layer.weight"].T
