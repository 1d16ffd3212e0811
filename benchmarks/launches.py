"""Operators that a training step launches per layer and line, counted without a GPU: `python benchmarks/launches.py`.

The forward pass as on CUDA in bf16 with LoRA and its dropout, by torch's FakeTensorMode; the backward pass on the CPU
without dropout, with a CPU kernel for torch's variable-length attention. Views are not counted. It is the count of
tests/llm/test_launches.py, for more lengths.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

from vn.llm import kernels

TESTS = Path(__file__).parents[1] / "tests"


def main() -> None:
    sys.path[:0] = [str(TESTS), str(TESTS / "llm")]
    import test_launches as counted
    import varlen_on_cpu

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kernels._no_varlen = lambda *_: ""
    varlen_on_cpu.register()
    print("| clips | kernel | attention, forward | operators forward | attention, backward | operators backward |")
    print("|---:|---|---:|---:|---:|---:|")
    for clips in (1, 3, 7, 20, 40):
        for attention in ("sdpa", "varlen"):
            found = []
            for measure in (counted.forward, counted.backward):
                names = counted.per_layer(measure, clips, attention=attention)
                found += [len(counted.attention_calls(names)), len(names)]
            print(f"| {clips} | {attention} |", " | ".join(map(str, found)), "|")


if __name__ == "__main__":
    main()
