"""Weights of four and eight bits: gradients on this device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from commands import require
from toy import Toy
from trials import Result, Run, Trial, apart

BOUNDS = {"nf4": 0.01, "int8": 0.05}  # bf16's rounding, and int8's of activations


def quantized(run: Run) -> Iterator[Trial]:
    """Each of the two."""
    toy = Toy.make(run)
    for bits in BOUNDS:
        yield Trial(f"gradients, {bits}", lambda bits=bits: gradients(run, toy, bits), least=5)  # type: ignore[misc]


def gradients(run: Run, toy: Toy, bits: str) -> Result:
    """The gradient of the input, beside that of the model with the weights that the bits stand for."""
    require("bitsandbytes")
    from peft.utils.integrations import dequantize_module_weight

    from vn.llm.load import load_base

    base = str(toy.folder / "base")
    small = load_base(base, "float32", bits).llm.train()
    whole = load_base(base, "float32").llm.to(run.place.device).train()
    for name, layer in small.named_modules():
        if hasattr(layer, "quant_state") or hasattr(layer, "state"):
            whole.get_submodule(name).weight.data = dequantize_module_weight(layer).float()
    torch.manual_seed(0)
    vectors = torch.randn(1, 9, 64).to(run.place.device)
    found = []
    for llm in (small, whole):
        inputs = vectors.clone().requires_grad_()
        llm(inputs_embeds=inputs).logits.logsumexp(-1).sum().backward()
        assert inputs.grad is not None
        found.append(inputs.grad.double().cpu().numpy())
    distance = apart(found[0], found[1])
    return {"apart": distance, "bound": BOUNDS[bits], "ok": distance <= BOUNDS[bits]}
