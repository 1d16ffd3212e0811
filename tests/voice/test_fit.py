import itertools
import math
import shutil

import pytest
from bursts import GAP, RATE, WORD, Bursts, word_count
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.errors import InputError
from vn.voice.fit import EXACT, SMALL, FitSettings, Line, evened, fit_each, fit_lines, usual
from vn.voice.sound import pauses, trim
from vn.voice.speech import Speech

MOST = FitSettings().most
STEP = FitSettings().step


class Bent:
    """The pace of `Bursts`."""

    def __init__(self, bent: float = 0.5) -> None:
        self.bent = bent

    def asked_for(self, speed: float) -> float:
        return speed ** (1 / self.bent)


def words(count: int, pause_after: int | None = None) -> str:
    return " ".join("word." if n == pause_after else "word" for n in range(count))


def in_a_row(*clips: tuple[float, str]) -> list[Line]:
    start, lines = 0.0, []
    for n, (seconds, text) in enumerate(clips):
        lines.append(Line(n, start, start + seconds, text))
        start += seconds
    return lines


TEXTS = st.lists(st.sampled_from(["word", "word,", "word."]), min_size=1, max_size=12).map(" ".join)
CLIPS = st.lists(st.tuples(st.floats(0.3, 5), TEXTS), min_size=1, max_size=5)
VOICES = st.sampled_from([Bursts(), Bursts(speeds=(1.0, 1.0)), Bursts(speeds=(0.9, 1.05)), Bursts(bent=0.0)])


@given(CLIPS, VOICES, st.booleans())
@settings(max_examples=60)
def test_whatever_the_clips_and_the_voice(clips, voice, has_pace):
    lines = in_a_row(*clips)
    spoken = fit_lines(lines, voice, "en", Bent() if has_pace else None)
    assert [each.clip for each in spoken] == [line.clip for line in lines]
    for line, one in zip(lines, spoken, strict=True):
        natural = usual(line, voice, "en")
        assert 1 <= one.speed <= MOST + 1e-9
        assert one.start >= line.start
        assert (one.over == 0) == (one.end <= line.end + EXACT)
        assert one.over == pytest.approx(max(0, one.end - line.end), abs=EXACT)
        assert word_count(one.speech) == len(line.text.split()) == one.words
        # As long as its speed and its pauses say: nothing is slowed, nothing is cut.
        assert one.speech.seconds <= natural.whole.seconds / one.speed * (1 + SMALL) + EXACT
        assert one.speech.seconds >= natural.short.seconds / one.speed * (1 - SMALL) - EXACT
        if one.start == line.start and natural.needed(line.end - line.start) <= MOST:
            assert one.over == 0  # what can fit fits
        if one.over:
            assert one.speed == pytest.approx(MOST)
    for a, b in itertools.pairwise(spoken):
        assert b.start >= a.end - 1e-9  # two never speak at once
        if not a.over:
            assert b.start == lines[b.clip].start
    if not any(one.over for one in spoken):
        for a, b in itertools.pairwise(spoken):
            assert abs(a.speed - b.speed) <= STEP + 1e-4
    again = [one.speech.samples.tobytes() for one in fit_each(lines, voice, "en", Bent() if has_pace else None)]
    assert again == [one.speech.samples.tobytes() for one in spoken]


def test_a_narration_with_time_is_left_as_the_voice_speaks_it():
    voice = Bursts()
    (spoken,) = fit_lines(in_a_row((10, words(6, pause_after=2))), voice, "en", Bent())
    assert spoken.speed == 1
    assert spoken.speech.samples.tolist() == trim(voice.speak(spoken.text, "en")).samples.tolist()


def test_pauses_are_shortened_before_anything_is_sped_up():
    voice, text = Bursts(), words(6, pause_after=2)
    natural = trim(voice.speak(text, "en"))
    voice.asked.clear()
    (spoken,) = fit_lines(in_a_row((natural.seconds - 0.2, text)), voice, "en", Bent())
    assert (spoken.speed, spoken.over) == (1, 0)
    assert spoken.speech.seconds == pytest.approx(natural.seconds - 0.2, abs=2 * EXACT)
    assert {speed for _, speed in voice.asked} == {1.0}


def test_then_the_voice_is_asked_by_its_measured_curve():
    voice, text = Bursts(bent=0.5), words(10)
    room = trim(voice.speak(text, "en")).seconds / 1.08
    (spoken,) = fit_lines(in_a_row((room, text)), voice, "en", Bent(0.5))
    assert spoken.speed == pytest.approx(1.08, abs=0.002)
    # It gives the square root of what it is asked for.
    assert max(speed for _, speed in voice.asked) == pytest.approx(1.08**2, abs=0.01)
    bursts = word_count(spoken.speech)
    assert (bursts, spoken.over) == (10, 0)


@pytest.mark.parametrize("voice", [Bursts(speeds=(1.0, 1.0)), Bursts(bent=0.0), Bursts(bent=-1.0), Bursts(bent=4.0)])
def test_what_the_voice_cannot_do_the_tempo_does(voice):
    """One speed only; a voice that does not care; one that does the opposite; one that overdoes it."""
    text = words(10)
    room = trim(Bursts().speak(text, "en")).seconds / 1.1
    (spoken,) = fit_lines(in_a_row((room, text)), voice, "en", Bent(1.0))
    assert spoken.speed == pytest.approx(1.1, abs=0.002)
    assert (word_count(spoken.speech), spoken.over) == (10, 0)
    if voice.speeds == (1.0, 1.0):
        assert {speed for _, speed in voice.asked} == {1.0}


