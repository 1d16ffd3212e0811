"""Options for choosing tokens."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_narrator import SECONDS, STORY

from vn.generation.decoder import visual_tokens
from vn.generation.decoding import Decoding, Repeats
from vn.generation.story_writer import StoryWriter
from vn.story import Story

TEXTS = st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=4)


@given(TEXTS, st.lists(st.integers(0, 3), max_size=8), st.integers(1, 4))
def test_tokens_that_may_not_follow_are_those_that_would_repeat(texts, written, size):
    """Against looking for each n-gram in all that was said."""
    repeats = Repeats(size)
    for text in texts:
        repeats.add(text)
    said = {tuple(text[i : i + size]) for text in [*texts, written] for i in range(len(text) - size + 1)}
    for token in range(4):
        new = tuple([*written, token][-size:])
        assert (token in repeats.after(written)) == (len(written) >= size - 1 and new in said)


def test_no_story_says_the_same_twice(make, frames):
    assembly = make()
    assembly.narrator.eval()
    add, pairs = Repeats.add, []
    for size in (0, 2):
        writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=30, no_repeat_ngram=size))
        said = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Repeats, "add", lambda self, ids, said=said: (said.append(ids), add(self, ids)))
            writer.write(STORY, frames, SECONDS)
        pairs.append([pair for ids in said for pair in itertools.pairwise(ids)])
    assert len(pairs[0]) > len(set(pairs[0]))  # it would
    assert len(pairs[1]) == len(set(pairs[1])) > 20


def test_draws_depend_on_seed_video_and_clip_alone():
    logits = torch.zeros(50)

    def draws(decoding, video, clip):
        generator = decoding.generator(video, clip)
        return [decoding.pick_from(logits, generator) for _ in range(8)]

    first, other = Decoding(temperature=1.0), Decoding(temperature=1.0, seed=1)
    assert draws(first, "a", 0) == draws(first, "a", 0)
    assert (
        len({tuple(draws(d, v, c)) for d, v, c in [(first, "a", 0), (other, "a", 0), (first, "b", 0), (first, "a", 1)]})
        == 4
    )


@pytest.mark.oracle
def test_beams_find_what_is_as_likely_as_transformers_beams_find(make, frames):
    """Ours ends at all newlines, so that the model is given one end only, which both know."""
    assembly = make()
    narrator, builder = assembly.narrator.eval(), assembly.builder
    tokens = builder.tokens
    tokens.stops = frozenset({tokens.newline})
    story = Story("beams", "Lamp", "en", "ad", STORY.knowledge, STORY.clips[:1])
    narrator.causal_lm.get_output_embeddings().weight.data[tokens.newline] *= 3  # so that it comes to an end
    decoding = Decoding(max_new_tokens=6, beams=4)
    writer = StoryWriter(narrator, builder, decoding)
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repeats, "add", lambda self, ids: said.append(list(ids)))
        writer.write(story, frames, SECONDS, "given")
    row = builder.prompt(story, builder.plan(story, frames, SECONDS, 0), 0, [], 0)
    from vn.prompt import PromptWriter

    lead = PromptWriter(story, builder.template)
    row.ids.extend(
        i for s in [*lead.label(story.clips[0].labels), lead.narration_lead(0)] for i in tokens.encode(s.text)
    )

    @torch.no_grad()
    def inputs(ids=()):
        embedded = narrator.causal_lm.get_input_embeddings()(torch.tensor([[*row.ids, *ids]]))
        visual = visual_tokens(narrator, row, frames)
        embedded[0, row.visual : row.visual + len(visual)] = visual
        return embedded

    @torch.no_grad()
    def score(ids):
        odds = narrator.causal_lm(inputs_embeds=inputs(ids)).logits[0].float().log_softmax(1)
        ends = [*ids, tokens.newline][: len(ids) + 1]
        return sum(float(odds[len(row.ids) - 1 + n, token]) for n, token in enumerate(ends))

    theirs = narrator.causal_lm.generate(
        inputs_embeds=inputs(),
        attention_mask=torch.ones(1, len(row.ids), dtype=torch.long),
        num_beams=4,
        length_penalty=0.0,
        early_stopping=False,
        max_new_tokens=7,
        do_sample=False,
        eos_token_id=tokens.newline,
        pad_token_id=0,
        use_cache=True,
    )[0].tolist()
    assert theirs[-1] == tokens.newline or len(theirs) == 7
    if theirs[-1] == tokens.newline:
        assert score(said[0]) >= score(theirs[: theirs.index(tokens.newline)]) - 1e-3
