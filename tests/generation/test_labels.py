"""Labels that the model may write, with any tokenizer, and their probabilities."""

import itertools

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from vn.errors import InputError
from vn.generation.labels import LabelTrie
from vn.llm.tokens import SegmentTokenizer
from vn.story import ScriptLabel, format_labels

NAMES = [label.text(language) for label in ScriptLabel for language in ("en", "zh")]


def characters(known):
    """A tokenizer with a token a character, those not known all alike."""
    vocabulary = {c: i for i, c in enumerate(["<unk>", "\n", *sorted(known)])}
    return PreTrainedTokenizerFast(
        tokenizer_object=_with(Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))), unk_token="<unk>"
    )


def _with(tokenizer):
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def sentencepiece():
    """LLaMA's way: a space becomes a mark, and one stands before any text."""
    pieces = sorted({c for name in NAMES for c in name.replace(" ", "▁")} | {"▁", "+"})
    merged = ["Pro", "Product", "▁E", "t+", "n+P", "产品", "质"]
    parts = sorted({piece[:n] for piece in merged for n in range(2, len(piece) + 1)}, key=len)
    vocabulary = {c: i for i, c in enumerate(["<unk>", "\n", *pieces, *parts])}
    merges = [(piece[:-1], piece[-1]) for piece in parts]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.fixture(params=["bytes", "characters", "sentencepiece"])
def tokens(request, make):
    if request.param == "bytes":
        return make().builder.tokens
    every = {c for name in NAMES for c in name} | {"+"}
    return SegmentTokenizer(characters(every) if request.param == "characters" else sentencepiece())


def drive(work, logits):
    """Answer each request by logits that depend on what was asked for; gives what was written, and what was read."""
    read = []
    try:
        request = next(work)
        while True:
            read += request.ids
            request = work.send(logits(request))
    except StopIteration as end:
        return end.value, read


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whatever_the_model_likes_labels_are_written_whole(tokens, language):
    size, trie = len(tokens.tokenizer), LabelTrie(tokens, language)
    several = ahead = 0
    for seed in range(40):
        random = np.random.default_rng(seed)

        def logits(request=None, random=random):
            ahead = trie.ahead if request is None else request.ahead
            rows = 1 + (len(ahead.ids) if ahead is not None else 0)
            return torch.from_numpy(random.normal(0, 5, (rows, size))).float()

        def pick(row, written, allowed):
            return allowed[int(row.argmax())]

        lead = [5, 6] if seed % 2 else None
        found, read = drive(trie.write(logits(), pick, lead), logits)
        ids = [*tokens.encode(format_labels(found.labels, language)), tokens.newline]
        if found.after is not None:
            ahead += 1
            ids += lead
        assert [*read, *found.rest] == ids  # what training reads, token for token
        several += len(found.labels) > 1
        assert sum(share for _, share in found.odds) == pytest.approx(1)
        assert [share for _, share in found.odds] == sorted((share for _, share in found.odds), reverse=True)
    assert 0 < several < 40
    assert 0 < ahead <= 20


def test_odds_are_those_of_every_way_to_write_a_first_label(tokens):
    """Against the product of all choices on the way to each label, where what follows depends on the last token."""
    size = len(tokens.tokenizer)
    table = torch.randn(size + 1, size, generator=torch.Generator().manual_seed(0))
    trie = LabelTrie(tokens, "en")
    tried = trie.ahead.ids if trie.ahead is not None else []
    work = trie.write(table[[size, *tried]], lambda row, written, allowed: allowed[0])

    def share(path):
        total, last = 1.0, size
        for n, token in enumerate(path):
            allowed = trie.allowed(path[:n])
            total *= float(table[last][allowed].softmax(0)[allowed.index(token)])
            last = token
        return total

    expected = dict.fromkeys(ScriptLabel, 0.0)
    for count in (1, 2, 3):
        for labels in itertools.permutations(ScriptLabel, count):
            expected[labels[0]] += share((*tokens.encode(format_labels(labels, "en")), tokens.newline))
    found, _ = drive(work, lambda request: table[request.ids[-1:]])
    assert dict(found.odds) == pytest.approx(expected, abs=1e-5)


def test_labels_that_a_tokenizer_cannot_tell_apart_are_refused():
    tokens = SegmentTokenizer(characters(set("abcdefghijklmnopqrstuvwxyz")))
    with pytest.raises(InputError, match="cannot tell the labels"):
        LabelTrie(tokens, "zh")
