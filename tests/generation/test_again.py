"""Clips that are written again with another range of words before the next."""

import pytest
import torch
from test_exact_length import EXACT, Ranges
from toy_narrator import SECONDS, STORY

from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.pool import Pool
from vn.generation.story_writer import StoryWriter
from vn.story import Clip, Fixed, Story, WordRange, count_words

CLIPS = tuple(Clip(i, i + 1, STORY.clips[0].labels) for i in range(3))
THREE = Story("again", "Lamp", "en", "ad", STORY.knowledge, CLIPS)
WIDE = [WordRange(4, 8)] * 3


def write(assembly, frames, ranges, again=None, decoding=EXACT, **video):
    assembly.narrator.eval()
    assembly.builder.words = Ranges(ranges)
    writer = StoryWriter(assembly.narrator, assembly.builder, decoding)
    pool, done = writer.pool(1), []
    pool.add(writer.story(VideoInput(THREE, frames, SECONDS, **video), again=again), done.extend)
    pool.finish()
    return done


def shrink(clips=(0, 1), times=2):
    """Asks for fewer words in some clips, a few times."""

    def again(attempts):
        if attempts[0].clip not in clips or len(attempts) > times:
            return len(attempts) - 1
        high = count_words(attempts[-1].written.narration, "en") - 1
        return WordRange(max(1, high - 2), max(1, high))

    return again


def test_what_is_accepted_is_as_without_being_asked(make, frames):
    asked = []
    plain = write(make(), frames, WIDE)
    assert write(make(), frames, WIDE, lambda attempts: asked.append(attempts[0].clip) or 0) == plain
    assert asked == [0, 1, 2]


@pytest.mark.parametrize("decoding", [EXACT, Decoding(20, length_control="exact", no_repeat_ngram=2)])
def test_the_story_is_what_exact_writes_with_the_ranges_that_were_found(make, frames, decoding):
    """Later clips read the text that was kept, and nothing is left of those that were not: no token, no n-gram."""
    written = write(make(), frames, WIDE, shrink(), decoding)
    ranges = [each.written.words for each in written]
    assert ranges[2] == WIDE[2]
    assert max(ranges[0].high, ranges[1].high) < 8
    assert all(count_words(each.written.narration, "en") in each.written.words for each in written)
    assert written == write(make(), frames, ranges, None, decoding)


def test_an_earlier_attempt_may_be_kept(make, frames):
    tries = []

    def again(attempts):
        tries.append([each.written.narration for each in attempts])
        return WordRange(2, 3) if len(attempts) == 1 and attempts[0].clip == 1 else 0

    assert write(make(), frames, WIDE, again) == write(make(), frames, WIDE)
    assert [len(each) for each in tries] == [1, 1, 2, 1]
    assert tries[1][0] == tries[2][0] != tries[2][1]


def test_a_fixed_narration_is_never_written_again(make, frames):
    asked = []
    fixed = {1: Fixed(narration="Mine, all mine, and far too long for this voice.")}
    written = write(make(), frames, WIDE, lambda attempts: asked.append(attempts[0].clip) or 0, fixed=fixed)
    assert asked == [0, 2]
    assert written[1].written.narration == fixed[1].narration


def test_sampling_draws_the_same_numbers_for_every_attempt(make, frames):
    drawn = Decoding(20, temperature=1.0, length_control="exact", seed=3)
    same = lambda attempts: WIDE[0] if len(attempts) < 3 else len(attempts) - 1  # noqa: E731
    assert write(make(), frames, WIDE, same, drawn) == write(make(), frames, WIDE, None, drawn)


def test_a_clip_that_memory_was_not_enough_for_begins_with_its_first_attempt(make, frames, monkeypatch):
    expected = write(make(), frames, WIDE, shrink())
    assembly = make()
    assembly.narrator.eval()
    assembly.builder.words = Ranges(WIDE)
    writer = StoryWriter(assembly.narrator, assembly.builder, EXACT)
    pool, done, attempts = writer.pool(2), [], []
    compute, due = Pool._pass, [True]

    def again(tries):
        attempts.append((tries[0].clip, len(tries)))
        return shrink()(tries)

    def tight(self):
        if attempts and attempts[-1] == (1, 1) and due.pop():
            due.append(False)
            raise torch.OutOfMemoryError("CUDA out of memory")
        due or due.append(False)
        compute(self)

    monkeypatch.setattr(Pool, "_pass", tight)
    pool.add(writer.story(VideoInput(THREE, frames, SECONDS), again=again), done.extend)
    pool.finish()
    assert attempts.count((1, 1)) == 2
    assert done == expected
