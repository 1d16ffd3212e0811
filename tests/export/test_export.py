"""Exports load in stock libraries and compute the narrator's own function; each error is one sentence."""

import json
from dataclasses import replace

import pytest
import torch
from baichuan import make_baichuan
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from vn.adapter import load_adapter, save_adapter
from vn.cli import main


@pytest.fixture
def run_folder(make, card, tmp_path):
    """Gives a run folder with a random adapter on a base model."""

    def build(**changes):
        folder = tmp_path / "run"
        save_adapter(folder / "adapter", make(**changes))
        return folder

    return build


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_merged_weights_load_in_stock_transformers(run_folder, tmp_path, capsys, dtype):
    run, out = run_folder(), tmp_path / "out"
    words = ["export", str(run), "--to", "merged", "--dtype", dtype, "--shard-size", "40KB", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "largest difference of a logit" in said
    assert "3 of 3 texts have the same ids" in said
    assert len(list(out.glob("model-*.safetensors"))) > 1
    stock = AutoModelForCausalLM.from_pretrained(out)
    assert stock.dtype == getattr(torch, dtype)
    ours = load_adapter(run / "adapter").base.llm
    ids = torch.arange(20)[None]
    with torch.no_grad():
        a, b = stock.float()(input_ids=ids).logits, ours(input_ids=ids).logits
    torch.testing.assert_close(a, b, rtol=0, atol={"float32": 1e-4}.get(dtype, 0.3))
    again = load_adapter(out / "narrator")
    assert again.card.lora.rank == 0
    assert again.builder.template.text == load_adapter(run / "adapter").builder.template.text


def test_an_adapter_loads_in_stock_peft(run_folder, tiny_base, tmp_path):
    from peft import PeftModel

    run, out = run_folder(), tmp_path / "out"
    assert main(["export", str(run), "--to", "peft", "--out", str(out)]) == 0
    stock = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_base), str(out))
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_base)
    ours = load_adapter(run / "adapter", merge=False).narrator.llm
    ids = torch.arange(20)[None]
    with torch.no_grad():
        torch.testing.assert_close(stock(input_ids=ids).logits, ours(input_ids=ids).logits, rtol=1e-4, atol=1e-5)
    assert load_adapter(out).card == load_adapter(run / "adapter").card


@pytest.mark.parametrize("to", ["merged", "peft"])
def test_baichuan_leaves_as_stock_llama(run_folder, tmp_path, to, capsys):
    make_baichuan(tmp_path / "b", generation=2)
    run, out = run_folder(base_model=str(tmp_path / "b"), language="zh"), tmp_path / "out"
    assert main(["export", str(run), "--to", to, "--out", str(out), "--dtype", "float32"]) == 0
    assert "3 of 3 texts have the same ids" in capsys.readouterr().out
    base = out if to == "merged" else out / "base"
    assert AutoModelForCausalLM.from_pretrained(base).config.model_type == "llama"
    again = load_adapter(out / "narrator" if to == "merged" else out)
    before = load_adapter(run / "adapter")
    text = "哈哈哈，充电器"
    assert again.builder.tokens.encode(text) == before.builder.tokens.encode(text)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        a, b = (x.narrator.causal_lm(input_ids=ids).logits for x in (again, before))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert AutoTokenizer.from_pretrained(base)(text)["input_ids"]


def test_logits_that_are_not_the_narrators_are_refused(run_folder, tmp_path, monkeypatch, capsys):
    """The check can fail: a weight that changed on the way is found, and nothing is left."""
    run, out = run_folder(), tmp_path / "out"
    from vn.export import formats as export

    write, load = export.WRITERS["merged"]

    def damaged(assembly, folder, *args):
        write(assembly, folder, *args)
        file = folder / "model.safetensors"
        weights = load_file(file)
        weights["model.norm.weight"] *= 1.5
        save_file(weights, file, {"format": "pt"})

    monkeypatch.setitem(export.WRITERS, "merged", (damaged, load))
    assert main(["export", str(run), "--to", "merged", "--out", str(out)]) == 2
    assert "golden prompts differ by up to" in capsys.readouterr().err
    assert not out.exists()
    assert not out.with_name("out.new").exists()


def test_bad_input(run_folder, make, card, tmp_path, capsys):
    run = run_folder()

    def error(*words):
        assert main(["export", *map(str, words)]) == 2
        return capsys.readouterr().err

    assert "no adapter here" in error(tmp_path / "none", "--to", "peft")
    assert "--golden: expected 1 or more" in error(run, "--to", "peft", "--golden", "0")
    assert "would overwrite the exported run" in error(run, "--to", "peft", "--out", run / "adapter")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    assert "not an earlier export" in error(run, "--to", "peft", "--out", tmp_path / "full")
    save_adapter(tmp_path / "frozen", make(lora=replace(card.lora, rank=0)))
    assert "has no LoRA: take --to merged" in error(tmp_path / "frozen", "--to", "peft", "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()
