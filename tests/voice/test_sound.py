import math

import numpy as np
import pytest
from bursts import GAP, PAUSE, RATE, WORD, Bursts, burst, silence, word_count
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.voice.sound import (
    AFTER,
    BEFORE,
    SHORTEST_PAUSE,
    WINDOW,
    pauses,
    peak,
    resample,
    rms,
    shorten_pauses,
    tempo,
    trim,
)
from vn.voice.speech import Speech


def speech(*parts: np.ndarray) -> Speech:
    return Speech(np.concatenate(parts), RATE)


def onset(sound: Speech) -> float:
    return int(np.flatnonzero(np.abs(sound.samples) > 0.05 * peak(sound))[0]) / sound.rate


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.9))
def test_silence_is_trimmed_however_quiet_the_voice(before, after, level):
    word = burst(0.5, level=level)
    trimmed = trim(speech(silence(before), word, silence(after)))
    assert 0.5 - WINDOW <= trimmed.seconds <= 0.5 + BEFORE + AFTER + 2 * WINDOW
    assert np.square(trimmed.samples, dtype=float).sum() == pytest.approx(np.square(word, dtype=float).sum(), rel=1e-3)
    assert onset(trimmed) <= 0.04  # seconds: what is seen and heard at once


def test_a_soft_consonant_before_a_vowel_is_kept():
    hiss = (0.01 * np.random.default_rng(0).standard_normal(round(0.1 * RATE))).astype(np.float32)  # -31 dB
    trimmed = trim(speech(silence(0.5), hiss, burst(0.3), hiss, silence(0.5)))
    assert trimmed.seconds >= 0.5


def test_noise_below_the_voice_is_silence():
    hum = (0.0005 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    assert trim(speech(hum, burst(0.3), hum)).seconds < 0.4


def test_silence_alone_is_nothing():
    nothing = trim(speech(silence(1)))
    assert len(nothing.samples) == 0
    assert (rms(nothing), peak(nothing), pauses(nothing)) == (0.0, 0.0, [])
    assert len(tempo(nothing, 1.1).samples) == len(shorten_pauses(nothing, 1).samples) == 0


def test_pauses_are_found_where_they_are():
    sound = speech(burst(0.3), silence(0.05), burst(0.3), silence(0.4), burst(0.3), silence(0.2), burst(0.3))
    found = [(a / RATE, b / RATE) for a, b in pauses(sound)]
    assert found == [pytest.approx((0.65, 1.05), abs=WINDOW), pytest.approx((1.35, 1.55), abs=WINDOW)]


@given(st.lists(st.floats(0.02, 0.9), min_size=1, max_size=6), st.floats(-0.1, 3))
def test_pauses_are_shortened_by_what_is_asked_and_never_too_far(lengths, saving):
    parts = [part for length in lengths for part in (burst(0.2), silence(length))]
    sound = speech(*parts, burst(0.2))
    shorter = shorten_pauses(sound, saving)
    possible = sum((b - a) / RATE - SHORTEST_PAUSE for a, b in pauses(sound))
    saved = sound.seconds - shorter.seconds
    assert saved == pytest.approx(min(max(0, saving), possible), abs=len(lengths) * 2 / RATE)
    assert word_count(shorter) == word_count(sound)
    energy = [np.square(each.samples, dtype=float).sum() for each in (sound, shorter)]
    assert energy[1] == pytest.approx(energy[0], rel=1e-3)  # only silence was cut


def test_the_longest_pauses_are_shortened_first():
    sound = speech(burst(0.2), silence(0.2), burst(0.2), silence(0.8), burst(0.2))
    lengths = [(b - a) / RATE for a, b in pauses(shorten_pauses(sound, 0.5))]
    assert lengths == [pytest.approx(0.2, abs=0.02), pytest.approx(0.3, abs=0.02)]


def test_a_cut_in_a_pause_with_noise_does_not_click():
    t = np.arange(RATE) / RATE
    hum = (0.004 * np.sin(2 * np.pi * 50 * t)).astype(np.float32)
    sound = shorten_pauses(speech(burst(0.2), hum, burst(0.2)), 0.777)
    inside = sound.samples[round(0.21 * RATE) : -round(0.21 * RATE)]
    assert np.abs(np.diff(inside)).max() < 0.0005


@given(st.integers(1, 30_000), st.floats(0.5, 2.0), st.sampled_from([8000, 16000, 22050, 24000, 44100]))
@settings(max_examples=40)
def test_tempo_gives_exactly_the_length_asked_for(count, factor, rate):
    sound = Speech(burst(count / rate, rate)[:count], rate)
    faster = tempo(sound, factor)
    assert len(faster.samples) == round(len(sound.samples) / factor)
    assert faster.samples.dtype == np.float32
    if count > rate / 10:  # at least a tenth of a second
        assert rms(faster) == pytest.approx(rms(sound), rel=0.25)


@pytest.mark.parametrize("factor", [1.02, 1.06, 1.12, 1.5])
def test_tempo_loses_no_word_and_keeps_the_pitch(factor):
    sound = trim(Bursts().speak(" ".join(["word"] * 12), "en"))
    faster = tempo(sound, factor)
    assert word_count(faster) == 12
    assert onset(faster) <= 0.04
    # The last word is whole: the filter alone leaves out its end.
    last = faster.samples[-round((AFTER + WORD / factor / 4) * RATE) :]
    assert peak(Speech(last, RATE)) > 0.4
    spectrum = np.abs(np.fft.rfft(faster.samples))
    assert np.argmax(spectrum) * RATE / len(faster.samples) == pytest.approx(220, rel=0.05)


@given(st.integers(1, 20_000), st.sampled_from([8000, 22050, 24000, 44100, 48000]))
@settings(max_examples=40)
def test_resampling_keeps_time_and_loudness(count, rate):
    sound = Speech(burst(count / RATE)[:count], RATE)
    other = resample(sound, rate)
    assert other.rate == rate
    assert len(other.samples) == round(len(sound.samples) * rate / RATE)
    if count > RATE / 10:
        assert rms(other) == pytest.approx(rms(sound), rel=0.05)


def test_the_same_rate_is_the_same_speech():
    sound = speech(burst(0.2))
    assert resample(sound, RATE) is sound
    assert tempo(sound, 1) is sound


def test_the_synthetic_voice_is_as_long_as_its_words():
    said = trim(Bursts().speak("one, two three.", "en"))
    assert said.seconds == pytest.approx(3 * WORD + PAUSE + GAP + BEFORE + AFTER, abs=3 * WINDOW)
    assert math.isclose(Bursts().speak("one", "en", 4.0).seconds - 0.6, (WORD + GAP) / 2, abs_tol=0.01)
