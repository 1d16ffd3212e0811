"""Narrations of an exact length, from models that were not trained on lengths."""

import itertools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_narrator import SECONDS, STORY

from vn.generation.beam import search
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.length import LengthRule, TableRule
from vn.generation.story_writer import StoryWriter
from vn.story import Clip, Story, WordRange, count_words

EXACT = Decoding(max_new_tokens=20, length_control="exact")


class Ranges:
    """Word ranges as a test has them."""

    source = "duration"

    def __init__(self, ranges):
        self.ranges = ranges

    def range_of(self, clip, language):
        return self.ranges[int(clip.start)]


def narrate(assembly, frames, ranges, language="en", decoding=EXACT):
    assembly.narrator.eval()
    assembly.builder.words = Ranges(ranges)
    clips = tuple(Clip(i, i + 1, STORY.clips[0].labels) for i in range(len(ranges)))
    story = Story("lengths", "Lamp", language, "ad", STORY.knowledge, clips)
    return StoryWriter(assembly.narrator, assembly.builder, decoding).write(story, frames, SECONDS, "given")


def ranges_to(most):
    one = st.tuples(st.integers(1, most), st.integers(0, 6)).map(lambda x: WordRange(x[0], x[0] + x[1]))
    return st.lists(one, min_size=1, max_size=2)


languages = st.sampled_from(["en", "zh"])
with_fixtures = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(with_fixtures, max_examples=8)
@given(ranges_to(20), languages)
def test_every_narration_is_in_its_range(make, frames, ranges, language):
    in_range(make, frames, ranges, language)


@pytest.mark.slow
@settings(with_fixtures, max_examples=60)
@given(ranges_to(100), languages)
def test_every_narration_is_in_its_range_up_to_100_words(make, frames, ranges, language):
    in_range(make, frames, ranges, language)


def in_range(make, frames, ranges, language):
    """Of a random model, which would end anywhere or never, in both languages and with half characters as tokens."""
    for each, words in zip(narrate(make(), frames, ranges, language), ranges, strict=True):
        assert each.problem is None
        assert count_words(each.written.narration, language) in words
        assert "\ufffd" not in each.written.narration[-1:]


def test_a_narration_in_range_is_left_as_it_is(make, frames):
    """Where greedy decoding ends by itself, exact control changes nothing."""
    assembly = make()
    tokens = assembly.builder.tokens
    halves = {i for i in range(len(tokens.tokenizer)) if "\ufffd" in tokens.tokenizer.decode([i])}
    tokens.stops = tokens.stops | halves  # so that this model, too, comes to an end
    wide = [WordRange(1, 100)]
    free, exact = (narrate(assembly, frames, wide, decoding=Decoding(60, length_control=x)) for x in ("none", "exact"))
    assert free[0].written.narration
    assert exact == free


def test_side_by_side_is_one_by_one(make, frames):
    assembly = make()
    assembly.narrator.eval()
    assembly.builder.words = Ranges([WordRange(2, 4), WordRange(9, 9), WordRange(1, 1)] * 4)
    other = Story("other", "A longer title than the kettle's", "en", "ad", (), STORY.clips[:3])
    video_inputs = [VideoInput(STORY, frames, SECONDS), VideoInput(other, frames[:6], SECONDS[:6], range(3))]
    writer = StoryWriter(assembly.narrator, assembly.builder, EXACT)
    together = writer.write_all(video_inputs, "predicted")
    assert together == [writer.write_all([each], "predicted")[0] for each in video_inputs]


def test_where_no_token_can_make_it_the_clip_says_so(make, frames, monkeypatch):
    monkeypatch.setattr(TableRule, "allowed", lambda self, beam, tokens: torch.zeros_like(tokens, dtype=torch.bool))
    (each,) = narrate(make(), frames, [WordRange(3, 5)])
    assert each.problem == "the model's tokens make no narration of 3 to 5 words"


def test_a_sentence_end_is_preferred_and_words_stay_whole(make):
    tokens = make().builder.tokens
    rule = LengthRule(tokens, "en", WordRange(2, 3), 20)
    said = tokens.encode
    assert rule.may_end(said("the red"))
    assert not rule.may_end(said("the"))
    assert rule.natural(said("the red kettle."))
    assert rule.natural(said("boils tea!”"))
    assert not rule.natural(said("the red"))
    full = said("the red kettle")
    assert rule.may_follow(full, said("s")[0])  # the word may go on
    assert rule.may_follow(full, said(".")[0])
    two = said(" x")
    assert not all(rule.may_follow((*full, *two[:n]), token) for n, token in enumerate(two))  # a word too many
    chinese = LengthRule(tokens, "zh", WordRange(2, 3), 20)
    half = said("红茶")[:-1]
    assert not chinese.may_end(half)
    assert chinese.may_end(said("红茶"))
    assert not rule.may_follow(full, tokens.tokenizer.bos_token_id)


@pytest.mark.oracle
def test_the_search_finds_what_looking_at_everything_finds(make):
    """With a beam wide enough, the likeliest of all narrations of a few tokens that are in range."""
    assembly = make()
    llm, tokens = assembly.narrator.causal_lm.eval(), assembly.builder.tokens
    few = [tokens.encode(text)[0] for text in (" a", "b", ".", " c")]
    stop = tokens.newline

    prompt = [0, *tokens.encode("tea:")]

    def odds(written):
        """Of five tokens only, all of it re-encoded every time."""
        with torch.no_grad():
            logits = llm(torch.tensor([[*prompt, *ids] for ids in written])).logits[:, -1].float()
        rest = torch.full_like(logits, -torch.inf)
        rest[:, [*few, stop]] = logits[:, [*few, stop]]
        return rest.log_softmax(1)

    rule = LengthRule(tokens, "en", WordRange(2, 2), 5)
    rule.most = 5

    def score(ids):
        return sum(float(odds([ids[:n]])[0, token]) for n, token in enumerate((*ids, stop)))

    whole = [ids for n in range(6) for ids in itertools.product(few, repeat=n) if rule.may_end(ids)]
    natural = [ids for ids in whole if rule.natural(ids)]

    def found():
        written: list[tuple] = [()]
        beams = search(odds(written), rule, 4**5, frozenset({stop}))
        step = next(beams)
        try:
            while True:
                written = [(*written[parent], token) for parent, token in step]
                step = beams.send(odds(written))
        except StopIteration as end:
            return end.value

    assert score(found()) == pytest.approx(max(map(score, natural)), abs=1e-4)
