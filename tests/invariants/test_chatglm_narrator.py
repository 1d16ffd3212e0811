"""ChatGLM3 goes where LLaMA goes: packed training, LoRA, cached writing, few bits, exports."""

import pytest
import torch
from chatglm import make_chatglm
from test_training_step import assert_same as assert_same_step
from test_training_step import step
from test_writing import Recorder, ReEncodingWriter, assert_same, stories
from toy_narrator import SECONDS, STORY
from transformers import AutoModelForCausalLM, AutoTokenizer, GlmForCausalLM

import vn.narrator
from vn.adapter import load_adapter, save_adapter
from vn.cli import main
from vn.generation.decoding import Decoding
from vn.llm.load import load_base
from vn.llm.lora import attention_layers
from vn.llm.norms import FusedRMSNorm
from vn.llm.packing import share
from vn.settings import LoraSettings


@pytest.fixture(scope="module")
def chatglm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "chatglm"
    make_chatglm(folder)
    return str(folder)


@pytest.fixture
def rows_and_videos(make, chatglm, frames):
    builder = make(base_model=chatglm).builder
    plans = {clip: builder.plan(STORY, frames, SECONDS, clip) for clip in STORY.narrated}
    return [(0, builder.training_row(STORY, plan, clip)) for clip, plan in plans.items()], [frames]


def test_packed_is_separate_and_as_dense_eager(make, chatglm, rows_and_videos, monkeypatch):
    """Loss and gradients; the oracle is transformers' eager attention under a mask of all pairs."""
    rows, videos = rows_and_videos
    line = share(rows)
    narrator = make(base_model=chatglm).narrator.train()
    packed = step(narrator, line, videos)
    assert_same_step(step(narrator, rows, videos), packed)
    assert {name.split(".")[-4] for name in packed[1] if "lora_B" in name} == {
        *("q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj")
    }

    def all_pairs(like):
        mask = torch.full((1, 1, len(line.ids), len(line.ids)), -torch.inf)
        for tree in line.trees:
            for part in tree.parts:
                row = [*range(tree.start, part.seen), *range(part.start, part.end)]
                for n, place in enumerate(row):
                    mask[0, 0, place, row[: n + 1]] = 0
        return mask

    monkeypatch.setattr(vn.narrator, "no_mask", all_pairs)
    narrator.causal_lm.set_attn_implementation("eager")
    assert_same_step(packed, step(narrator, line, videos))


@pytest.mark.parametrize("static", [False, True])
def test_cached_writing_is_re_encoding(make, chatglm, frames, static):
    assembly = make(base_model=chatglm)
    assembly.narrator.eval()
    decoding, videos = Decoding(max_new_tokens=10), stories(frames)[1:3]
    again = ReEncodingWriter(assembly.narrator, assembly.builder, decoding)
    cached = Recorder(assembly.narrator, assembly.builder, decoding)
    cached.static = static
    one, two = cached.tell(videos), again.tell(videos)
    ties = assert_same(cached.chosen, again.chosen)
    assert ties <= 1
    assert ties or [[w.written for w in s] for s in one] == [[w.written for w in s] for s in two]


def test_layers_that_are_known_by_kind(chatglm):
    llm = load_base(chatglm).llm
    assert attention_layers(llm) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert sum(isinstance(module, FusedRMSNorm) for module in llm.modules()) == 5


@pytest.mark.parametrize("bits", ["int8", "nf4"])
def test_gradients_pass_through_fewer_bits(tmp_path, bits):
    pytest.importorskip("bitsandbytes")
    from peft.utils.integrations import dequantize_module_weight

    make_chatglm(tmp_path / "c", scale=0.04)  # as small as a model begins: activations have 8 bits, too
    small, whole = (load_base(str(tmp_path / "c"), quantization=x).llm for x in (bits, "none"))
    few = 0
    for name, layer in small.named_modules():
        if hasattr(layer, "quant_state") or hasattr(layer, "state"):
            whole.get_submodule(name).weight.data = dequantize_module_weight(layer).float()
            few += 1
    assert few == 2 * 6
    found = []
    for llm in (small, whole):
        vectors = torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
        llm(inputs_embeds=vectors).logits.logsumexp(-1).sum().backward()
        found.append(vectors.grad)
    assert (found[0] - found[1]).norm() / found[1].norm() < (0.03 if bits == "int8" else 1e-4)


@pytest.mark.parametrize("to", ["merged", "peft"])
def test_exports_load_in_stock_transformers(make, card, chatglm, tmp_path, capsys, to):
    """And in vn, with turns and start by id still."""
    lora = LoraSettings(rank=2, alpha=4, dropout=0.0)
    save_adapter(tmp_path / "run" / "adapter", make(base_model=chatglm, lora=lora, language="zh"))
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "run"), "--to", to, "--out", str(out), "--dtype", "float32"]) == 0
    assert "3 of 3 texts have the same ids" in capsys.readouterr().out
    base = out if to == "merged" else out / "base"
    assert isinstance(AutoModelForCausalLM.from_pretrained(base), GlmForCausalLM)
    before, again = (
        load_adapter(tmp_path / "run" / "adapter"),
        load_adapter(out / "narrator" if to == "merged" else out),
    )
    ids = torch.arange(20)[None]
    with torch.no_grad():
        a, b = (x.narrator.causal_lm(input_ids=ids).logits for x in (again, before))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    for tokens in (before.builder.tokens, again.builder.tokens):
        assert tokens.start == before.builder.tokens.start
        assert tokens.turn("user") == before.builder.tokens.turn("user") != ()
    stock = AutoTokenizer.from_pretrained(base)
    assert stock.convert_tokens_to_ids(["[gMASK]", "<sop>"]) == list(before.builder.tokens.start)
    assert stock.convert_tokens_to_ids("<|assistant|>") == before.builder.tokens.turn("assistant")[0]
