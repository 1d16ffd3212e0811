"""ChatGLM3's tokenizer: ids of texts are SentencePiece's, special turns are ids that no text becomes."""

import json
from pathlib import Path

import pytest
import sentencepiece
from baichuan import TEXT
from chatglm import make_chatglm, train_tokenizer
from hypothesis import example, given
from hypothesis import strategies as st

from vn.llm.load import load_base
from vn.llm.tokens import SegmentTokenizer
from vn.tokenizer.added import FIELD, read_added
from vn.tokenizer.chatglm import ROLES, SPECIAL
from vn.tokenizer.folder import read_tokenizer

TEXTS = [*SPECIAL, "sop", "eop", "</s>", "<unk>", *sorted({*TEXT, *"  \n\t/0é🙂"})]


@pytest.fixture(scope="module", params=[(), ("sop", "<|user|>")], ids=["plain", "with such pieces"])
def both(request, tmp_path_factory):
    """SentencePiece's model and our tokenizer; in one of the two, special names are also pieces of the vocabulary."""
    folder = tmp_path_factory.mktemp("chatglm")
    file = train_tokenizer(folder, request.param)
    (folder / "config.json").write_text(json.dumps({"model_type": "chatglm"}))
    return sentencepiece.SentencePieceProcessor(model_file=str(file)), read_tokenizer(folder)


@given(text=st.lists(st.sampled_from(TEXTS), max_size=20).map("".join))
@example("<|user|>\nsop [gMASK]")
@example("  two  spaces\n\nand lines ")
def test_ids_are_sentencepieces_own_and_no_text_is_special(both, text):
    model, tokenizer = both
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids == model.encode(text)
    assert max(ids, default=0) < model.get_piece_size()
    assert tokenizer.decode(ids) == model.decode(ids)
    segments = SegmentTokenizer(tokenizer)
    assert max(segments.encode(text), default=0) < model.get_piece_size()


def test_special_ids_follow_the_vocabulary(both):
    """As in the published order; the released vocabulary has 64,789 pieces, so that [gMASK] is 64,790."""
    model, tokenizer = both
    first = model.get_piece_size()
    segments = SegmentTokenizer(tokenizer)
    assert segments.start == (first + 1, first + 3)
    opened = {role: segments.turn(role) for role in ROLES}
    assert [ids[0] - first for ids in opened.values()] == [5, 6, 7, 8]
    assert {ids[1:] for ids in opened.values()} == {tuple(model.encode("\n"))}
    assert {first + 5, first + 6, first + 7, first + 8, model.eos_id(), segments.newline} <= segments.stops
    assert {*range(first, first + 9)} <= segments.unspoken
    assert segments.turn("cook") == ()
    assert len(tokenizer) == first + 9


def test_special_ids_and_padding_rows_are_not_text(both):
    model, tokenizer = both
    first = model.get_piece_size()
    text = model.encode("充电器，更安全")
    for extra in (first + 1, first + 6, first + 8, first + 20):
        assert tokenizer.decode([extra, *text, extra]) == "充电器，更安全"
    assert tokenizer.pad_token_id == model.unk_id() == 0


def test_a_message_with_a_space_in_front_has_the_published_ids(both):
    """The release tokenises every message alone, so with the dummy prefix; a template has it by a space."""
    model, tokenizer = both
    segments = SegmentTokenizer(tokenizer)
    for text in ("充电器", "Which kettle?", "sop"):
        assert list(segments.encode(" " + text)) == model.encode(text)


def test_added_tokens_come_after_the_special_ones(both):
    first, tokenizer = both[0].get_piece_size(), read_tokenizer(Path(both[1].vocab_file).parent)
    assert read_added({FIELD: {"<frame>": first + 9}}, tokenizer, ".") == {"<frame>": first + 9}
    assert SegmentTokenizer(tokenizer, {"<frame>": first + 9}).encode("a<frame>b")[1:-1] == (first + 9,)


def test_a_base_model_has_it(tmp_path):
    make_chatglm(tmp_path / "c")
    base = load_base(str(tmp_path / "c"))
    segments = SegmentTokenizer(base.tokenizer)
    assert len(segments.turn("user")) == 3
    assert max(segments.turn("observation")) < base.llm.get_input_embeddings().num_embeddings
