"""VTimeLLM's three stages as one adapter: what it computes is base + stage 2 + stage 3, merged one by one by PEFT."""

import json

import pytest
import torch
from chatglm import HEADS, HIDDEN, LAYERS, make_chatglm, plain_logits
from peft import LoraConfig, PeftModel, get_peft_model
from toy_narrator import SECONDS, STORY
from transformers import AutoModelForCausalLM

from vn.adapter import load_adapter
from vn.baselines.vtimellm_weights import make_adapter
from vn.errors import InputError
from vn.generation.decoding import Decoding
from vn.generation.story_writer import StoryWriter
from vn.llm.load import load_base
from vn.llm.lora_files import compose, read_lora

D = 24
ENCODER = {"id": "clip-l14-cls", "settings": {"fps": 1.0}, "weights_sha256": "0" * 64}
RANKS = {2: 3, 3: 2}
FUSED_LAYERS = {  # as PEFT names them on the released ChatGLM3: rows, columns
    "self_attention.query_key_value": (2 * HIDDEN, HIDDEN),
    "self_attention.dense": (HIDDEN, HEADS * 16),
    "mlp.dense_h_to_4h": (256, HIDDEN),
    "mlp.dense_4h_to_h": (HIDDEN, 128),
}


def save_projector(folder, hidden, prefix="model.", name="mm_projector.bin", seed=5):
    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(hidden, D, generator=random) * 0.2, torch.randn(hidden, generator=random)
    torch.save({f"{prefix}mm_projector.weight": weight, f"{prefix}mm_projector.bias": bias}, folder / name)
    return weight, bias


def save_lora(folder, rank, layers, seed, **changes):
    """A LoRA in PEFT's files, by PEFT's names of layers."""
    folder.mkdir()
    random = torch.Generator().manual_seed(seed)
    matrices = {}
    for layer, (rows, columns) in layers.items():
        matrices[f"base_model.model.{layer}.lora_A.weight"] = torch.randn(rank, columns, generator=random) * 0.3
        matrices[f"base_model.model.{layer}.lora_B.weight"] = torch.randn(rows, rank, generator=random) * 0.3
    torch.save(matrices, folder / "adapter_model.bin")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank + 1, "lora_dropout": 0.05, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps({**config, **changes}))
    torch.save({}, folder / "non_lora_trainables.bin")
    return matrices


def narrator_logits(narrator, ids, frames, places):
    visual = narrator.visual_tokens(frames, torch.eye(len(frames)), None)
    inputs = narrator.embed(ids[None], visual, places)
    return narrator.causal_lm(inputs_embeds=inputs).logits[0]


IDS, PLACES = torch.arange(5, 35), torch.tensor([3, 4, 5, 6])
FRAMES = torch.randn(4, 1, D, generator=torch.Generator().manual_seed(9))


@pytest.fixture
def chatglm(tmp_path):
    """Base model and three stages; `weights` has both updates added to the fused matrices, in plain torch."""
    weights = make_chatglm(tmp_path / "base")
    layers = {f"transformer.encoder.layers.{n}.{k}": v for n in range(LAYERS) for k, v in FUSED_LAYERS.items()}
    projector = save_projector(tmp_path / "stage1", HIDDEN, "transformer.")
    for stage, rank in RANKS.items():
        matrices = save_lora(tmp_path / f"stage{stage}", rank, layers, stage)
        for layer in layers:
            a, b = (matrices[f"base_model.model.{layer}.lora_{side}.weight"] for side in "AB")
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"] + (2 * rank + 1) / rank * b @ a
    return weights, projector, [tmp_path / f"stage{n}" for n in (1, 2, 3)]


@torch.no_grad()
def test_chatglm_with_all_stages_is_the_sum_of_its_parts(tmp_path, chatglm):
    """End to end, with the projector, against plain torch on the released fused matrices."""
    weights, (weight, bias), stages = chatglm
    out = make_adapter(stages, str(tmp_path / "base"), tmp_path / "adapter", ENCODER)
    assembly = load_adapter(out)
    assert (assembly.card.lora.rank, assembly.card.lora.alpha, assembly.card.lora.targets) == (5, 5, "all-linear")
    assert (assembly.card.tokens, assembly.card.width, assembly.card.encoder) == (1, D, ENCODER)
    ours = narrator_logits(assembly.narrator, IDS, FRAMES, PLACES)
    inputs = weights["transformer.embedding.word_embeddings.weight"][IDS].clone()
    inputs[PLACES] = FRAMES[:, 0] @ weight.T + bias
    theirs = plain_logits(weights, None, inputs)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


