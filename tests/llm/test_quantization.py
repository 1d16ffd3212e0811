"""Base models in 8 and 4 bits by bitsandbytes, which computes on the CPU too: the same code as on CUDA."""

import json

import pytest
import torch
from peft.utils.integrations import dequantize_module_weight
from safetensors import safe_open
from toy_experiment import Experiment

from vn.cli import main
from vn.errors import InputError
from vn.llm.load import load_base

pytest.importorskip("bitsandbytes")
BYTES = {"int8": 1, "nf4": 0.5}  # a weight


def restored(base, small):
    """The whole model with the weights that those of few bits stand for."""
    whole = load_base(str(base)).llm
    for name, layer in small.named_modules():
        if hasattr(layer, "quant_state") or hasattr(layer, "state"):
            whole.get_submodule(name).weight.data = dequantize_module_weight(layer).float()
    return whole


def gradient(llm, vectors):
    vectors = vectors.clone().requires_grad_()
    llm(inputs_embeds=vectors).logits.logsumexp(-1).sum().backward()
    return vectors.grad


@pytest.mark.parametrize("bits", BYTES)
def test_fewer_bits_are_nearly_the_same_model(wide_base, bits):
    base, whole = load_base(str(wide_base), quantization=bits), load_base(str(wide_base))
    assert base.sha256 == whole.sha256
    weight = base.llm.get_decoder().layers[0].mlp.up_proj.weight
    assert weight.numel() * weight.element_size() == BYTES[bits] * 64 * 128
    assert base.llm.lm_head.weight.dtype == torch.float32, "the head stays whole"
    near = restored(wide_base, base.llm)
    one, two = (x.get_decoder().layers[0].mlp.up_proj.weight for x in (whole.llm, near))
    assert 0 < (one - two).norm() / one.norm() < (0.01 if bits == "int8" else 0.15)


@pytest.mark.parametrize("bits", BYTES)
def test_gradients_pass_through_fewer_bits(wide_base, bits):
    """Also after a validation, as those of the model with the weights that the bits stand for."""
    llm = load_base(str(wide_base), quantization=bits).llm
    near = restored(wide_base, llm)
    vectors = torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        llm.eval()(inputs_embeds=vectors)
    expected, found = gradient(near, vectors), gradient(llm.train(), vectors)
    assert (found - expected).norm() / expected.norm() < (0.02 if bits == "int8" else 1e-4)


@pytest.mark.parametrize("bits", BYTES)
def test_training_over_fewer_bits(tmp_path, wide_base, data, bits):
    """LoRA learns over frozen weights of few bits; what is saved, tested and exported goes with it."""
    experiment = Experiment(tmp_path, wide_base, data)
    assert experiment("run", "--model.quantization", bits, "--trainer.max_epochs", "4") == 0
    losses = [loss for _, loss in experiment.metrics(key="val/loss")]
    assert losses[-1] < losses[0]
    run = experiment.run_folder()
    assert json.loads((run / "adapter" / "narrator.json").read_text())["quantization"] == bits
    with safe_open(run / "adapter" / "adapter_model.safetensors", "pt") as file:
        assert all(".lora_" in name for name in file.keys())  # noqa: SIM118 (no dictionary)
    stories = experiment.predictions()
    assert stories
    assert experiment("test", "--model.quantization", bits) == 0
    assert experiment.predictions() == stories
    assert main(["export", str(run), "--to", "merged", "--dtype", "float32"]) == 0


def test_layers_that_four_bits_do_not_fit(tiny_base):
    with pytest.raises(InputError, match=r"model\.quantization: nf4 weights on the CPU need .*q_proj has 32"):
        load_base(str(tiny_base), quantization="nf4")
