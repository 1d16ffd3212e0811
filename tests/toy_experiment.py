"""A toy experiment on made-up shards: writes its YAML and runs commands on it, all in this process."""

import json
from pathlib import Path

from vn.cli import main


class Experiment:
    def __init__(self, folder, base, data):
        self.folder = folder
        self.config = folder / "toy.yaml"
        self.config.write_text(
            f"""
seed_everything: 3
checkpoint_every: 2
model:
  base_model: {base}
  lora: {{rank: 4, alpha: 8, dropout: 0.1}}
  optimization: {{lr: 0.01}}
data: {{folder: {data}, clips_per_step: 8, workers: 0}}
test: {{decoding: {{max_new_tokens: 6}}}}
trainer:
  max_epochs: 2
  accelerator: cpu
  devices: 1
  logger: false
  enable_progress_bar: false
  log_every_n_steps: 1
  num_sanity_val_steps: 0
"""
        )
        overlays = folder / "ablations"
        overlays.mkdir()
        for file in (Path(__file__).parents[1] / "experiments" / "ablations").glob("*.yaml"):
            (overlays / file.name).write_text(file.read_text())

    def __call__(self, command, *args, name="toy"):
        return main([command, "--config", str(self.config), "--runs", str(self.folder / "runs"), "--name", name, *args])

    def run_folder(self, name="toy"):
        return self.folder / "runs" / name

    def metrics(self, name="toy", key="train/loss"):
        lines = [json.loads(x) for x in (self.run_folder(name) / "metrics.jsonl").read_text().splitlines()]
        return [(x["step"], x[key]) for x in lines if key in x]

    def predictions(self, setting="predicted", name="toy"):
        file = self.run_folder(name) / f"predictions.{setting}.jsonl"
        return [json.loads(x) for x in file.read_text(encoding="utf-8").splitlines()]
