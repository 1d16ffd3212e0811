"""A training step of the demo's base language model and of its narrator, with this build and with an older one in turn.

    git worktree add --detach ../old COMMIT
    python benchmarks/demo_stages.py --old ../old --work demo-work --rounds 3

`--work` is a finished demo's folder (its shards and base model are read). Processor seconds of the main thread, one
thread, per step. The narrator's trained weights must be the same bytes with both builds; the base model's losses differ
by the order of summation. With `--ranks`, the narrator is also trained in two processes with averaged gradients, and
the seconds of the first one are printed: it waits asleep, so they are what a step takes if each has a core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from two_builds import Build, builds, run

BASE_LM = """
import json, sys, time, torch
torch.set_num_threads(1)
from vn.demo import base_lm
from vn.demo.english import ENGLISH
from vn.demo.prose import Prose
from vn.demo.tiny_llama import BaseLMSettings, initial_model, train_tokenizer
steps, settings, writer = int(sys.argv[1]), BaseLMSettings(full_hardness=0.01), Prose(ENGLISH, 0)
tokenizer = train_tokenizer(writer, settings)
torch.manual_seed(0)
llm = initial_model(tokenizer, settings)
began = time.thread_time()
loss = base_lm._train(llm, tokenizer, writer, steps, settings, None)
print(json.dumps({"ms": (time.thread_time() - began) / steps * 1000, "result": round(loss, 3)}))
"""
# A training step begins when the step before has ended, so data, hooks and callbacks count.
NARRATOR = """
import hashlib, json, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import lightning as L
from vn.cli import main
marks = []
own = L.Trainer.fit
def fit(self, *args, **options):
    class Clock(L.Callback):
        def on_train_batch_end(self, *others):
            marks.append(time.thread_time())
    self.callbacks.append(Clock())
    return own(self, *args, **options)
L.Trainer.fit = fit
assert main(sys.argv[1:]) == 0
folder = Path(sys.argv[sys.argv.index("--runs") + 1]) / "demo" / "adapter"
digest = hashlib.sha256()
for name in ("adapter_model.safetensors", "narrator.safetensors"):
    digest.update((folder / name).read_bytes())
begun = len(marks) // 5
each = (marks[-1] - marks[begun]) / (len(marks) - 1 - begun)
print(json.dumps({"ms": each * 1000, "result": digest.hexdigest()[:16]}))
"""


def once(build: Build, words: list[str]) -> dict[str, float | str]:
    """What a script printed at its end."""
    ran = run(build, [sys.executable, *words], build.folder, {"WANDB_MODE": "disabled"})
    if ran.code:
        raise SystemExit(f"{build.name}: exit code {ran.code}\n{ran.stderr}")
    found: dict[str, float | str] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


def in_turn(title: str, both: tuple[Build, Build], words: list[str], rounds: int, same: bool) -> None:
    """Print a line of medians over both builds in turn."""
    found: dict[str, list[dict[str, float | str]]] = {build.name: [] for build in both}
    for number in range(rounds):
        for build in both if number % 2 else both[::-1]:
            with tempfile.TemporaryDirectory() as runs:
                found[build.name].append(once(build, [word.replace("RUNS", runs) for word in words]))
    old, new = (statistics.median(float(each["ms"]) for each in found[build.name]) for build in both)
    results = [{str(each["result"]) for each in found[build.name]} for build in both]
    if same and (len(results[0] | results[1]) != 1):
        raise SystemExit(f"{title}: the results differ: {results}")
    print(f"{title:44} {old:8.1f} {new:8.1f} ms   {old / new:5.2f}x   {results[0]} {results[1]}", flush=True)


def main() -> None:
    """Both models, and optionally two processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the older build")
    parser.add_argument("--work", type=Path, default=Path("demo-work"), help="a finished demo's folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--ranks", action="store_true", help="the narrator in two processes too")
    args = parser.parse_args()
    both, work = builds(args.old), args.work.resolve()
    config = Path(__file__).resolve().parents[1] / "experiments" / "demo.yaml"
    fit = ["fit", "--config", str(config), "--model.base_model", str(work / "base-lm"), "--data.folder"]
    fit += [str(work / "shards"), "--runs", "RUNS", "--trainer.max_steps", str(args.steps)]
    print(f"{'CPU milliseconds per step':44} {'old':>8} {'new':>8}")
    in_turn("base language model", both, ["-c", BASE_LM, str(args.steps)], args.rounds, same=False)
    in_turn("narrator", both, ["-c", NARRATOR, *fit], args.rounds, same=True)
    if args.ranks:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "narrator.py"  # a file: each process starts it again
            script.write_text(NARRATOR)
            two = [str(script), *fit, "--trainer.devices", "2", "--trainer.strategy", "ddp"]
            in_turn("narrator, the first of two processes", both, two, args.rounds, same=True)


if __name__ == "__main__":
    main()
