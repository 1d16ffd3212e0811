"""The tiny base language model: its tokenizer, and that training works, is cached and reloads."""

import re

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from vn.demo.base_lm import train_base_lm
from vn.demo.chinese import CHINESE
from vn.demo.english import ENGLISH
from vn.demo.grammar import expand
from vn.demo.prose import Prose
from vn.demo.tiny_llama import BaseLMSettings, initial_model, train_tokenizer
from vn.demo.world import make_stories
from vn.llm.tokens import SegmentTokenizer
from vn.prompt import PromptWriter
from vn.story import count_words
from vn.template import Template


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    return train_base_lm(folder / "lm", steps=40, seed=0)


def test_loss_falls_and_the_folder_reloads(trained):
    assert trained.loss < 5.5  # a uniform guess over 2,000 tokens is 7.6
    llm = AutoModelForCausalLM.from_pretrained(trained.folder)
    assert 0.3e6 < sum(p.numel() for p in llm.parameters()) < 1e6
    ids = torch.tensor([[1, 5, 9]])
    torch.testing.assert_close(llm(ids).logits, AutoModelForCausalLM.from_pretrained(trained.folder)(ids).logits)


def test_it_is_cached_by_its_settings_and_a_half_written_one_is_made_again(trained):
    assert train_base_lm(trained.folder, steps=40, seed=0).cached
    (trained.folder / "base_lm.json").unlink()
    again = train_base_lm(trained.folder, steps=40, seed=0)
    assert not again.cached
    assert again.loss == pytest.approx(trained.loss, rel=1e-4)  # seeded


def test_its_first_heads_copy_before_any_training(trained):
    """Of a sequence said twice, the second layer's head looks from a token to the one after its first occurrence."""
    tokenizer = AutoTokenizer.from_pretrained(trained.folder)
    torch.manual_seed(0)
    llm = initial_model(tokenizer, BaseLMSettings()).eval()
    llm.set_attn_implementation("eager")
    once = torch.randint(5, len(tokenizer), (1, 40))
    ids = torch.cat([once, once], dim=1)
    places = torch.arange(80)[None] + 50 * (torch.arange(80) >= 40)  # at any distance
    mask = torch.ones_like(ids)
    with torch.no_grad():
        layers = llm(input_ids=ids, position_ids=places, attention_mask=mask, output_attentions=True).attentions
    second = torch.arange(41, 79)
    assert layers[0][0, 0, second, second - 1].mean() > 0.8
    assert layers[1][0, 0, second, second - 39].mean() > 0.4


def test_documents_grow_harder():
    def points(hardness):
        return [document[0].count("\n") for document in Prose(ENGLISH, 0).documents(60, hardness)]

    assert max(points(0.0)) <= 2 < max(points(1.0))


def test_the_tokenizer_suits_prompts(trained):
    tokens = SegmentTokenizer(AutoTokenizer.from_pretrained(trained.folder))
    assert tokens.encode("\n") == (tokens.newline,)
    assert tokens.encode("one.\ntwo").count(tokens.newline) == 1  # never merged with its neighbours
    narrations = [c.narration for s in make_stories(0, 20, "test") for c in s.clips]
    cost = sum(len(tokens.encode(n)) for n in narrations) / sum(len(n.split()) for n in narrations)
    assert cost < 1.6
    (story,) = make_stories(0, 1, "test")
    head = "".join(s.text for s in PromptWriter(story, Template.load("ad-en")).head())
    assert tokens.decode(list(tokens.encode(head))) == head.strip()
    assert len(tokens.encode(head)) / len(head.split()) < 2


@pytest.mark.parametrize("vocabulary", [ENGLISH, CHINESE], ids=lambda v: v.language)
def test_what_is_seen_is_one_token_that_nothing_else_begins_with(vocabulary):
    """Were names split, all colours in Chinese would end in the same token, and a narrator would not learn them."""
    tokenizer = train_tokenizer(Prose(vocabulary, 0), BaseLMSettings())
    space = " " if vocabulary.language == "en" else ""
    ids = {}
    for names in vocabulary.attributes.values():
        for name in names.values():
            (ids[name],) = tokenizer.encode(space + name, add_special_tokens=False)
    assert len(set(ids.values())) == len(ids)
    narrations = [c.narration for s in make_stories(0, 20, "test", vocabulary) for c in s.clips]
    for narration in narrations:
        encoded = tokenizer.encode(narration, add_special_tokens=False)
        assert tokenizer.decode(encoded) == narration
        written = {name for name in ids if re.search(rf"{space}{name}", narration)}
        assert {name for name in ids if ids[name] in encoded} == written


def test_values_of_an_attribute_keep_the_differences_they_began_with(tmp_path):
    """Else training draws them together, and a frozen model can hardly write one colour rather than another."""
    folder = train_base_lm(tmp_path / "lm", steps=12, seed=3, vocabulary=CHINESE).folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(3)
    before = initial_model(tokenizer, BaseLMSettings()).get_input_embeddings().weight
    after = AutoModelForCausalLM.from_pretrained(folder).get_input_embeddings().weight
    assert (after - before).abs().max() > 0.001
    for names in CHINESE.attributes.values():
        ids = tokenizer.convert_tokens_to_ids([tokenizer.tokenize(name)[0] for name in names.values()])
        assert (after[ids] - before[ids]).abs().max() > 0.001  # they do move: all in the same way
        differences = [weight[ids] - weight[ids].mean(0) for weight in (after, before)]
        torch.testing.assert_close(*differences, rtol=0, atol=2e-4)


def test_chinese_is_read_in_characters_but_for_names():
    tokenizer = train_tokenizer(Prose(CHINESE, 0), BaseLMSettings())
    names = {name for names in CHINESE.attributes.values() for name in names.values()}
    pieces = {tokenizer.decode([i]) for i in range(len(tokenizer))}
    assert {piece for piece in pieces if len(re.findall(r"[\u4e00-\u9fff]", piece)) > 1} == names


@pytest.mark.parametrize("vocabulary", [ENGLISH, CHINESE], ids=lambda v: v.language)
def test_numbers_of_words_are_true_wherever_they_stand(vocabulary):
    """A lead like "It takes between 3 and 7 words:" is learned from, so it must be right."""
    leads = [re.escape(lead.strip()) for template in vocabulary.prose.counted for lead in expand(template)]
    forms = [re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", lead) + " ?(?P<said>.+)\n") for lead in leads]
    paragraphs = [p for document in Prose(vocabulary, 0).documents(400) for p in document]
    counted = [match for p in paragraphs for form in forms if (match := form.fullmatch(p))]
    assert len(counted) > 20
    for match in counted:
        numbers = match.groupdict()
        low, high = (int(numbers.get(name, numbers.get("count", 0))) for name in ("low", "high"))
        assert low <= count_words(match["said"], vocabulary.language) <= high, match[0]
