"""What is written again because a voice cannot say it in time."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "voice"))

from bursts import GAP, WORD, Bursts

from vn.errors import InputError
from vn.narrate.spoken import SpokenLength
from vn.prompt import Written
from vn.story import Clip, Story, WordRange, WordRangeRule, count_words
from vn.voice.pace import Pace
from vn.written import WrittenClip

PACE = Pace(1 / (WORD + GAP), 3.0, 3.6)


def story(seconds: float, language: str = "en") -> Story:
    return Story("kettle", "t", language, "ad", (), (Clip(0, 2), Clip(2, 2 + seconds)))


def wrote(count: int, words: WordRange, problem: str | None = None, word: str = "word") -> WrittenClip:
    return WrittenClip(1, Written(words, None, " ".join([word] * count)), None, problem=problem)


def attempts_of(judge: SpokenLength, about: Story, words: WordRange, write) -> tuple[list[WrittenClip], int]:
    """What `vn.generation.story_writer` does with an `Again`."""
    again, attempts = judge.again(about), [write(words)]
    while isinstance(answer := again(attempts), WordRange):
        assert answer.high < count_words(attempts[-1].written.narration, "en")
        attempts.append(write(answer))
    return attempts, answer


@given(st.floats(0.5, 8), st.integers(1, 40), st.floats(0.6, 2), st.integers(0, 3))
def test_a_narration_is_written_again_until_it_fits(seconds, high, slow, times):
    """The voice is slower than its pace says, or faster; the narrator always writes as much as it may."""
    judge = SpokenLength(Bursts(slow=slow), "en", PACE, times=times)
    about, words = story(seconds), WordRange(max(1, high - 5), high)
    attempts, kept = attempts_of(judge, about, words, lambda words: wrote(words.high, words))
    assert len(attempts) <= times + 1
    speeds = [judge.speed(about.clips[1], each.written.narration) for each in attempts]
    assert all(speed > judge.most for speed in speeds[:-1])
    assert kept == len(attempts) - 1  # a narrator that obeys: the last is the shortest
    if len(attempts) == 1 and speeds[0] <= judge.most:
        assert judge.missed(about, attempts[0]) is None
    # Two attempts are enough for a voice whose words are all alike.
    if times >= 2 and seconds > 2 * (WORD + GAP) * slow:
        assert speeds[-1] <= judge.most
        assert judge.missed(about, attempts[kept]) is None


def test_of_attempts_that_all_miss_the_shortest_to_speak_is_kept():
    """Fewer words may take longer: here, a narrator that writes longer and longer words."""
    judge = SpokenLength(Bursts(), "zh", PACE, times=2)
    about = story(1.0, "zh")
    texts = iter(["一二三四五六七八", "一。二。三。四。", "一。二。三。"])
    judge_again, attempts = judge.again(about), []
    answer = WordRange(8, 8)
    while isinstance(answer, WordRange):
        attempts.append(WrittenClip(1, Written(answer, None, next(texts)), None))
        answer = judge_again(attempts)
    speeds = [judge.speed(about.clips[1], each.written.narration) for each in attempts]
    assert len(attempts) == 3
    assert answer == speeds.index(min(speeds))
    missed = judge.missed(about, attempts[answer])
    assert missed is not None
    assert f"it would have to be {min(speeds):.2f} times as fast" in missed


def test_an_attempt_with_no_narration_in_range_is_not_kept():
    judge, about = SpokenLength(Bursts(), "en", PACE), story(1.0)
    again, long = judge.again(about), wrote(10, WordRange(8, 12))
    words = again([long])
    assert isinstance(words, WordRange)
    failed = WrittenClip(1, Written(words, None, ""), None, problem="the model's tokens make no narration")
    assert again([long, failed]) == 0


@pytest.mark.parametrize("text", ["", "...", "?!"])
def test_what_cannot_be_spoken_fits(text):
    judge, about = SpokenLength(Bursts(), "en", PACE), story(1.0)
    assert judge.again(about)([wrote(0, WordRange(1, 3))]) == 0
    assert judge.speed(about.clips[1], text) == 1


def test_each_text_is_spoken_once():
    voice = Bursts()
    judge, about = SpokenLength(voice, "en", PACE), story(1.0)
    attempts_of(judge, about, WordRange(5, 10), lambda words: wrote(words.high, words))
    texts = [text for text, _ in voice.asked]
    assert len(texts) == len(set(texts)) > 1


def test_ranges_are_bounded_by_the_pace():
    pace, rule, clip = Pace(2.0, 1.8, 2.25), WordRangeRule("duration", 2.5, 2), Clip(0, 4)
    assert SpokenLength(Bursts(), "en", pace).ranges(rule).range_of(clip, "en") == WordRange(
        8, 11
    )  # 2.25 * 1.12 * 1.1 * 4
    narrow = SpokenLength(Bursts(), "en", pace, units_per_second=2.0)
    assert narrow.ranges(rule).range_of(clip, "en") == WordRange(6, 8)


def test_a_voice_that_fails_is_named_with_video_and_clip():
    class Broken(Bursts):
        def speak(self, text, language, speed=1.0):
            raise InputError("the voice's program failed (killed by signal 9)")

    judge = SpokenLength(Broken(), "en", PACE)
    with pytest.raises(InputError, match=r"kettle: clips\[1\]\.narration: .*killed by signal 9"):
        judge.again(story(1.0))([wrote(3, WordRange(1, 5))])


def test_the_time_of_a_clip_ends_where_the_next_one_starts():
    """Overlaps of up to a second are kept, and two voices never speak at once."""
    from vn.voice.fit import Line, fit_lines

    voice = Bursts()
    judge = SpokenLength(voice, "en", PACE)
    clips = (Clip(0, 2), Clip(2, 5), Clip(4.2, 7))
    about, words = Story("kettle", "t", "en", "ad", (), clips), WordRange(2, 30)
    attempts, kept = attempts_of(judge, about, words, lambda words: wrote(min(words.high, 9), words))
    assert len(attempts) > 1
    assert judge.missed(about, attempts[0]) is not None
    assert judge.missed(about, attempts[kept]) is None
    texts = ("word", attempts[kept].written.narration, "word word")
    lines = [Line(i, clip.start, clip.end, text) for i, (clip, text) in enumerate(zip(clips, texts, strict=True))]
    spoken = fit_lines(lines, voice, "en", None)
    assert [each.over for each in spoken] == [0, 0, 0]
    assert spoken[2].start == 4.2
