"""What makes writing faster is the default of an edit, unless the narrator that writes it now is another one."""

import dataclasses
from argparse import Namespace
from pathlib import Path

import pytest

from vn.errors import InputError
from vn.narrate.trained import _speed


def speed(card, before, drafts=None, dtype=None):
    return _speed(Namespace(drafts=drafts, dtype=dtype, device="cpu"), before, card, Path("adapter"))


def test_an_edit_keeps_the_data_type_of_the_story(card):
    assert speed(card, {}) == {}
    assert speed(card, {"dtype": "bfloat16"}) == {"dtype": "bfloat16"}
    assert speed(card, {"dtype": "bfloat16"}, dtype="float32") == {"dtype": "float32"}


@pytest.mark.parametrize("asked", [None, "auto"])
def test_a_quantized_narrator_writes_an_edit_with_its_own_data_type(card, asked):
    """Neither refuses what nobody asked of it, nor leaves the earlier data type in the record."""
    quantized = dataclasses.replace(card, quantization="nf4")
    assert speed(quantized, {"dtype": "bfloat16"}, dtype=asked) == {"dtype": None}
    with pytest.raises(InputError, match="keep the data type"):
        speed(quantized, {"dtype": "bfloat16"}, dtype="float32")


def test_a_narrator_without_ngrams_says_how_an_edit_is_written_without_them(card):
    without = dataclasses.replace(card, drafts=None)
    with pytest.raises(InputError, match=r"--drafts: has no n-grams .*; set it to none"):
        speed(without, {"drafts": "ngram"})
    assert speed(without, {"drafts": "ngram"}, drafts="none") == {"drafts": "none"}
