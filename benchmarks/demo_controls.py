"""Does training work, and do the frames matter? The demo's narrator against two controls, on the same test videos.

    python benchmarks/demo_controls.py          after `vn demo` (about five minutes more on two cores)

- untrained: the same model, projector and position at their random start, LoRA at zero;
- other frames: the trained model, each video with the frames of another test video of similar length.

Prints each score and the paired difference to the trained model with its 95 % interval (bootstrap over videos).
"""

import argparse
import sys
from pathlib import Path

from vn.cli import main as vn
from vn.score.predictions import read_lines
from vn.score.scorecard import paired_difference

METRICS = ("cider", "meteor", "bleu_4", "label_agreement", "word_length_accuracy")


def table(run: Path, controls: dict[str, Path]) -> None:
    """Print the differences as a Markdown table."""
    print("\n| storyline | metric | control | trained - control | 95 % interval | p |")
    print("|---|---|---|---:|---|---:|")
    for setting in ("predicted", "given"):
        trained = read_lines(run / f"predictions.{setting}.jsonl")
        for metric in METRICS:
            if metric == "label_agreement" and setting == "given":
                continue
            for name, folder in controls.items():
                control = read_lines(folder / f"predictions.{setting}.jsonl")
                d = paired_difference(metric, control, trained)
                row = f"{100 * d.value:+.1f} | {100 * d.low:+.1f} to {100 * d.high:+.1f} | {d.p_value:.3f}"
                print(f"| {setting} | {metric} | {name} | {row} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    args = parser.parse_args()
    controls = {"untrained": args.run.with_name(args.run.name + "-untrained"), "other frames": args.run / "other_video"}
    untrained = controls["untrained"]
    config = ["--config", str(args.run / "config.yaml"), "--runs", str(untrained.parent), "--name", untrained.name]
    commands = [
        ["run", *config, "--trainer.max_steps", "0", "--keep", "last", "--trainer.logger", "false"],
        ["test", "--run", str(args.run), "--data.frames", "other_video", "--out", str(controls["other frames"])],
    ]
    for command in commands:
        print("$ vn", *command, flush=True)
        code = vn(command)
        if code:
            return code
    table(args.run, controls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
