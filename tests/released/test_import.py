"""Released checkpoints: the adapter folder's function is the release's, reimplemented in plain torch."""

import json

import pytest
import torch
from baichuan import HIDDEN, INNER, LAYERS, make_baichuan, plain_logits

from vn.adapter import load_adapter
from vn.cli import main

D, RANK, ALPHA = 6, 4, 16
LINEAR = {
    "self_attn.W_pack": (3 * HIDDEN, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}


class Released:
    """A checkpoint in the released layout, and what it stands for."""

    def __init__(self, folder, base, extra_rows=0, trained_rows=False, prefix="base_model.model.model."):
        random = torch.Generator().manual_seed(7)

        def matrix(*shape):
            return torch.randn(*shape, generator=random) * 0.3

        folder.mkdir()
        self.folder = folder
        self.base = dict(base)
        self.projector, self.bias, self.position = matrix(HIDDEN, D), matrix(HIDDEN), matrix(100, D)
        adapter = {}
        for n in range(LAYERS):
            for layer, (rows, columns) in LINEAR.items():
                a, b = matrix(RANK, columns), matrix(rows, RANK)
                adapter[f"base_model.model.model.layers.{n}.{layer}.lora_A.weight"] = a
                adapter[f"base_model.model.model.layers.{n}.{layer}.lora_B.weight"] = b
                self.base[f"model.layers.{n}.{layer}.weight"] = (
                    base[f"model.layers.{n}.{layer}.weight"] + ALPHA / RANK * b @ a
                )
        torch.save(adapter, folder / "adapter_model.bin")
        config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "lora_dropout": 0.05, "bias": "none"}
        config |= {"target_modules": ["W_pack", "o_proj", "gate_proj", "up_proj", "down_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        others = {
            prefix + "mm_projector.weight": self.projector.half(),
            prefix + "mm_projector.bias": self.bias,
            prefix + "frame_position_embedding.weight": self.position,
        }
        self.projector = self.projector.half().float()
        self.extra = {}
        if extra_rows or trained_rows:
            for name, key in (("embed_tokens", "model.embed_tokens.weight"), ("lm_head", "lm_head.weight")):
                own = base[key] + (matrix(*base[key].shape) if trained_rows else 0)
                self.base[key] = own
                self.extra[name] = matrix(extra_rows, HIDDEN)
                others[f"base_model.model.{'model.' if name == 'embed_tokens' else ''}{name}.weight"] = torch.cat(
                    [own, self.extra[name]]
                )
        torch.save(others, folder / "non_lora_trainables.bin")
        self.others = others

    def logits(self, ids, frames, positions, places):
        """As the release computes them: features and positions projected apart, then summed."""
        project = torch.nn.functional.linear
        visual = project(frames, self.projector, self.bias)
        visual = visual + project(self.position[positions][:, None], self.projector, self.bias)
        inputs = self.base["model.embed_tokens.weight"][ids].clone()
        inputs[places] = visual.flatten(0, 1)
        return plain_logits(self.base, None, False, inputs)


@pytest.fixture
def base(tmp_path):
    return make_baichuan(tmp_path / "b")


def bring(tmp_path, released, *words):
    out = tmp_path / "out"
    command = ["import-released", str(released.folder), "--base-model", str(tmp_path / "b"), "--out", str(out)]
    return out, main([*command, "--tokens", "2", *words])


@pytest.mark.parametrize("kind", ["plain", "extra rows", "trained rows", "other prefix"])
def test_outputs_are_those_of_the_release(tmp_path, base, kind, capsys):
    options = {
        "plain": {},
        "extra rows": {"extra_rows": 3},
        "trained rows": {"extra_rows": 2, "trained_rows": True},
        "other prefix": {"prefix": "model."},
    }[kind]
    released = Released(tmp_path / "released", base, **options)
    out, code = bring(tmp_path, released)
    assert code == 0
    assert ("rows of added tokens are left out" in capsys.readouterr().err) == ("rows" in kind)
    assert (out / "base").is_dir() == (kind == "trained rows")
    narrator = load_adapter(out).narrator
    random = torch.Generator().manual_seed(0)
    frames, positions = torch.randn(2, 2, D, generator=random), torch.tensor([10, 99])
    ids, places = torch.arange(5, 25), torch.tensor([3, 4, 9, 10])
    with torch.no_grad():
        visual = narrator.visual_tokens(frames, torch.eye(2), positions)
        inputs = narrator.embed(ids[None], visual, places)
        ours = narrator.causal_lm(inputs_embeds=inputs).logits[0]
    torch.testing.assert_close(ours, released.logits(ids, frames, positions, places), rtol=1e-3, atol=1e-3)


def test_the_card_says_what_it_is(tmp_path, base):
    out, code = bring(tmp_path, Released(tmp_path / "released", base))
    assert code == 0
    card = load_adapter(out).card
    assert (card.lora.rank, card.lora.alpha, card.lora.dropout) == (RANK, ALPHA, 0.05)
    assert set(card.lora.targets) >= {"q_proj", "k_proj", "v_proj", "o_proj", "down_proj"}
    assert (card.tokens, card.width, card.standardise, card.threshold) == (2, D, False, 0.9)
    assert card.language == "zh"


def test_bad_checkpoints_are_one_sentence(tmp_path, base, capsys):
    released = Released(tmp_path / "released", base)
    file = released.folder / "non_lora_trainables.bin"

    def error(*words):
        _, code = bring(tmp_path, released, *words)
        assert code == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    name = "base_model.model.model.mm_projector."
    torch.save(
        {**released.others, name + "weight": torch.zeros(HIDDEN + 1, D), name + "bias": torch.zeros(HIDDEN + 1)}, file
    )
    assert "another base model?" in error()
    torch.save({k: v for k, v in released.others.items() if "bias" not in k}, file)
    assert f"{file}: mm_projector.bias: missing" in error()
    torch.save({**released.others, name + "2.weight": torch.zeros(2)}, file)
    assert "is not a known part of the released layout" in error()
    torch.save({**released.others, "x": main}, file)
    assert "holds more than tensors, and is not run" in error()
    file.unlink()
    assert "non_lora_trainables.bin: No such file" in error()
    torch.save(released.others, file)
    config = released.folder / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    assert "use_dora: True is not supported" in error()
    assert "--tokens: expected 1 or more" in error("--tokens", "0")
