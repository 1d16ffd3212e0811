"""What each token spells equals what its tokenizer decodes."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabularies import NAMES, vocabulary

from vn.tokenizer.spelling import spelling_of

OPTIONS = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}


@cache
def spelled(name):
    return spelling_of(vocabulary(name), len(vocabulary(name)))


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(st.data())
def test_sequences_are_spelled_as_they_are_decoded(name, data):
    tokenizer, spelling = vocabulary(name), spelled(name)
    parts = [*spelling.continuing, *spelling.tails]
    token = st.sampled_from(parts) | st.integers(0, len(tokenizer) - 1)
    some = [data.draw(st.lists(token, max_size=9)) for _ in range(5)]
    for ids, text in zip(some, tokenizer.batch_decode(some, **OPTIONS), strict=True):
        assert spelling.text(ids).lstrip() == text.lstrip()


@pytest.mark.parametrize("name", NAMES)
def test_every_token_alone(name):
    tokenizer, spelling = vocabulary(name), spelled(name)
    alone = [[i] for i in range(len(tokenizer))]
    for ids, text in zip(alone, tokenizer.batch_decode(alone, **OPTIONS), strict=True):
        assert spelling.text(ids).lstrip() == text.lstrip()


def test_ids_beyond_the_tokenizer_are_skipped_or_the_spelling_is_unknown():
    """Models pad their embeddings."""
    fast, pieces = vocabulary("byte-level"), vocabulary("baichuan")
    spelling = spelling_of(fast, len(fast) + 9)
    assert spelling.text([len(fast) + 8]) == fast.decode([len(fast) + 8]) == ""
    assert spelling_of(pieces, len(pieces) + 9) is None  # it cannot decode such an id


def test_a_tokenizer_that_decodes_in_another_way_has_no_spelling():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "##b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    words.decoder = decoders.WordPiece()
    assert spelling_of(PreTrainedTokenizerFast(tokenizer_object=words), 3) is None
