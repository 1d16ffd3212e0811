"""The table gives the verdict of the plain rule, for every token of a vocabulary after any narration."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabularies import NAMES, vocabulary

from vn.generation.beam import LOOK_AT, search
from vn.generation.length import LengthRule, TableRule, by_table
from vn.generation.word_table import word_table
from vn.llm.tokens import SegmentTokenizer
from vn.story import WordRange

TOKENS = {}
CPU = torch.device("cpu")


def tokens_of(name):
    if name not in TOKENS:
        TOKENS[name] = SegmentTokenizer(vocabulary(name))
    return TOKENS[name]


@pytest.mark.oracle
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6)
@given(st.data())
def test_every_token_is_judged_as_by_the_rule(name, language, data):
    """Of large vocabularies a part: all tokens that are not whole texts, and some others."""
    tokens = tokens_of(name)
    size = len(tokens.tokenizer)
    spelling = tokens.spelling(size)
    token = st.sampled_from([*spelling.continuing, *spelling.tails]) | st.integers(0, size - 1)
    length = data.draw(st.integers(0, 6))
    beam = [tuple(data.draw(st.lists(token, min_size=length, max_size=length))) for _ in range(2)]
    low = data.draw(st.integers(1, 9))
    rule = LengthRule(tokens, language, WordRange(low, low + data.draw(st.integers(0, 4))), 10)
    rule.most = length + data.draw(st.integers(1, 40))
    table = by_table(rule, torch.zeros(1, size))
    assert isinstance(table, TableRule)
    some = range(size)
    if size > 1000:
        some = sorted({*spelling.continuing, *spelling.tails, *range(data.draw(st.integers(0, 49)), size, 50)})
    allowed = table.allowed(beam, torch.tensor([list(some)] * 2)).tolist()
    for ids, row in zip(beam, allowed, strict=True):
        assert table.may_end(ids) == rule.may_end(ids)
        assert row == [rule.may_follow(ids, token) for token in some]


def found(rule, odds, width=4):
    """A search through fixed odds, which depend on the last token only."""
    beams = search(odds[:1], rule, width, rule.tokens.stops)
    try:
        step = next(beams)
        while True:
            step = beams.send(odds[[1 + token % (len(odds) - 1) for _, token in step]])
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("levels", [5, 10**6])  # with many equal odds, as bfloat16 gives, and with none
def test_a_search_by_table_finds_what_the_rule_finds(name, language, levels):
    tokens = tokens_of(name)
    size = len(tokens.tokenizer)
    random = torch.Generator().manual_seed(levels)
    large = size > 1000  # asking for each of its tokens takes the rule a second
    for low, high in ((3, 4),) if large else ((1, 1), (3, 4)):
        rule = LengthRule(tokens, language, WordRange(low, high), 4)
        rule.most = 5 if large else 12
        odds = torch.randint(levels, (9, size), generator=random).float().mul(9 / levels).log_softmax(dim=1)
        width = 2 if large else 4
        assert found(by_table(rule, odds), odds, width) == found(rule, odds, width)


def test_a_token_beyond_the_most_likely_ones_is_found():
    """If none of those that are looked at first is allowed."""
    tokens = tokens_of("49k byte-level")
    size = len(tokens.tokenizer)
    names = tokens.tokenizer.convert_ids_to_tokens(list(range(size)))
    later = {n for n, name in enumerate(names) if name.startswith("\u0120") and len(name) > 1}
    rule = LengthRule(tokens, "en", WordRange(1, 1), 4)
    rule.most = 3
    odds = torch.randn(9, size, generator=torch.Generator().manual_seed(0))
    odds[:, sorted(later)] += 20.0  # each begins a word, so that all are one too many after the first
    odds[:, sorted(set(range(size)) - later)] -= 20.0
    odds = odds.log_softmax(dim=1)
    assert len(later) > LOOK_AT
    assert found(by_table(rule, odds), odds, 1) == found(rule, odds, 1) is not None


def test_a_table_is_made_once_and_unknown_tokenizers_keep_the_rule(monkeypatch):
    tokens = tokens_of("baichuan")
    size = len(tokens.tokenizer)
    assert word_table(tokens, "zh", size, CPU) is word_table(tokens, "zh", size, CPU)
    assert word_table(tokens, "zh", size, CPU) is not word_table(tokens, "en", size, CPU)
    rule = LengthRule(tokens, "zh", WordRange(2, 3), 9)
    assert by_table(rule, torch.zeros(1, size + 5)) is rule  # it cannot decode the ids beyond its own
