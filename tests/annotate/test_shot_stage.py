"""The stage `shots` on real files: one pass, bounds on what it works on, and fingerprints that survive re-encoding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_videos import render_scenes, scene

from vn.annotate.duplicates import Duplicates
from vn.annotate.fingerprint import FRAMES, MOST, NOTHING, FrameHashes
from vn.annotate.results import Shots
from vn.annotate.shots import ClipLengths, ShotStage
from vn.annotate.stage import RawVideo
from vn.data.shot_settings import ShotSettings
from vn.data.shots import find_shots
from vn.errors import Findings, InputError

FILM = [(1, 1.5), (2, 2.0), (3, 1.0), (4, 2.5)]


def cut(file, lengths=None, activity=None):
    stage = ShotStage(ShotSettings(), lengths or ClipLengths(), activity)
    video = RawVideo(file.stem, file, file.name, "en")
    return Shots.of_json(stage.make(video, {}, Findings()).result)


def test_the_shots_are_those_of_prepare(tmp_path):
    file = render_scenes(tmp_path / "a.mp4", FILM)
    found = cut(file)
    assert list(found.clips) == find_shots(file) == [(0, 1.5), (1.5, 3.5), (3.5, 4.5), (4.5, 7)]
    assert found.duration == 7
    assert len(found.fingerprint) == FRAMES
    assert list(cut(file, ClipLengths(shortest=2)).clips) != [(0, 1.5), (1.5, 4.5), (4.5, 7)]


def test_a_long_shot_is_split_at_the_pause_that_the_speech_has(tmp_path):
    file = render_scenes(tmp_path / "a.mp4", [(1, 9), (2, 3)], tones=[(0, 4), (5, 9)])
    asked = []

    def activity(path):
        asked.append(path)
        return [(0.0, 4.0), (5.0, 9.0)]

    assert cut(file, ClipLengths(longest=6), activity).clips == ((0, 4.5), (4.5, 9), (9, 12))
    assert asked == [file]
    assert cut(file, ClipLengths(longest=20), activity).clips == ((0, 9), (9, 12))
    assert asked == [file]  # nobody listens to a video whose shots are short enough


@pytest.mark.parametrize(
    "how",
    [{"size": (192, 128)}, {"size": (48, 32)}, {"quality": "38"}, {"fps": 25}, {"codec": "mpeg4"}, {"tones": [(0, 1)]}],
)
def test_the_same_frames_are_found_after_re_encoding(tmp_path, how):
    duplicates = Duplicates()
    for number in range(5):
        other = render_scenes(tmp_path / f"{number}.mp4", [(10 * number + seed, length) for seed, length in FILM])
        assert duplicates.add(f"{number}", f"{number}", cut(other)) is None
    again = render_scenes(tmp_path / "again.mkv", [(20 + seed, length) for seed, length in FILM], **how)
    assert duplicates.add("again", "again", cut(again)) == "2"


def test_videos_of_another_length_or_with_other_frames_are_not_the_same(tmp_path):
    duplicates = Duplicates()
    one = cut(render_scenes(tmp_path / "a.mp4", FILM))
    assert duplicates.add("a", "a", one) is None
    longer = cut(render_scenes(tmp_path / "b.mp4", [*FILM, (5, 2)]))
    assert duplicates.add("b", "b", longer) is None
    half = cut(render_scenes(tmp_path / "c.mp4", [*FILM[:2], (7, 1.0), (8, 2.5)]))
    assert duplicates.add("c", "c", half) is None
    assert duplicates.add("d", "a", Shots(99.0, ((0, 99),), ())) == "a"  # the same bytes


def test_frames_without_structure_say_nothing(tmp_path):
    from small_video import write_video

    plain = cut(write_video(tmp_path / "plain.mp4", 6))
    assert set(plain.fingerprint) == {NOTHING}
    duplicates = Duplicates()
    assert duplicates.add("one", "one", plain) is None
    assert duplicates.add("two", "two", plain) is None


def test_a_damaged_fingerprint_is_one_without_structure():
    duplicates = Duplicates()
    for name in ("one", "two"):
        assert duplicates.add(name, name, Shots(4.0, ((0, 4),), ("no hash",) * FRAMES)) is None


def test_a_video_of_ten_hours_is_refused_by_its_header_and_without_one(tmp_path):
    file = render_scenes(tmp_path / "long.mp4", [(seed, 3600) for seed in range(10)], (32, 32), Fraction(1, 60))
    with pytest.raises(InputError, match=r"long\.mp4: long: has at least 36000 s, more than --longest-video 7200"):
        cut(file)
    stream = render_scenes(tmp_path / "raw.h264", [(1, 60)], size=(32, 32))
    with pytest.raises(InputError, match="--longest-video 30"):
        cut(stream, ClipLengths(video=30))


def test_files_that_are_no_videos(tmp_path):
    import av

    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InputError, match=r"sound\.mp4: sound: has no video that can be decoded"):
        cut(sound)
    cut_off = render_scenes(tmp_path / "cut.mkv", FILM)
    cut_off.write_bytes(cut_off.read_bytes()[: cut_off.stat().st_size // 2])
    findings = Findings()
    video = RawVideo("cut", cut_off, "", "en")
    made = ShotStage(ShotSettings(), ClipLengths()).make(video, {}, findings)
    assert Shots.of_json(made.result).duration < 7
    assert "that part is used" in findings.lines[0]


@given(st.lists(st.floats(0.01, 300), min_size=1, max_size=2000))
@settings(max_examples=20)
def test_few_frames_are_kept_of_any_video(lengths):
    hashes, time = FrameHashes(), 0.0
    for number, length in enumerate(lengths):
        if hashes.wants(time):
            hashes.add(time, scene(number % 50, (16, 16)))
        time += length
    assert len(hashes._kept) <= MOST
    assert len(hashes.hashes(0.0, time)) == FRAMES


def test_among_many_videos_the_first_one_that_is_the_same_is_named():
    random = np.random.default_rng(0)
    prints = [tuple(f"{n:016x}" for n in random.integers(1, 1 << 63, FRAMES)) for _ in range(300)]
    duplicates = Duplicates()
    for number, fingerprint in enumerate(prints):
        assert duplicates.add(f"{number}", f"{number}", Shots(30.0, ((0, 30),), fingerprint)) is None
    for number in (0, 63, 64, 299):
        one_bit = tuple(f"{int(text, 16) ^ 1:016x}" for text in prints[number])
        assert duplicates.add("again", f"again {number}", Shots(30.2, ((0, 30.2),), one_bit)) == f"{number}"
        assert duplicates.add("x", f"x {number}", Shots(31.0, ((0, 31),), one_bit)) is None