def test_what_cannot_fit_is_spoken_whole_and_the_next_waits():
    lines = in_a_row((1.0, words(10)), (6.0, words(4)))
    first, second = fit_lines(lines, Bursts(), "en", None)
    assert first.speed == pytest.approx(MOST)
    assert first.over == pytest.approx(10 * (WORD + GAP) / MOST - 1, abs=0.1)
    assert word_count(first.speech) == 10
    assert second.start == pytest.approx(first.end)
    assert second.over == 0


def test_speeds_are_even():
    text = words(10)
    seconds = trim(Bursts().speak(text, "en")).seconds
    lines = in_a_row(*[(seconds / speed + 0.01, text) for speed in (0.5, 0.9, 1.1, 0.9, 0.9, 0.9)])
    speeds = [each.speed for each in fit_lines(lines, Bursts(), "en", Bent())]
    assert speeds == pytest.approx([1, 1.04, 1.1, 1.04, 1, 1], abs=0.01)


@given(st.lists(st.floats(1, MOST), max_size=12), st.floats(0.01, 0.2))
def test_evening_only_speeds_up_and_no_further_than_needed(speeds, step):
    out = evened(speeds, step)
    assert all(new >= old for new, old in zip(out, speeds, strict=True))
    assert all(abs(a - b) <= step + 1e-9 for a, b in itertools.pairwise(out))
    expected = [max([s - step * abs(i - j) for j, s in enumerate(speeds)]) for i in range(len(speeds))]
    assert out == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("overflow", "over"), [("none", True), ("next", False)])
def test_a_voice_may_run_into_a_gap_if_allowed(overflow, over):
    text = words(10)
    lines = [Line(0, 0.0, 2.0, text), Line(2, 5.0, 9.0, words(3))]
    first, second = fit_lines(lines, Bursts(), "en", None, FitSettings(overflow=overflow))
    assert (first.over > 0) is over
    assert second.start == 5.0
    assert first.speed == pytest.approx(1.0 if overflow == "next" else MOST)


def test_the_last_may_run_to_the_end_of_the_video_if_it_is_known():
    lines = [Line(0, 0.0, 2.0, words(10))]
    assert fit_lines(lines, Bursts(), "en", None, FitSettings(overflow="next"))[0].over > 0
    assert fit_lines(lines, Bursts(), "en", None, FitSettings(overflow="next", end=4.0))[0].over == 0


def test_clips_that_overlap_do_not_speak_at_once():
    lines = [Line(0, 0.0, 4.0, words(6)), Line(1, 3.0, 6.0, words(6)), Line(2, 3.0, 6.0, words(2))]
    spoken = fit_lines(lines, Bursts(), "en", None)
    assert all(b.start >= a.end - 1e-9 for a, b in itertools.pairwise(spoken))
    assert spoken[0].over == 0


@pytest.mark.parametrize("text", ["", "  ", "...", "?!—«»", "\u3002\uff0c"])
def test_a_text_of_only_punctuation_is_not_spoken(text):
    voice = Bursts()
    lines = [Line(0, 0, 2, "one two"), Line(1, 2, 4, text), Line(2, 4, 6, "three")]
    assert [each.clip for each in fit_lines(lines, voice, "en", None)] == [0, 2]
    assert text not in [asked for asked, _ in voice.asked]


def test_a_voice_that_is_silent_is_named_with_the_clip():
    class Mute(Bursts):
        def speak(self, text, language, speed=1.0):
            return Speech(super().speak(text, language).samples * 0, RATE)

    with pytest.raises(InputError, match=r"clips\[3\]\.narration: the voice bursts is silent for 'one'"):
        fit_lines([Line(3, 0, 2, "one")], Mute(), "en", None)


def test_no_lines_no_speech():
    assert fit_lines([], Bursts(), "en", None) == []
    assert math.isinf(usual(Line(0, 0, 0, "one"), Bursts(), "en").needed(0))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the program espeak-ng")
def test_a_real_voice_in_real_clips():
    from vn.voice.names import open_voice

    text = "A yellow one that stands out, and it keeps your tea warm. Grab it today."
    voice = open_voice("espeak-ng")
    natural = trim(voice.speak(text, "en")).seconds
    lines = in_a_row((natural + 1, text), (natural / 1.09, text), (natural / 2, text), (natural, text))
    spoken = fit_lines(lines, voice, "en", Bent(1.0))
    assert [each.over > 0 for each in spoken] == [False, False, True, True]
    assert spoken[0].speed >= spoken[1].speed - STEP - 1e-4
    assert all(1 <= each.speed <= MOST + 1e-9 for each in spoken)
    assert all(b.start >= a.end - 1e-9 for a, b in itertools.pairwise(spoken))
    assert not pauses(Speech(spoken[2].speech.samples, round(spoken[2].speech.rate * 0.9)))  # all are short
