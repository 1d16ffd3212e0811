"""Undocumented uses of transformers, PEFT, bitsandbytes and torch (see test_upstream.py)."""

import inspect

import pytest
from undocumented import uses


def tiny_llama(**settings):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=20, **sizes, **settings)).eval()


@uses(
    "transformers",
    "AttentionInterface",
    "AttentionMaskInterface",
    "sdpa_mask",
    "sdpa_attention_forward",
    "kernel=chosen",
    "reading=reading",
    "module.layer_idx",
    breaks="rows that share their beginning attend to what they should not, or narrating fails",
)
def test_what_attention_is_called_with():
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    from vn.llm.kernels import no_mask

    seen = []

    def attention(module, query, key, value, attention_mask, **options):
        seen.append((module.layer_idx, attention_mask, options.get("kernel"), options.get("reading")))
        assert options["scaling"] == module.scaling
        return query.transpose(1, 2), None

    AttentionInterface.register("probe", attention)
    AttentionMaskInterface.register("probe", sdpa_mask)
    llm = tiny_llama()
    llm.set_attn_implementation("probe")
    inputs, places = torch.randn(1, 3, 16), torch.tensor([[0, 1, 1]])

    def mask_given(mask):
        llm.get_decoder()(
            inputs_embeds=inputs, attention_mask=mask, position_ids=places, use_cache=False, kernel="k", reading="r"
        )
        layer, found, kernel, reading = seen.pop()
        assert (layer, kernel, reading) == (0, "k", "r")
        return found

    none = no_mask(inputs)  # not of the line's length, nor asked for
    assert mask_given(none) is none
    padded = mask_given(torch.tensor([[True, True, False]]))
    assert padded.tolist() == [[[[True, False, False], [True, True, False], [True, True, False]]]]
    ones = torch.ones(1, 2, 3, 8)
    seen_by_last, _ = sdpa_attention_forward(
        llm.get_decoder().layers[0].self_attn, ones, ones, ones, padded, dropout=0.0, scaling=1.0
    )
    assert seen_by_last.shape == (1, 3, 2, 8)


@uses(
    "transformers",
    "LlamaDecoderLayer",
    "variance_epsilon",
    "rotary_emb",
    "attention.scaling",
    breaks="`vn.llm.llama` leaves out a new part of the layers, and narrates something else",
)
def test_the_parts_of_a_llama_layer():
    llm = tiny_llama()
    decoder = llm.get_decoder()
    assert set(dict(decoder.named_children())) == {"embed_tokens", "layers", "norm", "rotary_emb"}
    layer = decoder.layers[0]
    parts = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
    assert set(dict(layer.named_children())) == parts
    assert set(dict(layer.self_attn.named_children())) == {"q_proj", "k_proj", "v_proj", "o_proj"}
    assert layer.self_attn.scaling == layer.self_attn.head_dim**-0.5
    assert decoder.norm.variance_epsilon == llm.config.rms_norm_eps


@uses(
    "transformers",
    "from_pretrained(None",
    "file.parent.name",
    breaks="Baichuan models, and the fingerprint of a base model from the hub",
)
def test_models_without_a_folder_and_from_the_cache(tmp_path):
    import torch
    from huggingface_hub import try_to_load_from_cache
    from transformers import LlamaForCausalLM, PreTrainedConfig

    llm = tiny_llama()
    again = LlamaForCausalLM.from_pretrained(None, config=llm.config, state_dict=llm.state_dict(), dtype=torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(llm.parameters(), again.parameters(), strict=True))
    commit = "0123456789" * 4
    snapshot = tmp_path / "models--some--model" / "snapshots" / commit
    llm.config.save_pretrained(snapshot)
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text(commit)
    config, _ = PreTrainedConfig.get_config_dict("some/model", cache_dir=tmp_path)
    assert config["model_type"] == "llama"
    assert try_to_load_from_cache("some/model", "config.json", cache_dir=tmp_path) == str(snapshot / "config.json")


@uses(
    "transformers",
    "_update_trie",
    "SentencePieceBackend",
    "SentencePieceExtractor",
    "sp_model",
    breaks="text that reads like a special token becomes one, and exported tokenizers have other merges",
)
def test_transformers_behind_sentencepiece(tmp_path):
    from baichuan import train_tokenizer
    from transformers.tokenization_utils_sentencepiece import SentencePieceBackend, SentencePieceExtractor

    model = str(train_tokenizer(tmp_path))
    ours = type("Ours", (SentencePieceBackend,), {"_update_trie": lambda self, unique_no_split_tokens=None: None})
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

    def ids(kind):
        return kind(vocab_file=model, legacy=True, **names)("a</s>b", add_special_tokens=False)["input_ids"]

    processor = ours(vocab_file=model, legacy=True, **names).sp_model
    assert ids(ours) == processor.encode("a</s>b")
    assert ids(SentencePieceBackend) != ids(ours)  # so it is there that tokens are cut out
    vocab, _, merges = SentencePieceExtractor(model).extract()
    assert len(vocab) == processor.get_piece_size()
    assert all(left + right in vocab for left, right in merges)