@torch.no_grad()
@pytest.mark.oracle
def test_chatglm_as_merged_by_peft_one_by_one(tmp_path, chatglm):
    """PEFT merges stage 2 and then stage 3 into a module with the released fused matrices."""
    weights, _, stages = chatglm
    plain = make_chatglm(tmp_path / "again")

    class Released(torch.nn.Module):
        """The layers that LoRA is on, by the released names."""

        def __init__(self):
            super().__init__()
            self.config = {"model_type": "chatglm"}
            self.transformer = torch.nn.Module()
            self.transformer.encoder = torch.nn.Module()
            self.transformer.encoder.layers = torch.nn.ModuleList()
            for n in range(LAYERS):
                layer = torch.nn.Module()
                layer.self_attention, layer.mlp = torch.nn.Module(), torch.nn.Module()
                for name, (rows, columns) in FUSED_LAYERS.items():
                    part, _, own = name.partition(".")
                    linear = torch.nn.Linear(columns, rows, bias=False)
                    linear.weight.data = plain[f"transformer.encoder.layers.{n}.{name}.weight"]
                    setattr(getattr(layer, part), own, linear)
                self.transformer.encoder.layers.append(layer)

    model = Released()
    for stage in stages[1:]:
        config = json.loads((stage / "adapter_config.json").read_text())
        names = [name.rpartition(".")[2] for name in FUSED_LAYERS]
        wrapped = get_peft_model(
            model, LoraConfig(r=config["r"], lora_alpha=config["lora_alpha"], target_modules=names)
        )
        state = torch.load(stage / "adapter_model.bin", weights_only=True)
        named = {k.replace(".weight", ".default.weight"): v for k, v in state.items()}
        missing, unexpected = wrapped.load_state_dict(named, strict=False)
        assert not unexpected
        assert not any("lora" in name for name in missing)
        model = wrapped.merge_and_unload()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.oracle
def test_vicuna_as_merged_by_peft_one_by_one(tmp_path, tiny_base):
    """A LLaMA for English: PEFT merges stage 2, then stage 3 upon it; logits with the projector, as ours."""
    model = AutoModelForCausalLM.from_pretrained(tiny_base)
    hidden = model.config.hidden_size
    weight, bias = save_projector(tmp_path / "stage1", hidden)
    linear = {n: tuple(m.weight.shape) for n, m in model.named_modules() if n.endswith("_proj")}
    for stage, rank in RANKS.items():
        folder = tmp_path / f"stage{stage}"
        save_lora(folder, rank, linear, stage, target_modules=sorted({n.rpartition(".")[2] for n in linear}))
        model = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    newer = save_projector(tmp_path / "stage3", hidden, "base_model.model.model.", "non_lora_trainables.bin", seed=8)
    stages = [tmp_path / "stage1" / "mm_projector.bin", tmp_path / "stage2", tmp_path / "stage3"]
    out = make_adapter(stages, str(tiny_base), tmp_path / "adapter", ENCODER, "vtimellm-en", language="en")
    inputs = model.get_input_embeddings()(IDS).clone()
    inputs[PLACES] = FRAMES[:, 0] @ newer[0].T + newer[1]
    theirs = model(inputs_embeds=inputs[None]).logits[0]
    for merge in (True, False):
        assembly = load_adapter(out, merge=merge)
        ours = narrator_logits(assembly.narrator, IDS, FRAMES, PLACES)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))
    inputs[PLACES] = FRAMES[:, 0] @ weight.T + bias
    assert (model(inputs_embeds=inputs[None]).logits[0] - ours).abs().max() > 0.1  # the last stage's projector counts


def test_it_is_a_narrator(tmp_path, chatglm):
    """From the folder alone it writes a story: the whole video's frames, ChatGLM3's start and turns by id."""
    _, _, stages = chatglm
    assembly = load_adapter(make_adapter(stages, str(tmp_path / "base"), tmp_path / "adapter", ENCODER))
    builder = assembly.builder
    frames = torch.randn(10, 1, D, generator=torch.Generator().manual_seed(2)).half().numpy()
    written = StoryWriter(assembly.narrator, builder, Decoding(max_new_tokens=8)).write(STORY, frames, SECONDS)
    assert [each.clip for each in written] == [*STORY.narrated] == [0, 2, 3]
    assert all(each.written.labels for each in written)
    row = builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, 2), 2)
    assert len(row.plan.weights) == 100
    assert tuple(row.ids[:2]) == builder.tokens.start
    user, assistant = (builder.tokens.turn(name)[0] for name in ("user", "assistant"))
    assert row.ids[2] == user
    assert row.ids.count(assistant) == 2  # clips 0 and 2 are narrated


