"""Tokenisations. Oracle of `ptb`: Stanford's PTBTokenizer as pycocoevalcap calls it."""

import shutil
import tempfile

import pytest

from vn.errors import InputError
from vn.metrics.tokenisation import characters, jieba_words, llm_ids, ptb, tokenisation_named

ORDINARY = [
    "It's a well-known, hand-made cup; don't you think so?",
    "They'll say: \"Wow!\" -- and we'd've gone...",
    "The price is $19.99, 50% off & free, 3-in-1 and/or 2x.",
    "Made in the U.S. by Mr. Smith, e.g. for tea at 5 p.m. today.",
    "I can't wait; it cannot fail. You're gonna love it, gimme one!",
    "Roll's edges, the dogs' tails and o'clock, 'quoted words' too.",
    "Café — em–dash… “curly” ‘single’ it’s",
    "Open at 5:30 pm, 1,000 cups of 1/2 litre, 10kg in 24h, #1.",
    "It ain't what she'd let's isn't won't shouldn't doesn't.",
    "One,two , three ,four. It was nice.",
    "The semi-final re-use, 100ml, 5kg, 3.5mm and D'Angelo O'Neil",
    "你好 ok",
]


@pytest.mark.oracle
def test_ptb_cuts_ordinary_sentences_as_stanford_does():
    tokenizer = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
    if shutil.which("java") is None:
        pytest.skip("no Java")
    theirs = tokenizer.PTBTokenizer().tokenize({i: [{"caption": text}] for i, text in enumerate(ORDINARY)})
    assert [ptb(text) for text in ORDINARY] == [theirs[i][0].split() for i in range(len(ORDINARY))]


@pytest.mark.parametrize("name", ["char", "jieba", "ptb", "words"])
def test_named(name):
    if name == "jieba":
        pytest.importorskip("jieba")
    tokenisation = tokenisation_named(name)
    assert tokenisation.name == name
    for text in ("", " \n\t"):
        assert tokenisation.tokens(text) == []
    tokens = tokenisation.tokens("红色 cup　好看 ok")
    assert tokens
    assert all(token and not any(map(str.isspace, token)) for token in tokens)


def test_unknown_name_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"'chars' \(did you mean 'char'\?\)"):
        tokenisation_named("chars")
    with pytest.raises(InputError, match="no such tokenizer folder"):
        tokenisation_named(f"llm-ids:{tmp_path / 'none'}")


def test_characters_drop_whitespace():
    assert characters("好 看\u3000，") == ["好", "看", "，"]


def test_jieba_keeps_user_words_whole_says_so_and_leaves_no_cache(monkeypatch, tmp_path):
    pytest.importorskip("jieba")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    word = "绿联磁吸快充头"
    plain, with_word = jieba_words(), jieba_words([word, " "])
    assert word not in plain.tokens(f"这款{word}好用")
    assert word in with_word.tokens(f"这款{word}好用")
    assert word not in plain.tokens(f"这款{word}好用"), "one dictionary must not leak into another"
    assert (plain.name, with_word.name) == ("jieba", "jieba+stories")
    assert "".join(plain.tokens("好看，耐用。")) == "好看，耐用。"
    assert not list(tmp_path.iterdir())


def test_llm_ids_are_named_after_the_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")

    def build(words):
        vocabulary = {word: i for i, word in enumerate(["<unk>", *words])}
        rules = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "<unk>"))
        rules.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        return transformers.PreTrainedTokenizerFast(tokenizer_object=rules, unk_token="<unk>")

    one, other = build(["red", "cup"]), build(["cup", "red"])
    assert llm_ids(one).tokens("red cup red pen") == ["1", "2", "1", "0"]
    assert llm_ids(one).tokens("") == []
    assert llm_ids(one).name.startswith("llm-ids:")
    assert llm_ids(one).name == llm_ids(build(["red", "cup"])).name != llm_ids(other).name
    one.save_pretrained(tmp_path)
    assert tokenisation_named(f"llm-ids:{tmp_path}").tokens("cup") == ["2"]