@uses(
    "transformers",
    "_update_total_vocab_size",
    "_convert_id_to_token",
    "total_vocab_size",
    "all_special_ids",
    breaks="ChatGLM3's turns are read as text, or a template's added tokens have the ids of turns",
)
def test_transformers_asks_a_tokenizer_for_its_size_and_its_tokens(tmp_path):
    from baichuan import train_tokenizer
    from transformers.tokenization_utils_sentencepiece import SentencePieceBackend

    class Ours(SentencePieceBackend):
        def _update_total_vocab_size(self):
            super()._update_total_vocab_size()
            self.total_vocab_size += 9

        def _convert_id_to_token(self, index):
            return self.sp_model.id_to_piece(index) if index < self.sp_model.get_piece_size() else ""

        @property
        def all_special_ids(self):
            return [*super().all_special_ids, 7]

    tokenizer = Ours(vocab_file=str(train_tokenizer(tmp_path)), legacy=True, unk_token="<unk>")
    pieces = tokenizer.sp_model.get_piece_size()
    tokenizer.add_tokens(["<frame>"])
    assert tokenizer.convert_tokens_to_ids("<frame>") == pieces + 9
    assert len(tokenizer) == pieces + 10
    assert tokenizer.decode([pieces + 3, 300]) == tokenizer.decode([300])
    assert tokenizer.decode([7, 300], skip_special_tokens=True) == tokenizer.decode([300])


@uses(
    "peft",
    "BaseTunerLayer",
    "tuners_utils",
    '".base_layer."',
    '".lora_"',
    'peft_config["default"]',
    breaks="export and merging of LoRA over tied or quantised layers",
)
def test_the_layers_that_peft_wraps():
    from peft import LoraConfig, get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    llm = tiny_llama()
    plain = set(llm.state_dict())
    wrapped = get_peft_model(llm, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    layer = wrapped.get_base_model().get_decoder().layers[0].self_attn.q_proj
    assert isinstance(layer, BaseTunerLayer)
    assert layer.get_base_layer() is layer.base_layer
    assert {k.replace(".base_layer.", ".") for k in llm.state_dict() if ".lora_" not in k} == plain
    assert wrapped.peft_config["default"].r == 2


@uses(
    "peft",
    "lora_dropout[name]",
    "cast_input_dtype_enabled",
    breaks="inputs of LoRA are cast twice, which is slower, or not at all, which fails without autocast",
)
def test_what_peft_does_with_an_adapters_input():
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer

    wrapped = get_peft_model(tiny_llama(), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    (layer,) = (module for module in wrapped.modules() if isinstance(module, LoraLayer))
    layer.base_layer.bfloat16()
    seen = []
    layer.lora_dropout["default"].register_forward_hook(lambda module, args, out: seen.append(args[0].dtype))
    inputs = torch.zeros(1, 16, dtype=torch.bfloat16)
    layer(inputs)
    layer.cast_input_dtype_enabled = False
    with torch.autocast("cpu", torch.bfloat16):
        layer(inputs)
    assert seen == [torch.float32, torch.bfloat16]


@uses(
    "transformers",
    "LlamaRMSNorm",
    "MistralRMSNorm",
    "Qwen2RMSNorm",
    "GlmRMSNorm",
    breaks="norms on CUDA are those of another model, or eight operators each",
)
def test_four_norms_are_one():
    """What they compute is in tests/llm/test_norms.py."""
    from transformers.models.glm.modeling_glm import GlmRMSNorm
    from transformers.models.llama.modeling_llama import LlamaRMSNorm
    from transformers.models.mistral.modeling_mistral import MistralRMSNorm
    from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

    sources = [inspect.getsource(norm.forward) for norm in (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, GlmRMSNorm)]
    assert len(set(sources)) == 1


@uses(
    "bitsandbytes",
    "support_avx512bf16_for_cpu",
    breaks="on some CPUs a training over weights in 4 bits has no gradients after its first validation",
)
def test_bitsandbytes_packs_on_some_cpus():
    bnb = pytest.importorskip("bitsandbytes")
    layer = bnb.nn.Linear4bit(64, 64, quant_type="nf4")
    assert layer.support_avx512bf16_for_cpu in (False, True)
    assert "self.support_avx512bf16_for_cpu" in inspect.getsource(bnb.nn.Linear4bit.forward)


@uses(
    "torch",
    "_forward_hooks",
    "_forward_pre_hooks",
    breaks="hooks on a model are passed over when it narrates",
)
def test_private_names_of_torch():
    import torch

    layer = torch.nn.Linear(1, 1)
    assert not layer._forward_hooks
    assert not layer._forward_pre_hooks
    layer.register_forward_hook(lambda *_: None)
    layer.register_forward_pre_hook(lambda *_: None)
    assert layer._forward_hooks
    assert layer._forward_pre_hooks


@uses(
    "torch",
    "varlen_attn",
    "window_size=(-1, 0)",
    breaks="training on CUDA attends part by part, which is slower, or fails",
)
def test_the_signature_of_variable_length_attention():
    """`enable_gqa` is in torch 2.14 and not in 2.11, which tests/llm/test_varlen.py imitates."""
    from torch.nn.attention.varlen import varlen_attn

    names = list(inspect.signature(varlen_attn).parameters)
    assert names[:7] == ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
    assert {"scale", "window_size"} <= set(names)


@uses(
    "torch",
    "BlockMask(seq_lengths=",
    breaks="FlexAttention gets other blocks than those counted in the loader's workers",
)
def test_the_constructor_of_block_masks():
    """That the blocks are right is in tests/llm/test_flex.py."""
    from torch.nn.attention.flex_attention import BlockMask

    names = list(inspect.signature(BlockMask).parameters)
    tables = [
        f"{full}{of}_{what}" for of in ("kv", "q") for full in ("", "full_") for what in ("num_blocks", "indices")
    ]
    assert names[:11] == ["seq_lengths", *tables, "BLOCK_SIZE", "mask_mod"]


@uses("tokenizers", "decoder.__getstate__", '"ByteFallback"', '"ByteLevel"', breaks="exact lengths are slow")
def test_the_settings_of_a_tokenizers_decoder():
    from transformers import LlamaTokenizer
    from vocabularies import vocabulary

    from vn.tokenizer.spelling import spelling_of

    assert spelling_of(vocabulary("byte-level"), 400) is not None
    assert spelling_of(LlamaTokenizer(), 3) is not None