def test_layers_that_one_stage_has_not_are_left_as_they_are(tmp_path, tiny_base):
    linear = {n: tuple(m.weight.shape) for n, m in load_base(str(tiny_base)).llm.named_modules() if n.endswith("_proj")}
    save_lora(tmp_path / "a", 2, linear, 1)
    save_lora(tmp_path / "b", 3, {n: s for n, s in linear.items() if "mlp" not in n}, 2)
    one, two = read_lora(tmp_path / "a"), read_lora(tmp_path / "b")
    both = compose([one, two])
    layer = "layers.0.mlp.up_proj"
    update = both.matrices[layer, "B"] @ both.matrices[layer, "A"]
    torch.testing.assert_close(update, 5 / 2 * one.matrices[layer, "B"] @ one.matrices[layer, "A"])
    assert both.matrices[layer, "A"].shape[0] == both.rank == both.alpha == 5
    assert (both.matrices[layer, "A"] != 0).all()  # can be trained on


def test_bad_stages_are_one_sentence(tmp_path, chatglm, tiny_base):
    _, _, stages = chatglm
    base, out = str(tmp_path / "base"), tmp_path / "adapter"

    def error(given=None, base=base):
        with pytest.raises(InputError) as caught:
            make_adapter(given or stages, base, out, ENCODER)
        assert not out.exists()
        return str(caught.value)

    assert "stages 2 and 3, got 2 paths" in error(stages[::2])
    assert "stage9: there is no stage 2 here" in error([stages[0], tmp_path / "stage9", stages[2]])
    assert "the LoRA of stage 2 is missing" in error([stages[0], stages[0], stages[2]])
    assert "mm_projector.weight: missing" in error([stages[1] / "non_lora_trainables.bin", *stages[1:]])
    assert "is a llama model, and the weights are for ChatGLM3" in error(base=str(tiny_base))
    file = stages[0] / "mm_projector.bin"
    torch.save(
        {"a.mm_projector.weight": torch.zeros(HIDDEN + 1, D), "a.mm_projector.bias": torch.zeros(HIDDEN + 1)}, file
    )
    assert "another base model?" in error()
    torch.save({"a.mm_projector.weight": torch.zeros(HIDDEN, D), "a.mm_projector.bias": torch.zeros(D)}, file)
    assert f"expected a linear layer, found [{HIDDEN}, {D}] and [{D}]" in error()
    torch.save({"a.mm_projector.weight": torch.zeros(HIDDEN, D), "x": make_adapter}, file)
    assert "mm_projector.bin: cannot be read as weights: holds more than tensors, and is not run" in error()
    file.unlink()
    assert "mm_projector.bin: No such file" in error()
    save_projector(stages[0], HIDDEN)
    config = stages[2] / "adapter_config.json"
    settings = json.loads(config.read_text())
    config.write_text(json.dumps({**settings, "r": 4}))
    assert "expected a matrix of the rank 4 that adapter_config.json gives, found [2, 64]" in error()
    config.write_text(json.dumps({**settings, "use_dora": True}))
    assert "use_dora: True is not supported" in error()
    config.write_text(json.dumps(settings))
    lora = stages[2] / "adapter_model.bin"
    matrices = torch.load(lora, weights_only=True)
    fused = "base_model.model.transformer.encoder.layers.1.self_attention.query_key_value.lora_B.weight"
    torch.save({**matrices, fused: torch.zeros(100, 2)}, lora)
    assert "expected 128 rows, found 100" in error()
    torch.save({k: v for k, v in matrices.items() if k != fused}, lora)
    assert "self_attention.query_key_value: has lora_A alone" in error()
    wide = "base_model.model.transformer.encoder.layers.1.mlp.dense_4h_to_h.lora_A.weight"
    torch.save({**matrices, wide: torch.zeros(2, 60)}, lora)
    assert "mlp.down_proj: is for a layer of 64 x 60, that of" in error()
    lora.unlink()
    assert "adapter_model.bin: No such file" in error()
