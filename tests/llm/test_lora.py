"""LoRA merged is LoRA unmerged, on every kind of layer and base model, also where layers share a weight; its casts."""

import json
import warnings
from dataclasses import replace

import pytest
import torch
from fake_cuda import Operators
from peft.tuners.lora import LoraLayer
from toy_experiment import Experiment
from toy_narrator import SECONDS, STORY, T
from transformers import AutoModelForCausalLM

import vn.llm.lora
from vn.adapter import load_adapter, load_trained, save_adapter
from vn.cli import main
from vn.llm.lora import CastingDropout, merge_lora, untie
from vn.llm.packing import collate, share

HEAD, EMBEDDING, BOTH = ["q_proj", "lm_head"], ["up_proj", "embed_tokens"], ["embed_tokens", "lm_head"]
TARGETS = ["all-linear", "attention", HEAD, EMBEDDING, BOTH, r".*\.down_proj|lm_head"]


def name_of(targets):
    return targets if isinstance(targets, str) else "+".join(targets)


@pytest.fixture(params=["untied", "tied"])
def base(request, wide_base, tied_base):
    return {"untied": wide_base, "tied": tied_base}[request.param]


@pytest.fixture
def trained(make, card):
    """Assembles a narrator whose LoRA is random on every layer that it is on, as after a training."""

    def build(base, targets, **changes):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # no warning of PEFT is about us
            assembly = make(base_model=str(base), lora=replace(card.lora, targets=targets), **changes)
        with torch.no_grad():
            for name, p in assembly.narrator.named_parameters():
                if ".lora_" in name:
                    p.normal_(std=0.2)
        assembly.narrator.eval()
        return assembly

    return build


def logits(llm):
    ids = torch.tensor([[5, 300, 7, 7, 120, 39, 250, 8]])
    with torch.no_grad():
        return llm(input_ids=ids).logits.float()


def assert_near(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("targets", TARGETS, ids=name_of)
def test_merged_is_unmerged(trained, base, tmp_path, targets):
    assembly = trained(base, targets)
    save_adapter(tmp_path / "adapter", assembly)
    wanted = logits(assembly.narrator.causal_lm)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = [load_adapter(tmp_path / "adapter", merge=merge) for merge in (False, True)]
    unmerged, merged = (logits(x.narrator.causal_lm) for x in loaded)
    assert_near(unmerged, wanted)
    assert_near(merged, wanted)
    frozen = load_adapter(tmp_path / "adapter").base.name
    plain = logits(AutoModelForCausalLM.from_pretrained(frozen))
    assert (wanted - plain).abs().max() > 0.1 * plain.abs().max(), "LoRA matters here"
    assert not any("lora" in name for name, _ in loaded[1].narrator.named_parameters())


@pytest.mark.parametrize("bits", ["int8", "nf4"])
@pytest.mark.parametrize("targets", [*TARGETS[:2], HEAD, EMBEDDING], ids=name_of)
def test_over_fewer_bits(trained, base, tmp_path, targets, bits):
    """Nothing is merged there; without the bits, as an export has it, both ways are one function."""
    pytest.importorskip("bitsandbytes")
    assembly = trained(base, targets, quantization=bits)
    save_adapter(tmp_path / "adapter", assembly)
    for merge in (False, True):
        loaded = load_adapter(tmp_path / "adapter", merge=merge)
        assert_near(logits(loaded.narrator.causal_lm), logits(assembly.narrator.causal_lm))
    whole = [load_adapter(tmp_path / "adapter", merge=merge, quantized=False) for merge in (False, True)]
    unmerged, merged = (logits(x.narrator.causal_lm) for x in whole)
    assert_near(merged, unmerged)


def test_only_what_is_shared_gets_a_weight_of_its_own(trained, wide_base, tied_base):
    def places(base, targets):
        llm = trained(base, targets).narrator.llm
        before = llm.get_base_model().config.tie_word_embeddings
        found = untie(llm)
        merged = merge_lora(llm)
        assert merged.config.tie_word_embeddings == (before and not found)
        return found, merged.get_input_embeddings().weight is merged.get_output_embeddings().weight

    assert places(wide_base, BOTH) == (False, False)
    assert places(tied_base, "all-linear") == (False, True)
    assert places(tied_base, HEAD) == (True, False)
    assert places(tied_base, EMBEDDING) == (True, False)
    assert places(tied_base, BOTH) == (True, False)


def test_training_goes_on_from_such_weights(trained, tied_base, tmp_path):
    """``--resume weights`` reads an adapter folder; there, nothing is merged."""
    assembly = trained(tied_base, BOTH)
    save_adapter(tmp_path / "adapter", assembly)
    other = trained(tied_base, BOTH)
    assert (logits(other.narrator.causal_lm) - logits(assembly.narrator.causal_lm)).abs().max() == 0  # one seed
    with torch.no_grad():
        for parameter in other.narrator.parameters():
            if parameter.requires_grad:
                parameter.zero_()
    load_trained(tmp_path / "adapter", other.narrator)
    assert_near(logits(other.narrator.causal_lm), logits(assembly.narrator.causal_lm))


@pytest.mark.parametrize("targets", [HEAD, EMBEDDING, BOTH], ids=name_of)
def test_the_loss_that_was_trained_is_the_loss_that_is_validated(tmp_path, tied_base, data, targets):
    experiment = Experiment(tmp_path, tied_base, data)
    args = ("--model.lora.targets", json.dumps(targets), "--model.lora.alpha", "64", "--trainer.max_epochs", "2")
    assert experiment("fit", *args) == 0
    _, trained = experiment.metrics(key="val/loss")[-1]
    out = tmp_path / "again"
    assert experiment("validate", *args, "--out", str(out)) == 0
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["val/loss"] for line in lines] == pytest.approx([trained], rel=1e-4)


