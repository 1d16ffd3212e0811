"""``test.decoding.drafts`` and ``test.dtype``: what training leaves for them, and what a test notes."""

import argparse
import hashlib
import json
import shutil

import pytest
import torch

from vn.adapter import load_adapter, ngrams_of
from vn.cli import main
from vn.compare.runs import find_runs
from vn.data.shards import read_story
from vn.errors import InputError
from vn.llm.device import device_of
from vn.llm.dtypes import SMALL, resolved
from vn.llm.ngrams import FILE, count
from vn.narrate.command import add_arguments
from vn.narrate.trained import Trained
from vn.narrate.write import Narrator
from vn.settings import NarratorSettings
from vn.train.datamodule import StoryDataModule
from vn.train.predictions import PredictionWriter


def setup_of(run):
    (found,), _ = find_runs([run])
    return found.setup


@pytest.fixture
def trained(experiment):
    assert experiment("run", "--trainer.max_epochs", "1", "--data.limit", "4") == 0
    return experiment


def test_training_leaves_the_ngrams_of_its_own_split(trained, data):
    adapter = trained.run_folder() / "adapter"
    assembly = load_adapter(adapter)
    assert assembly.card.drafts == hashlib.sha256((adapter / FILE).read_bytes()).hexdigest()
    assert FILE in (adapter / "README.md").read_text("utf-8")
    tokens, texts = assembly.builder.tokens, []
    module = StoryDataModule(str(data), limit=4)
    for entry in module.entries("train"):
        story = read_story(module.folder / entry.shard, entry)
        for n in story.narrated:
            clip = story.clips[n]
            label = tokens.encode("+".join(x.en for x in clip.labels))
            lead = tokens.encode(assembly.template.narration.format(index=n + 1))
            texts.append([*label, tokens.newline, *lead, *tokens.encode(clip.narration), tokens.newline])
    assert ngrams_of(adapter, assembly).keys.tolist() == count(texts).keys.tolist()


def test_a_test_with_drafts_writes_the_same(trained):
    before = trained.predictions("predicted"), trained.predictions("given")
    assert main(["test", "--run", str(trained.run_folder()), "--test.decoding.drafts", "ngram"]) == 0
    after = trained.predictions("predicted"), trained.predictions("given")
    assert [[line["narration"] for line in x] for x in after] == [[line["narration"] for line in x] for x in before]
    assert [[line["labels"] for line in x] for x in after] == [[line["labels"] for line in x] for x in before]


def test_an_adapter_without_ngrams_refuses_drafts(trained, capsys):
    card = trained.run_folder() / "adapter" / "narrator.json"
    data = json.loads(card.read_text("utf-8"))
    del data["drafts"]  # as those of earlier builds
    card.write_text(json.dumps(data), "utf-8")
    run = str(trained.run_folder())
    assert main(["test", "--run", run, "--test.decoding.drafts", "ngram"]) == 2
    assert "has no n-grams for drafts" in capsys.readouterr().err


def test_another_dtype_is_noted_and_is_another_variant(trained):
    run = trained.run_folder()
    own = setup_of(run)
    assert main(["test", "--run", str(run), "--test.dtype", "bfloat16"]) == 0
    assert {line["dtype"] for line in trained.predictions()} == {"bfloat16"}
    assert dict(setup_of(run))["test.dtype"] == "bfloat16"
    assert main(["test", "--run", str(run), "--test.dtype", "float32"]) == 0  # the card's
    assert not any("dtype" in line for line in trained.predictions())
    assert setup_of(run) == own


def test_auto_looks_at_the_base_model_where_it_is_now(trained, tiny_base, tmp_path, monkeypatch):
    """It is small, and so faster in float32; one that is out of sight is taken for a large one."""
    run = trained.run_folder()
    card = json.loads((run / "adapter" / "narrator.json").read_text("utf-8"))
    card |= {"base_model": "/gone/base", "base_model_from_here": None}
    (run / "adapter" / "narrator.json").write_text(json.dumps(card), "utf-8")
    shutil.copytree(tiny_base, moved := tmp_path / "moved")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["test", "--run", str(run), "--test.dtype", "auto", "--model.base_model", str(moved)]) == 0
    assert not any("dtype" in line for line in trained.predictions())
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["video.mp4", "--run", str(run), "--dtype", "auto"]
    assert Trained(parser.parse_args([*words, "--base-model", str(moved)]), []).options["dtype"] == "float32"
    assert Trained(parser.parse_args(words), []).options["dtype"] == "bfloat16"


def test_a_test_in_auto_is_not_resumed_in_another_dtype(trained, monkeypatch):
    """As on another machine, where another one is faster."""
    words = ["test", "--run", str(trained.run_folder()), "--test.dtype", "auto"]

    def ends_early(self, stories):
        raise InputError("ends before its end")

    monkeypatch.setattr("vn.llm.dtypes._is_faster", lambda where, base_model: True)
    with monkeypatch.context() as patch:
        patch.setattr(PredictionWriter, "merge", ends_early)
        assert main(words) == 2
    monkeypatch.setattr("vn.llm.dtypes._is_faster", lambda where, base_model: False)
    assert main(words) == 0
    assert not any("dtype" in line for line in trained.predictions())


def test_a_device_that_is_not_there_is_one_sentence(trained, capsys):
    for name in ("some", "cuda:99"):
        with pytest.raises(InputError, match=f"--device: no device '{name}' here: "):
            resolved("auto", name, NarratorSettings("smollm2"))
        with pytest.raises(InputError, match=f"--device: no device '{name}' here: "):
            Narrator(trained.run_folder() / "adapter", None, [], {"length": "none"}, name)
    assert device_of("cpu") == torch.device("cpu")
    assert device_of(None).type in ("cpu", "cuda")


def test_weights_are_converted_and_frequencies_are_not(trained):
    adapter = trained.run_folder() / "adapter"
    plain, half = load_adapter(adapter), load_adapter(adapter, dtype="bfloat16")
    parameters = dict(plain.narrator.causal_lm.named_parameters())
    for name, parameter in half.narrator.causal_lm.named_parameters():
        assert torch.equal(parameter, parameters[name].bfloat16())
    buffers = dict(plain.narrator.causal_lm.named_buffers())
    for name, buffer in half.narrator.causal_lm.named_buffers():
        assert torch.equal(buffer, buffers[name])
    assert (plain.card.dtype, half.card.dtype) == ("float32", "bfloat16")
    assert next(half.narrator.projector.parameters()).dtype == torch.float32


def test_auto_is_what_the_device_is_faster_with(monkeypatch, tmp_path):
    card, weights = NarratorSettings(str(tmp_path)), tmp_path / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(SMALL)  # takes no space
    for can, dtype in (({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({}, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda can=can: can, raising=False)
        assert resolved("auto", "cpu", card) == dtype
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert resolved("auto", "cpu", NarratorSettings("smollm2")) == "bfloat16"
    with weights.open("wb") as file:
        file.truncate(SMALL - 1)
    assert resolved("auto", "cpu", card) == "float32"
    assert resolved("bfloat16", "cpu", card) == "bfloat16"
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert resolved("auto", "cpu", NarratorSettings("smollm2")) == "float32"
    assert resolved(None, "cpu", card) is None
    quantized = NarratorSettings("smollm2", quantization="nf4")
    assert resolved("auto", "cpu", quantized) is None
    with pytest.raises(InputError, match="weights in nf4 keep the data type"):
        resolved("bfloat16", "cpu", quantized)
    with pytest.raises(InputError, match="expected one of float32, bfloat16, auto"):
        resolved("float64", "cpu", card)
