"""Baichuan as LLaMA: the function is that of a plain-torch Baichuan, the ids are SentencePiece's own."""

import json

import pytest
import sentencepiece
import torch
from baichuan import TEXT, make_baichuan, plain_logits, train_tokenizer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vn.errors import InputError
from vn.llm.load import load_base
from vn.llm.tokens import SegmentTokenizer
from vn.tokenizer.pieces import load_tokenizer


@pytest.mark.parametrize(("generation", "shards"), [(1, 1), (2, 3)])
def test_logits_are_those_of_a_plain_baichuan(tmp_path, generation, shards):
    weights = make_baichuan(tmp_path / "b", generation, shards)
    base = load_base(str(tmp_path / "b"))
    assert base.llm.config.model_type == "llama"
    ids = torch.tensor(base.tokenizer("给您推荐一款真正好用的充电器 12")["input_ids"])
    assert base.llm.get_input_embeddings().num_embeddings == len(weights["lm_head.weight"])
    with torch.no_grad():
        ours = base.llm(input_ids=ids[None], use_cache=False).logits[0]
        torch.testing.assert_close(ours, plain_logits(weights, ids, generation == 2), rtol=1e-4, atol=1e-5)
        other = plain_logits(weights, ids, generation == 1)
    assert (ours - other).abs().max() > 0.1  # the two heads are told apart


def test_safetensors_and_half_precision(tmp_path):
    from safetensors.torch import save_file

    weights = make_baichuan(tmp_path / "b")
    (tmp_path / "b" / "pytorch_model.bin").unlink()
    save_file({k: v.contiguous() for k, v in weights.items()}, tmp_path / "b" / "model.safetensors")
    base = load_base(str(tmp_path / "b"), "bfloat16")
    assert {p.dtype for p in base.llm.parameters()} == {torch.bfloat16}
    rows = weights["model.layers.1.self_attn.W_pack.weight"].chunk(3)
    layer = base.llm.model.layers[1].self_attn
    for part, wanted in zip((layer.q_proj, layer.k_proj, layer.v_proj), rows, strict=True):
        torch.testing.assert_close(part.weight, wanted.bfloat16())


def test_13b_is_refused_in_a_sentence(tmp_path):
    make_baichuan(tmp_path / "b", large=True)
    with pytest.raises(InputError, match=r"config.json: .*13B Baichuan models use ALiBi"):
        load_base(str(tmp_path / "b"))


def test_damaged_folders_are_named(tmp_path):
    folder = tmp_path / "b"
    weights = make_baichuan(folder, shards=2)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(InputError, match=r"00002-of-00002\.bin: No such file"):
        load_base(str(folder))
    (folder / "pytorch_model.bin.index.json").unlink()
    with pytest.raises(InputError, match="no weights: neither"):
        load_base(str(folder))
    torch.save({k: v for k, v in weights.items() if k != "lm_head.weight"}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"expected lm_head\.weight of"):
        load_base(str(folder))
    torch.save({**weights, "x": load_base}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin: .*holds more than tensors, and is not run"):
        load_base(str(folder))
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "tokenizer.model").write_bytes(b"none")
    with pytest.raises(InputError, match=r"tokenizer\.model: not a SentencePiece model"):
        load_base(str(folder))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "dummy prefix"])
def pieces(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    file = train_tokenizer(folder, request.param)
    return sentencepiece.SentencePieceProcessor(model_file=str(file)), load_tokenizer(folder)


@given(text=st.text(alphabet=st.sampled_from(sorted({*TEXT, *"  \n\t<s>/0é🙂"})), max_size=30))
@example("哈哈哈哈哈哈哈")
@example("<s>给您</s><unk>")
@example("  two  spaces\n\nand lines ")
@settings(deadline=None, max_examples=300)
def test_ids_are_sentencepieces_own(pieces, text):
    model, tokenizer = pieces
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == model.encode(text)
    assert tokenizer.decode(model.encode(text)) == model.decode(model.encode(text))


def test_segments_end_and_read_back(pieces):
    _, tokenizer = pieces
    tokens = SegmentTokenizer(tokenizer)
    assert tokens.start == (tokenizer.bos_token_id,) == (1,)
    assert tokens.newline in tokens.stops
    for text in ("充电器，更安全。", "iPhone 12"):
        assert tokens.decode(list(tokens.encode(text))) == text


def test_padding_may_be_named_by_the_settings(tmp_path):
    make_baichuan(tmp_path / "b")
    (tmp_path / "b" / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "<unk>"}}))
    assert load_tokenizer(tmp_path / "b").pad_token_id == 0
