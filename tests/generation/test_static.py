"""Passes of single tokens with shapes and addresses that never change: the same logits as those cut to measure."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_story_writer import SHORT
from toy_narrator import SECONDS, STORY
from transformers import LlamaConfig, LlamaForCausalLM

from vn.generation.decoder import Decoder, Read, Slot, Try
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.llm.attention import TREE
from vn.llm.llama import is_plain
from vn.llm.static_slots import rounded_columns, rounded_slots
from vn.narrator import VideoNarrator

SLOTS = 5


def small_narrator(heads=4, shared=2):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=shared,
        initializer_range=0.3,
    )
    narrator = VideoNarrator(LlamaForCausalLM(config), width=4).eval()
    narrator.causal_lm.set_attn_implementation(TREE)
    return narrator


NARRATORS = [small_narrator(), small_narrator(shared=4)]

# A pass: for some slots, how many columns to keep before it, and what to read or try.
tokens = st.integers(0, 49)
asked = st.one_of(
    st.tuples(st.just("read"), st.lists(tokens, min_size=1, max_size=1)),
    st.tuples(st.just("read"), st.lists(tokens, min_size=1, max_size=1)),
    st.tuples(st.just("read"), st.lists(tokens, min_size=2, max_size=9)),
    st.tuples(st.just("long"), st.lists(tokens, min_size=1, max_size=3)),
    st.tuples(st.just("try"), st.lists(tokens, min_size=1, max_size=4)),
    st.tuples(st.just("back"), st.lists(tokens, min_size=1, max_size=1)),
    st.tuples(st.just("begin"), st.lists(tokens, min_size=1, max_size=1)),
)
passes = st.lists(st.dictionaries(st.integers(0, SLOTS - 1), asked, min_size=1), min_size=1, max_size=12)


def request(slot, what, ids):
    if what == "begin":
        slot.keep(0)
    if what == "back":
        slot.keep(len(slot.ids) // 2)
    if what == "long":
        ids = ids * 140
    # Each tried token is its own continuation: nothing was tried since the last read.
    return Try(ids, [[n] for n in range(len(ids))]) if what == "try" and slot.ids else Read(ids)


def answers(narrator, static, script):
    decoder, slots, found = Decoder(narrator, static), [Slot(n) for n in range(SLOTS)], []
    last = dict.fromkeys(range(SLOTS), "read")
    with torch.inference_mode():
        for each in script:
            # A second try in a row would go on from the first.
            each = {n: ("read" if what == "try" == last[n] else what, ids) for n, (what, ids) in each.items()}
            last |= {n: what for n, (what, _) in each.items()}
            found += decoder.answer([(slots[n], request(slots[n], *how)) for n, how in each.items()])
    return found, decoder


@settings(max_examples=60)
@given(st.sampled_from(NARRATORS), passes)
def test_the_same_logits_whatever_is_read_and_forgotten(narrator, script):
    expected, plain = answers(narrator, False, script)
    found, static = answers(narrator, True, script)
    assert (static.passes, static.tokens) == (plain.passes, plain.tokens)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_single_tokens_go_through_the_static_pass_and_the_cache_grows_under_it(monkeypatch):
    """A slot alone, with a gap before it, past an enlargement; the others' columns stay as they were."""
    script = [{0: ("long", [1, 2]), 3: ("long", [3])}, *[{3: ("read", [n % 50])} for n in range(400)]]
    script += [{3: ("read", [7]), 0: ("read", [8])}]
    found, static = answers(NARRATORS[0], True, script)
    shapes = []
    compute = static.static._compute
    monkeypatch.setattr(static.static, "_compute", lambda *shape: shapes.append(shape) or compute(*shape))
    expected, _ = answers(NARRATORS[0], False, script)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        one, two = Slot(1), Slot(2)
        static.answer([(one, Read([4])), (two, Read([5, 6]))])
        static.answer([(one, Read([4])), (two, Read([5]))])
    assert shapes == [(4, 256)]
    assert static.cache.version == 4  # two layers, enlarged once


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_under_autocast_the_cache_is_kept_in_its_type(static, plain, monkeypatch):
    # float32 weights in bf16-mixed: RoPE makes keys float32, values are bfloat16.
    narrator = NARRATORS[0]
    monkeypatch.setattr("vn.llm.llama.is_plain", lambda decoder: plain)

    def logits(decoder):
        slots = [Slot(n) for n in range(3)]
        decoder.answer([(slot, Read([1, 2, 3 + slot.number])) for slot in slots])
        singles = decoder.answer([(slot, Read([5 + slot.number])) for slot in slots])
        return torch.cat([*singles, *decoder.answer([(slots[0], Read([5])), (slots[1], Read([6, 7]))])])

    with torch.inference_mode():
        expected = logits(Decoder(narrator, static=static))
        with torch.autocast("cpu", torch.bfloat16):
            decoder = Decoder(narrator, static=static)
            found = logits(decoder)
    assert {x.dtype for pair in decoder.cache.layers.values() for x in pair} == {torch.bfloat16}
    assert (found - expected).norm() < 0.03 * expected.norm()


def test_few_shapes_are_enough():
    assert [rounded_slots(n) for n in (1, 2, 3, 5, 32, 33)] == [1, 2, 4, 8, 32, 64]
    for count in range(1, 9000):
        assert count <= rounded_columns(count) < max(1.26 * count, count + 257)
    assert len({rounded_columns(n) for n in range(1, 4097)}) <= 12


def test_a_model_with_hooks_is_read_by_transformers(make, frames):
    """And writes the same, each pass of single tokens static too."""
    written = []
    for hooked in (False, True):
        assembly = make()
        narrator, heard = assembly.narrator.eval(), []
        if hooked:
            layers = narrator.causal_lm.get_decoder()
            layers.layers[0].register_forward_hook(lambda *_, heard=heard: heard.append(1) and None)
            assert not is_plain(layers)
        writer = StoryWriter(narrator, assembly.builder, SHORT, static=hooked)
        written.append(writer.write_all([VideoInput(STORY, frames, SECONDS), VideoInput(STORY, -frames, SECONDS)]))
        assert bool(heard) == hooked
    assert written[0] == written[1]
