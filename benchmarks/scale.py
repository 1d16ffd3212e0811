"""The arithmetic of docs/scale.md: the cost of the paper's run by formula, at an assumed utilisation.

    VN_REAL_DATA=FOLDER python benchmarks/scale.py

Only the text lengths are measured here; `benchmarks/train.py check` compares the formula with counted products.
"""

from __future__ import annotations

import contestants as c
import stories as s
from flops import LLAMA_7B, Load, flops

VIDEOS, EPOCHS = 6032 * 0.9, 15
UTILISATION = 0.35  # of the peak, assumed
# GPUs, and the dense bf16 peak of one by its data sheet
MACHINES = {"4 x A6000": (4, 154.8e12), "8 x H100": (8, 989e12)}


def mean_loads() -> dict[str, Load]:
    """What a mean video of the sample puts through the model."""
    found, what = s.stories()
    builder = s.builder(LLAMA_7B.vocabulary)
    print(f"{what}, a token a character, 4 frames of 32 tokens a clip.\n")
    loads = {}
    for each in (c.RELEASED, c.TIGHT, c.OURS):
        every = [each.load(each.batches([story], builder)) for story in found]
        total = sum(every[1:], start=every[0])
        n = len(found)
        loads[each.name] = Load(total.tokens // n, total.pairs / n, total.logits // n, total.visual // n)
    return loads


def time_table(loads: dict[str, Load]) -> None:
    """Hours by machine and packing."""
    print("| packing | checkpointing | tokens per video | TFLOP per video | EFLOP per run |", end="")
    print("".join(f" {machine}, h |" for machine in MACHINES))
    print("|---|---|---:|---:|---:|" + "---:|" * len(MACHINES))
    for name, load in loads.items():
        for again in (False, True):
            video = flops(LLAMA_7B, load, again)
            run = video * VIDEOS * EPOCHS
            hours = [run / (count * peak * UTILISATION) / 3600 for count, peak in MACHINES.values()]
            first = f"{load.tokens} | {video / 1e12:.0f} | {run / 1e18:.1f}"
            print(f"| {name} | {'on' if again else 'off'} | {first} |" + "".join(f" {h:.1f} |" for h in hours))
    count, peak = MACHINES["4 x A6000"]
    for again in (False, True):
        used = flops(LLAMA_7B, loads["released"], again) * VIDEOS * EPOCHS / (count * peak * 48 * 3600)
        print(f"\nThe paper's 48 h would be {100 * used:.0f} % of the peak, checkpointing {'on' if again else 'off'}.")


def memory_table() -> None:
    """Gigabytes on one of four GPUs under ZeRO-2 with checkpointing: four clips of a video in a micro-batch."""
    shape = LLAMA_7B
    builder, story = s.builder(shape.vocabulary), s.made_up_story(c.MICRO_BATCH)
    frozen = 2 * (shape.weights + 2 * shape.width * shape.vocabulary)
    trained = shape.lora * (2 + 14 / 4)  # a bf16 copy here; fp32 master, Adam's two and a bf16 gradient over four
    print("\n| micro-batch | tokens | logits at | weights | LoRA | layer inputs | one layer | logits | sum, GB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for each in (c.RELEASED, c.TIGHT, c.OURS):
        load = each.load(each.batches([story], builder)[:1])
        inputs = 2 * shape.width * load.tokens * shape.layers
        layer = 2 * 2 * sum(a + b for a, b in shape.linears) * load.tokens
        logits = (2 + 4 + 4) * shape.vocabulary * load.logits
        parts = [x / 1e9 for x in (frozen, trained, inputs, layer, logits)]
        cells = " | ".join(f"{x:.1f}" for x in [*parts, sum(parts)])
        print(f"| {each.name} | {load.tokens} | {load.logits} | {cells} |")


def main() -> None:
    """Print the tables of docs/scale.md."""
    loads = mean_loads()
    time_table(loads)
    memory_table()


if __name__ == "__main__":
    main()
