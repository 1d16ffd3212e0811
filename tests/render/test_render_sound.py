"""The mix: the voice to the sample, the original under it, the loudness of both."""

import numpy as np
import pytest
from played import PITCH, RATE, Pips, heard, level, make_video, write_story

from vn.render.loudness import TARGET, Limiter, Loudness, measure
from vn.render.mix import DOWN, HOLD, UNDER, UP, Mix, Placed, curve, levels
from vn.render.original import BLOCK, OriginalSound, blocks_of
from vn.voice.speech import Speech
from vn.voice.wav import write_wav


def noise(seconds, volume=0.1, seed=0):
    return (volume * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))).astype(np.float32)


def blocks(sound):
    return [sound[:, n : n + BLOCK] for n in range(0, sound.shape[1], BLOCK)]


def test_pieces_fill_blocks_with_silence_between_and_without_overlap():
    random = np.random.default_rng(0)
    for _ in range(20):
        whole = np.zeros((2, 5 * BLOCK), np.float32)
        pieces, end = [], 0
        for _ in range(random.integers(1, 12)):
            start = max(0, end + int(random.integers(-500, BLOCK)))
            samples = random.standard_normal((2, int(random.integers(1, 2 * BLOCK // 3)))).astype(np.float32)
            if start + samples.shape[1] > whole.shape[1]:
                break
            pieces.append((start, samples))
            whole[:, max(start, end) : start + samples.shape[1]] = samples[:, max(0, end - start) :]
            end = max(end, start + samples.shape[1])
        found = [*blocks_of(pieces)]
        assert all(block.shape[1] == BLOCK for block in found[:-1])
        got = np.concatenate([np.zeros((2, 0), np.float32), *found], axis=1)
        assert np.array_equal(got, whole[:, : got.shape[1]])
        assert got.shape[1] == end


def test_the_voice_is_placed_to_the_sample(tmp_path):
    samples = np.sin(np.arange(1.3 * RATE) / 9).astype(np.float32) * 0.5
    write_wav(tmp_path / "a.wav", Speech(samples, RATE))
    start = 2 * BLOCK - 777
    mix = Mix(None, [Placed(tmp_path / "a.wav", start / RATE, len(samples) / RATE)], levels(None, None, 1.0), 5 * BLOCK)
    got = np.concatenate([*mix.blocks()], axis=1)
    assert got.shape == (2, 5 * BLOCK)
    assert np.abs(got[0, start : start + len(samples)] - samples).max() < 1e-4
    assert not got[:, :start].any()
    assert not got[:, start + len(samples) :].any()


def test_the_original_is_lowered_before_the_voice_and_comes_back_after_it():
    times, values = curve([Placed(None, 5.0, 2.0), Placed(None, 7.0 + HOLD / 2, 1.0), Placed(None, 20.0, 1.0)])
    assert values.tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    end = 8.0 + HOLD / 2
    assert times.tolist() == pytest.approx([5 - DOWN, 5, end, end + UP, 20 - DOWN, 20, 21, 21 + UP])


@pytest.mark.parametrize("original", [-40.0, -23.0, -16.0, -6.0])
@pytest.mark.parametrize("volume", [0.0, 0.5, 1.0])
def test_the_original_is_never_raised_and_always_below_the_voice(original, volume):
    found = levels(Loudness(-27.0, -3.0), Loudness(original, -1.0), volume)
    assert found.voice == pytest.approx(10 ** (11 / 20))
    assert 0 <= found.under <= found.original <= volume
    if volume:
        assert original + 20 * np.log10(found.original) <= TARGET + 1e-6
        assert original + 20 * np.log10(found.under) <= TARGET - UNDER + 1e-6


def test_the_limiter_keeps_peaks_down_and_every_sample_in_its_place():
    sound = noise(4, 0.05)
    sound[:, RATE : RATE + 400] = 0.9 * np.sin(np.arange(400) * np.pi / 2 + np.pi / 4)  # peaks between the samples
    found, count = measure(Limiter(6.0).run(blocks(sound)), peaks=True)
    assert count == sound.shape[1]
    assert found.true_peak <= -1.0
    quiet = np.repeat(0.3 * np.sin(np.arange(3 * RATE)[None] ** 1.3 / 500), 2, axis=0).astype(np.float32)
    got = np.concatenate([*Limiter(0.0).run(blocks(quiet))], axis=1)
    assert np.abs(got - quiet)[:, 100:-100].max() < 0.002  # resampled twice, but not moved


@pytest.mark.parametrize("volume", [0.003, 0.05, 0.9])
def test_a_film_is_as_loud_as_it_should_be_whatever_the_voice(tmp_path, render, volume):
    video = make_video(tmp_path / "v.mp4", sound=(0, 6))
    done = render(write_story(tmp_path / "story", video), voice=Pips(volume=volume, fingerprint=str(volume)))
    film, _ = measure(blocks(np.repeat(heard(tmp_path / "story" / "story.mp4")[None], 2, axis=0)), peaks=True)
    assert done.report["sound"]["loudness"]["integrated"] == pytest.approx(-16, abs=0.5)
    assert film.integrated == pytest.approx(-16, abs=0.7)  # as decoded
    assert film.true_peak <= -1.0


def test_the_original_is_heard_between_voices_and_under_them_15_lower(tmp_path, render):
    video = make_video(tmp_path / "v.mp4", times=[n / 10 for n in range(120)], sound=(0, 12), hum=0.4)
    clips = ((0, 4), (4, 8), (8, 12))
    render(write_story(tmp_path / "story", video, clips, ("One two three four.", None, "Eight nine ten.")))
    sound = heard(tmp_path / "story" / "story.mp4")
    alone, under = level(sound, 110, 4.0, 6.0), level(sound, 110, 0.2, 0.8)
    assert alone - under > 8
    assert level(sound, PITCH, 0.2, 0.8) > under + 3
    assert level(sound, PITCH, 4.0, 6.0) < alone - 40


@pytest.mark.parametrize("volume", [0.0, 0.2])
def test_the_volume_of_the_original(tmp_path, render, volume):
    video = make_video(tmp_path / "v.mp4", sound=(0, 6), hum=0.02)
    story = write_story(tmp_path / "story", video, texts=("One two.", None, "Eight nine."))
    render(story, tmp_path / "whole")
    render(story, tmp_path / "less", original_volume=volume)
    found = [level(heard(tmp_path / name / "story.mp4"), 110, 2.2, 3.6) for name in ("whole", "less")]
    if volume:
        assert found[0] - found[1] == pytest.approx(-20 * np.log10(volume), abs=1.5)
    else:
        assert found[1] < found[0] - 50


def test_without_a_voice_a_film_has_its_own_sound_and_subtitles(tmp_path, render):
    video = make_video(tmp_path / "v.mp4", sound=(0, 6))
    done = render(write_story(tmp_path / "story", video), voice=None)
    assert done.report["voice"] is None
    assert done.report["clips"] == []
    assert level(heard(tmp_path / "story" / "story.mp4"), 110, 1, 5) > -30
    assert "Eight nine." in (tmp_path / "story" / "story.vtt").read_text()
    assert not (tmp_path / "story" / "voice").exists()


def test_a_silent_video_without_a_voice_has_no_sound(tmp_path, render):
    import av

    done = render(write_story(tmp_path / "story", make_video(tmp_path / "v.mp4")), voice=None)
    assert done.report["sound"]["loudness"] is None
    with av.open(str(tmp_path / "story" / "story.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "subtitle"]


def test_a_damaged_track_is_used_as_far_as_it_can_be_read(tmp_path, render):
    video = make_video(tmp_path / "v.mkv", sound=(0, 6), audio_codec="ac3", audio_rate=48_000, layout="stereo")
    data = bytearray(video.read_bytes())
    random = np.random.default_rng(0)
    for place in random.integers(len(data) // 3, len(data), 60):
        data[place] ^= 255
    video.write_bytes(bytes(data))
    sound = OriginalSound(video)
    assert sum(block.shape[1] for block in sound.blocks()) > RATE
    done = render(write_story(tmp_path / "story", video))
    assert done.report["clips"]
