"""ChatGLM3 as transformers' GLM: the function and its gradients are those of a plain-torch ChatGLM3."""

import json

import pytest
import torch
from chatglm import FUSED, GROUPS, HEADS, HIDDEN, INNER, WIDTH, make_chatglm, make_config, plain_logits
from transformers import GlmForCausalLM

from vn.errors import InputError
from vn.llm.chatglm import glm_config, glm_weights
from vn.llm.load import load_base

AT = "transformer.encoder.layers.1."


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "c"
    return folder, make_chatglm(folder)


@pytest.mark.parametrize(("shards", "ratio"), [(1, None), (3, 50.0)])
def test_logits_are_those_of_a_plain_chatglm(tmp_path, shards, ratio):
    changes = {} if ratio is None else {"rope_ratio": ratio}
    weights = make_chatglm(tmp_path / "c", shards, **changes)
    base = load_base(str(tmp_path / "c"))
    assert base.llm.config.model_type == "glm"
    ids = torch.arange(3, 43)
    with torch.no_grad():
        ours = base.llm(input_ids=ids[None], use_cache=False).logits[0]
        torch.testing.assert_close(ours, plain_logits(weights, ids, rope_ratio=ratio or 1.0), rtol=1e-4, atol=1e-5)
        other = plain_logits(weights, ids, rope_ratio=2.0)
    assert (ours - other).abs().max() > 0.01  # positions matter


def test_gradients_are_those_of_a_plain_chatglm(model):
    folder, weights = model
    weights = {k: v.clone().requires_grad_() for k, v in weights.items()}
    llm = load_base(str(folder)).llm
    ids = torch.arange(3, 33)  # not the padding id, whose embedding transformers keeps from gradients
    random = torch.Generator().manual_seed(1)
    aim = torch.randn(len(ids), len(weights["transformer.output_layer.weight"]), generator=random)
    (llm(input_ids=ids[None], use_cache=False).logits[0] * aim).mean().backward()
    (plain_logits(weights, ids) * aim).mean().backward()
    wanted = {k: v.grad for k, v in weights.items() if not k.endswith("inv_freq")}
    wanted = glm_weights(wanted, llm.config, folder)
    found = {k: p.grad for k, p in llm.named_parameters()}
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        assert (gradient - wanted[name]).norm() <= 1e-5 * wanted[name].norm(), name
        assert gradient.norm() > 0


def test_safetensors_and_half_precision(model):
    from safetensors.torch import save_file

    folder, weights = model
    (folder / "pytorch_model.bin").unlink()
    save_file({k: v.contiguous() for k, v in weights.items()}, folder / "model.safetensors")
    llm = load_base(str(folder), "bfloat16").llm
    assert {p.dtype for p in llm.parameters()} == {torch.bfloat16}
    layer = llm.model.layers[1].self_attn
    sizes = [HEADS * WIDTH, GROUPS * WIDTH, GROUPS * WIDTH]
    for kind in ("weight", "bias"):
        rows = weights[AT + f"self_attention.query_key_value.{kind}"].split(sizes)
        for part, wanted in zip((layer.q_proj, layer.k_proj, layer.v_proj), rows, strict=True):
            torch.testing.assert_close(getattr(part, kind), wanted.bfloat16())


OTHERS = {
    "ChatGLM-6B": ({"position_encoding_2d": True}, "first ChatGLM-6B has two-dimensional positions"),
    "ChatGLM2": ({"_name_or_path": "THUDM/chatglm2-6b"}, "ChatGLM2 has no turns in its vocabulary"),
    "GLM-4": ({"padded_vocab_size": 151552}, "GLM-4's tokenizer is not a SentencePiece model"),
    "int4": ({"quantization_bit": 4}, r"a quantized checkpoint is not read; .*set model\.quantization"),
    "p-tuned": ({"pre_seq_len": 128}, "pre_seq_len: expected None as in ChatGLM3-6B, found 128"),
    "other rotary": ({"original_rope": False}, "original_rope: expected True"),
    "layer norm": ({"rmsnorm": False}, "rmsnorm: expected True"),
    "biases": ({"add_bias_linear": True}, "add_bias_linear: expected False"),
    "no groups": ({"multi_query_attention": False}, "multi_query_attention: expected True"),
}


@pytest.mark.parametrize(("changes", "message"), OTHERS.values(), ids=OTHERS)
def test_others_of_the_family_are_refused_in_a_sentence(tmp_path, changes, message):
    (tmp_path / "config.json").write_text(json.dumps(make_config(608, **changes)))
    with pytest.raises(InputError, match=rf"config\.json: .*{message}"):
        load_base(str(tmp_path))


def test_the_released_sizes_have_as_many_weights_as_published(tmp_path):
    """6,243,584,000, as the release's own training program prints."""
    sizes = {"hidden_size": 4096, "ffn_hidden_size": 13696, "kv_channels": 128, "num_attention_heads": 32}
    config = glm_config(make_config(65024, **sizes, num_layers=28), tmp_path)
    with torch.device("meta"):
        llm = GlmForCausalLM(config)
    assert sum(p.numel() for p in llm.parameters()) == 6_243_584_000


def test_damaged_folders_are_named(model):
    folder, weights = model
    file = folder / "pytorch_model.bin"
    bias, fused = (f"transformer.encoder.layers.0.self_attention.query_key_value.{x}" for x in ("bias", "weight"))
    torch.save({k: v for k, v in weights.items() if k != bias}, file)
    with pytest.raises(
        InputError, match=rf"expected model.layers.0.self_attn.q_proj.bias of shape \[{HEADS * WIDTH}\]"
    ):
        load_base(str(folder))
    torch.save({**weights, fused: torch.zeros(FUSED - 1, HIDDEN)}, file)
    with pytest.raises(InputError, match=rf"{fused}: expected {FUSED} rows, found {FUSED - 1}"):
        load_base(str(folder))
    torch.save({**weights, "transformer.prefix_encoder.embedding.weight": torch.zeros(2)}, file)
    with pytest.raises(InputError, match=r"unexpected weights, the first is transformer\.prefix_encoder"):
        load_base(str(folder))
    torch.save({**weights, AT + "mlp.dense_h_to_4h.weight": torch.zeros(INNER, HIDDEN)}, file)
    with pytest.raises(InputError, match=rf"expected model.layers.1.mlp.gate_up_proj.weight of shape \[{2 * INNER}, "):
        load_base(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "kv_channels"}))
    with pytest.raises(InputError, match=r"config\.json: kv_channels: missing"):
        load_base(str(folder))
