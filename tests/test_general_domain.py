"""The general-domain experiment on synthetic stories in Video Storytelling's text layout, with a tiny LLaMA-2."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from vn.cli import main

ROOT = Path(__file__).parents[1]
EXPERIMENT = "experiments/video_storytelling_llama2_7b.yaml"
WHO = ("the bride", "a guest", "the father", "a child", "the band")
WHAT = ("walks in", "cuts the cake", "dances slowly", "waves at the camera", "opens a gift")


@pytest.fixture(scope="module")
def tiny_llama2(tiny_base, tmp_path_factory):
    """LLaMA-2-7B in small: as many key heads as heads, its norms and rotation, untied embeddings."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny-llama2")
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=86,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def weddings(tmp_path_factory):
    """Six videos of two topics, prepared from text files and per-frame arrays."""
    folder = tmp_path_factory.mktemp("weddings")
    draw, numbers = random.Random(0), np.random.default_rng(0)
    for topic in ("wedding", "birthday_party"):
        (folder / "annotations" / topic).mkdir(parents=True)
    (folder / "features").mkdir()
    for n in range(6):
        clips, at = [], 0
        while at < 90:
            end = at + draw.randint(5, 20)
            times = " ".join(f"{s // 60:02}:{s % 60:02}" for s in (at, end))
            clips.append(f"{times} {draw.choice(WHO)} {draw.choice(WHAT)} in the hall\n")
            at = end
        topic = ("wedding", "birthday_party")[n % 2]
        (folder / "annotations" / topic / f"story{n}.txt").write_text(f"video{n}.mp4\n{''.join(clips)}\n")
        for frame in range(1, at + 1):
            np.save(folder / "features" / f"video{n}_{frame:03}.jpg.npy", numbers.normal(size=(4, 16)).astype("f2"))
    (folder / "test_ids.txt").write_text("video4\nvideo5\n")
    words = ["prepare", folder / "annotations", "--reader", "video-storytelling", "--out", folder / "data"]
    words += ["--test-ids", folder / "test_ids.txt", "--encoder", "features", "--features", folder / "features"]
    assert main(list(map(str, words))) == 0
    return folder / "data"


@pytest.fixture
def small(weddings, tiny_llama2, monkeypatch):
    """Flags that make the experiment small enough for a CPU."""
    monkeypatch.chdir(ROOT)
    flags = {
        "model.base_model": tiny_llama2,
        "model.dtype": "float32",
        "data.folder": weddings,
        "data.workers": 0,
        "data.clips_per_step": 8,
        "trainer.max_epochs": 1,
        "trainer.accelerator": "cpu",
        "trainer.devices": 1,
        "trainer.strategy": "auto",
        "trainer.precision": "32-true",
        "trainer.logger": "false",
        "trainer.enable_progress_bar": "false",
        "test.decoding.max_new_tokens": 6,
    }
    return [f"--{key}={value}" for key, value in flags.items()]


def test_fit_and_test_to_a_score(small, tmp_path):
    assert main(["run", "--config", EXPERIMENT, *small, "--runs", str(tmp_path), "--name", "by-hand"]) == 0
    scores = json.loads((tmp_path / "by-hand" / "scores.json").read_text())
    assert set(scores) == {"predicted"}, "without script labels there is no storyline to give"
    for name in ("meteor", "cider", "bleu_1", "bleu_4", "word_length_accuracy"):  # the paper's Table 5
        assert scores["predicted"][name]["value"] is not None
    lines = [json.loads(x) for x in (tmp_path / "by-hand" / "predictions.predicted.jsonl").read_text().splitlines()]
    assert {line["video"] for line in lines} == {"video4", "video5"}
    for line in lines:
        count = len(line["reference"].split())
        assert line["word_range"] == [max(1, count - 5), count + 5]
        assert line["reference"][0].isupper()
        assert line["reference"].endswith(".")
        assert line["labels"] is None


@pytest.mark.slow
def test_the_sweep(small, tmp_path):
    runs = tmp_path / "runs"
    assert main(["sweep", "sweeps/general_domain.yaml", "--runs", str(runs), "--parallel", "2", "--with", *small]) == 0
    record = json.loads((runs / "general_domain" / "sweep.json").read_text())
    assert [(p["name"], p["state"]) for p in record["points"]] == [(f"seed{n}", "finished") for n in (0, 1, 2)]
    assert main(["run", "--config", EXPERIMENT, *small, "--runs", str(tmp_path), "--name", "by-hand"]) == 0
    for file in ("predictions.predicted.jsonl", "scores.json"):
        assert (runs / "general_domain" / "seed0" / file).read_text() == (tmp_path / "by-hand" / file).read_text()
