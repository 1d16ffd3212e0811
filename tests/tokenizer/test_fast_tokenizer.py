"""The library `tokenizers` alone gives the ids and texts of transformers' class around it, or is not used."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece_like import sentencepiece_like
from tokenizers import AddedToken, Tokenizer
from transformers import AutoTokenizer

from vn.demo.english import ENGLISH
from vn.demo.prose import Prose
from vn.demo.tiny_llama import BaseLMSettings, train_tokenizer
from vn.llm.tokens import SegmentTokenizer
from vn.tokenizer.fast import NotCovered, read_fast

PIECES = [
    "<s>",
    "</s>",
    "<|im_end|>",
    "<frame>",
    "\n",
    " ",
    "  ",
    "the red kettle",
    "kettles",
    "水壶",
    "é",
    "1.5",
    " .",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.lists(
    st.sampled_from(PIECES), max_size=8
).map("".join)
KINDS = ("byte-level", "sentencepiece", "added", "demo")


@pytest.fixture(scope="module")
def folders(tiny_base, tmp_path_factory):
    """Folders as transformers saves them."""
    added = AutoTokenizer.from_pretrained(tiny_base)
    added.add_special_tokens({"extra_special_tokens": ["<|im_end|>", "<frame>"], "pad_token": "<pad>"})
    added.add_tokens(["kettle", AddedToken("red", lstrip=True)])
    of = {
        "byte-level": AutoTokenizer.from_pretrained(tiny_base),
        "sentencepiece": sentencepiece_like(),
        "added": added,
        "demo": train_tokenizer(Prose(ENGLISH, 0), BaseLMSettings()),
    }
    places = {}
    for kind, tokenizer in of.items():
        places[kind] = tmp_path_factory.mktemp("tokenizer") / "saved"
        tokenizer.save_pretrained(places[kind])
    return places


@pytest.fixture(scope="module", params=KINDS)
def both(request, folders):
    """A folder's tokenizer by the library, and by transformers."""
    folder = folders[request.param]
    return read_fast(folder), AutoTokenizer.from_pretrained(folder)


@settings(max_examples=150)
@given(text=TEXTS)
def test_texts_have_the_same_ids_and_ids_the_same_text(both, text):
    ours, theirs = both
    ids = theirs(text, add_special_tokens=False)["input_ids"]
    assert ours(text, add_special_tokens=False)["input_ids"] == ids
    for skip in (False, True):
        expected = theirs.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
        assert ours.decode(ids, skip_special_tokens=skip) == expected
    assert ours.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(ids)


def test_all_else_is_the_same(both):
    ours, theirs = both
    assert len(ours) == len(theirs)
    assert ours.get_vocab() == theirs.get_vocab()
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "all_special_ids"):
        assert getattr(ours, name) == getattr(theirs, name), name
    every = [[number] for number in range(len(theirs))]
    assert ours.batch_decode(every) == theirs.batch_decode(every)
    assert {i: (t.content, t.special) for i, t in ours.added_tokens_decoder.items()} == {
        i: (t.content, t.special) for i, t in theirs.added_tokens_decoder.items()
    }


@settings(max_examples=50)
@given(text=TEXTS)
def test_segments_are_the_same(both, text):
    ours, theirs = (SegmentTokenizer(each) for each in both)
    for each in (ours, theirs):
        each.know([text, "Words: 3-5", text + "."])
    assert ours.encode(text) == theirs.encode(text)
    ids = list(theirs.encode(text))
    assert ours.spelling() == theirs.spelling() or ours.spelling().texts == theirs.spelling().texts
    assert ours.decode(ids) == theirs.decode(ids)
    for name in ("start", "newline", "stops", "unspoken", "pad"):
        assert getattr(ours, name) == getattr(theirs, name), name


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.fixture
def folder(tiny_base, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny_base / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer_class": "LlamaTokenizer"},
        {"tokenizer_class": None},
        {"auto_map": {"AutoTokenizer": ["x.Y", None]}},
        {"split_special_tokens": True},
        {"add_prefix_space": True},
        {"fix_mistral_regex": True},
        {"pad_token": "<pad>"},
        {"pad_token": "the"},
        {"pad_token": {"content": "<s>", "lstrip": True}},
        {"image_token": "<image>"},
        {"extra_special_tokens": {"image_token": "<s>"}},
        {"extra_special_tokens": ["<image>"]},
        {"extra_special_tokens": ["<s>"], "additional_special_tokens": ["</s>"]},
        {"added_tokens_decoder": {"0": {"content": "<s>", "special": False}}},
        {"added_tokens_decoder": {"2": {"content": "<image>", "special": True}}},
        {"added_tokens_decoder": {"<s>": {"content": "<s>", "special": True}}},
        {"added_tokens_decoder": ["<s>"]},
        {"something_new": 1},
    ],
    ids=str,
)
def test_what_the_library_does_not_do_is_left_to_transformers(folder, changes):
    read_fast(folder)
    edit(folder / "tokenizer_config.json", **changes)
    with pytest.raises(NotCovered):
        read_fast(folder)


def test_files_that_are_left_to_transformers(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(NotCovered, match="truncation"):
        read_fast(folder)
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    read_fast(folder)
    (folder / "special_tokens_map.json").write_text('{"pad_token": "<pad>"}')
    with pytest.raises(NotCovered, match="files of their own"):
        read_fast(folder)


def test_folders_of_transformers_4(folder):
    """Which wrote every added token into the configuration, and special tokens a second time."""
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    listed = {str(number): {"content": token, **flags} for number, token in enumerate(["<s>", "</s>"])}
    edit(
        folder / "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
        added_tokens_decoder=listed,
        bos_token={"__type": "AddedToken", "content": "<s>", **flags, "special": True},
        pad_token="</s>",
        clean_up_tokenization_spaces=True,
        additional_special_tokens=["</s>"],
    )
    (folder / "special_tokens_map.json").write_text('{"bos_token": "</s>"}')
    ours, theirs = read_fast(folder), AutoTokenizer.from_pretrained(folder)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "all_special_ids"):
        assert getattr(ours, name) == getattr(theirs, name), name
    text = "the red kettle . <s> boils</s>"
    ids = theirs(text, add_special_tokens=False)["input_ids"]
    assert ours(text, add_special_tokens=False)["input_ids"] == ids
    assert ours.decode(ids) == theirs.decode(ids, clean_up_tokenization_spaces=False)
