#!/usr/bin/env bash
# 2026-11-27. peft==0.21.2, transformers==5.23.0, torch==2.14.1: LoRA on "lm_head" of a model whose head shares its weight
# with the input embedding. The unmerged model computes one thing, merge_and_unload() another, in both ways peft offers:
#   - by default, the update goes into the shared weight, so the input embedding changes too (a UserWarning says that
#     the layers are tied, not that the outputs change);
#   - with ensure_weight_tying=True the two outputs differ as well.
#
# Expected: merge_and_unload keeps the outputs, as it does for every other layer, to rounding.
# What is right: give the head a weight of its own before merging (done at the end: equal to rounding), and save the
# model with tie_word_embeddings = false.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.14.1
"$folder/env/bin/pip" install -q peft==0.21.2 transformers==5.23.0
HF_HUB_OFFLINE=1 "$folder/env/bin/python" - <<'PY'
import copy
import warnings
from importlib.metadata import version

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
print(*(f"{name} {version(name)}" for name in ("torch", "transformers", "peft")))
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, tie_word_embeddings=True
)
base = LlamaForCausalLM(config).eval()
ids = torch.arange(12)[None]


def difference(own_head: bool = False, **options):
    """Largest difference of a logit between merged and unmerged, as a share of the largest logit."""
    torch.manual_seed(1)
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, lora_alpha=8, target_modules=["lm_head"], **options)).eval()
    for name, parameter in model.named_parameters():
        if "lora_" in name and parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        before = model(ids).logits
        if own_head:
            head = model.get_base_model().lm_head.get_base_layer()
            head.weight = torch.nn.Parameter(head.weight.detach().clone())
        after = model.merge_and_unload()(ids).logits
    return float((after - before).abs().max() / before.abs().max())


plain, tying, untied = difference(), difference(ensure_weight_tying=True), difference(own_head=True)
print(f"merged beside unmerged: default {plain:.2e}, ensure_weight_tying {tying:.2e}, head with its own weight {untied:.2e}")
assert plain > 1e-2, "peft has changed: the default now merges exactly"
assert tying > 1e-2, "peft has changed: ensure_weight_tying now merges exactly"
assert untied < 1e-5, "a head with a weight of its own is no longer merged exactly"
PY