@pytest.mark.parametrize("targets", [HEAD, EMBEDDING, BOTH], ids=name_of)
@pytest.mark.parametrize("to", ["merged", "peft"])
def test_exports_are_the_narrators_own_function(trained, tied_base, tmp_path, targets, to):
    """Also in stock libraries' hands: merged again by PEFT, and saved again."""
    from peft import PeftModel

    run, out = tmp_path / "run", tmp_path / "out"
    assembly = trained(tied_base, targets)
    save_adapter(run / "adapter", assembly)
    assert main(["export", str(run), "--to", to, "--out", str(out), "--dtype", "float32"]) == 0
    wanted = logits(assembly.narrator.causal_lm)
    folder = out if to == "merged" else out / "base"
    stock = AutoModelForCausalLM.from_pretrained(folder)
    assert not stock.config.tie_word_embeddings
    if to == "peft":
        assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(folder)
        stock = PeftModel.from_pretrained(stock, str(out))
        assert_near(logits(stock), wanted)
        stock = stock.merge_and_unload()
    assert_near(logits(stock), wanted)
    stock.save_pretrained(tmp_path / "saved")
    assert_near(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "saved")), wanted)
    again = load_adapter(out / "narrator" if to == "merged" else out)
    assert_near(logits(again.narrator.causal_lm), wanted)
    if to == "peft":  # and over the base model it was trained on
        assert_near(logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tied_base), out)), wanted)


# -- casts of adapters' inputs


def own_casts(llm):
    """PEFT's own: it casts, then `nn.Dropout` or an identity."""
    for module in llm.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = True
            for name, ours in module.lora_dropout.items():
                module.lora_dropout[name] = torch.nn.Dropout(ours.p) if ours.p else torch.nn.Identity()


def loss_and_gradients(narrator, batch, mixed):
    torch.manual_seed(0)
    narrator.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        loss = narrator(batch)
    loss.backward()
    return [loss.detach(), *(p.grad for p in narrator.parameters() if p.grad is not None)]


def cuda_dropout(input, p):
    """CUDA's arithmetic: the product in float32, rounded once, forward and backward."""
    kept = (torch.rand(input.shape) >= p) / (1 - p)
    return (input.float() * kept).to(input.dtype)


@pytest.fixture
def step(make, frames, card):
    def build(dtype, dropout, checkpointing=False):
        assembly = make(dtype=dtype, lora=replace(card.lora, dropout=dropout))
        narrator, builder = assembly.narrator.train(), assembly.builder
        for name, parameter in narrator.named_parameters():
            if ".lora_" in name:
                assert parameter.dtype == torch.float32
        if checkpointing:
            narrator.causal_lm.gradient_checkpointing_enable({"use_reentrant": False})
        rows = [
            (0, builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, clip), clip))
            for clip in STORY.narrated
        ]
        return narrator, collate(share(rows), [frames], T, 0)

    return build


def casts_per_step(narrator, batch, mixed):
    with Operators() as found:
        loss_and_gradients(narrator, batch, mixed)
    return found.names.count("_to_copy")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_fewer_casts_change_no_bit_on_the_cpu(step, dtype, mixed, dropout, checkpointing):
    narrator, batch = step(dtype, dropout, checkpointing)
    ours = loss_and_gradients(narrator, batch, mixed)
    fewer = casts_per_step(narrator, batch, mixed)
    own_casts(narrator.llm)
    theirs = loss_and_gradients(narrator, batch, mixed)
    assert len(ours) > 10
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    if mixed and dtype == "bfloat16" and not dropout:
        assert fewer <= casts_per_step(narrator, batch, mixed) - 2 * 2 * 7  # both ways, two layers of seven adapters


def test_fewer_casts_change_no_bit_of_a_dropout_that_rounds_once(step, monkeypatch):
    """As CUDA's does, where inputs of adapters stay bfloat16 with dropout, too."""
    narrator, batch = step("bfloat16", 0.3)
    monkeypatch.setattr(vn.llm.lora, "rounds_once", lambda input: True)
    monkeypatch.setattr(
        vn.llm.lora.F, "dropout", lambda input, p=0.5, training=True, inplace=False: cuda_dropout(input, p)
    )
    kept = []
    monkeypatch.setattr(CastingDropout, "forward", watched(CastingDropout.forward, kept))
    ours = loss_and_gradients(narrator, batch, mixed=True)
    assert set(kept) == {torch.bfloat16}
    own_casts(narrator.llm)
    theirs = loss_and_gradients(narrator, batch, mixed=True)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    monkeypatch.undo()
    plain = loss_and_gradients(narrator, batch, mixed=True)
    assert not torch.equal(ours[1], plain[1]), "dropout matters here"


def watched(forward, seen):
    def call(self, input):
        out = forward(self, input)
        seen.append(out.dtype)
        return out

    return call


def test_adapters_have_no_weights_but_their_own(step):
    narrator, _ = step("float32", 0.3)
    assert not [name for name in narrator.state_dict() if "lora_dropout" in name]
