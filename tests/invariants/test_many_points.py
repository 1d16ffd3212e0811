"""Knowledge that does not fit into the context: what is dropped is reported, and earlier clips are still read."""

from bisect import bisect_left
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_narrator import SECONDS, STORY

from vn.errors import LONGEST
from vn.generation.decoding import Decoding
from vn.generation.story_writer import StoryWriter
from vn.narrate.knowledge_dropped import dropped_message, dropped_points
from vn.story import Clip, Knowledge


def story_of(points):
    knowledge = (Knowledge("Material", ("steel",)), Knowledge("Facts", tuple(f"point {n}" for n in range(points))))
    return replace(STORY, knowledge=knowledge, clips=tuple(Clip(1.5 * i, 1.5 * i + 1.5) for i in range(6)))


def write(make, frames, story, max_length):
    assembly = make(max_length=max_length)
    assembly.narrator.eval()
    writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=6))
    prompts = []
    prompt = assembly.builder.prompt
    assembly.builder.prompt = lambda *args: prompts.append(args[3]) or prompt(*args)
    return writer.write(story, frames, SECONDS), prompts, assembly.builder


def test_points_that_do_not_fit_are_told_and_earlier_texts_are_read(make, frames):
    story = story_of(300)
    told, prompts, builder = write(make, frames, story, 1000)
    assert len({each.points_dropped for each in told}) == 1  # once for all clips, so that they share their beginning
    assert 0 < told[0].points_dropped < 301
    assert told[-1].forgotten < 5
    assert len(prompts[-1]) > 1
    dropped = dropped_points(story, told)
    assert len(dropped) == told[0].points_dropped
    assert dropped[-1] == ("Facts", "point 299")
    head = builder.prompt(story, builder.plan(story, frames, SECONDS, 0), 0, [], 0, told[0].points_dropped)
    text = builder.tokens.tokenizer.decode(head.ids)
    first = 300 - len(dropped)
    assert f"point {first - 1}" in text
    assert f"point {first}," not in text


def test_what_fits_is_not_dropped(make, frames):
    story = story_of(3)
    told, _, _ = write(make, frames, story, 1000)
    assert {each.points_dropped for each in told} == {0}
    assert dropped_points(story, told) == []


def test_the_message_names_and_counts_them(make, frames):
    story = story_of(300)
    dropped = [("Facts", f"point {n}") for n in range(100, 300)]
    message = dropped_message(story, dropped)
    assert message.startswith("200 of 301 knowledge points do not fit")
    assert message.endswith("'point 100', 'point 101', 'point 102', ..., 'point 299'")
    assert len(message) < LONGEST


@settings(suppress_health_check=list(HealthCheck), max_examples=15)
@given(
    aspects=st.lists(st.lists(st.sampled_from(["steel", "two for one", "red", "boils in a minute"]), max_size=9)),
    room=st.integers(0, 60),
)
def test_the_points_that_are_dropped_are_those_of_whole_prompts(make, frames, aspects, room):
    """Tokenising one aspect gives what tokenising the whole beginning gives, by the same bisection."""
    builder = make().builder
    facts = tuple(Knowledge(f"Aspect {n}", tuple(points)) for n, points in enumerate(aspects))
    story = replace(STORY, knowledge=facts)
    writer = builder.writer(story)
    plan = builder.plan(story, frames, SECONDS, 0)
    whole = len(builder.training_row(story, plan, 0).ids)

    def length(points):
        return sum(len(builder.ids(segment)) for segment in writer.head(points))

    builder.max_length = whole - min(room, length(0) - length(writer.points))
    over = whole - builder.max_length
    dropped = 0
    while over > length(0) - length(dropped) and dropped < writer.points:
        more = range(dropped + 1, writer.points)
        now, left = length(dropped), over - (length(0) - length(dropped))
        dropped += 1 + bisect_left(more, left, key=lambda points, now=now: now - length(points))
    row = builder.training_row(story, plan, 0)
    assert row.cut.points == dropped
    assert len(row.ids) == whole - length(0) + length(dropped)
