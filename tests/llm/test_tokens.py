import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece_like import sentencepiece_like
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from vn.errors import InputError
from vn.llm.tokens import SegmentTokenizer


def newline_splitting():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace("\n", "nl")
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        ["abc"], trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>"])
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.fixture(scope="module")
def tokenizers(tiny_base):
    return {
        "byte-level": SegmentTokenizer(AutoTokenizer.from_pretrained(tiny_base)),
        "sentencepiece": SegmentTokenizer(sentencepiece_like()),
    }


@pytest.mark.parametrize("name", ["byte-level", "sentencepiece"])
@given(text=st.text(alphabet="abe krtz.,", max_size=20))
@settings(deadline=None, max_examples=50)
def test_a_segment_has_no_dummy_prefix_and_reads_back(tokenizers, name, text):
    tokens = tokenizers[name]
    ids = tokens.encode(text)
    assert tokens.decode(list(ids)) == text.strip()
    # Ids joined by segment read as the joined text: nothing was put between them.
    joined = tokens.tokenizer.decode([*tokens.encode("x"), *ids], clean_up_tokenization_spaces=False)
    assert joined.lstrip() == "x" + text


@pytest.mark.parametrize("name", ["byte-level", "sentencepiece"])
def test_a_newline_is_one_token_and_stops(tokenizers, name):
    tokens = tokenizers[name]
    assert tokens.encode("\n") == (tokens.newline,)
    assert tokens.newline in tokens.stops
    assert tokens.tokenizer.eos_token_id in tokens.stops
    assert tokens.start == (tokens.tokenizer.bos_token_id,)


def test_a_tokenizer_that_cannot_say_newline_is_refused():
    with pytest.raises(InputError, match="splits a newline"):
        SegmentTokenizer(newline_splitting())
