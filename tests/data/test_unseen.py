"""Skipping frames that are not sampled: exactly the same frames as when decoding all of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendered_videos import counting_video

from vn.data import video
from vn.data.unseen import UnexpectedFrames
from vn.data.video import VideoReader, sample_frames
from vn.errors import Findings, InputError

REFERENCES = {"bf": "3", "g": "40", "crf": "30", "preset": "fast"}  # three B-frames in a row, one of them referred to


def moving(number: int) -> np.ndarray:
    """A picture that differs from its neighbours everywhere, in noise that moves."""
    noise = np.random.default_rng(7).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    return np.roll(noise, (number, 2 * number), axis=(0, 1))


def render(path: Path, count: int, fps: int = 25, times=None, options=None, rotation: int = 0, **x264) -> Path:
    with av.open(str(path), "w", options={"fflags": "bitexact", **(options or {})}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = REFERENCES | {name: str(value) for name, value in x264.items()}
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(moving(number), format="rgb24")
            frame.pts = round(1000 * (number / fps if times is None else times[number]))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def whole(path: Path, fps: float, findings: Findings):
    """`sample_frames` without leaving anything out."""

    def all_frames(reader, fps, leave_out):
        return original(reader, fps, leave_out=False)

    original = video._on_screen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "_on_screen", all_frames)
        return list(sample_frames(path, fps, findings))


def same_as_whole(path: Path, fps: float = 1.0, told: bool = True) -> None:
    """Compare pictures; with `told`, what is said of damage too."""
    found, expected = Findings(), Findings()
    ours, theirs = list(sample_frames(path, fps, found)), whole(path, fps, expected)
    assert [second for second, _ in ours] == [second for second, _ in theirs]
    for (_, one), (second, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=f"at {second} s")
    assert not told or found.lines == expected.lines


def left_out(path: Path, fps: float = 1.0) -> float:
    """The share of frames that are not decoded."""
    every = sum(1 for _ in VideoReader(path).frames())
    return 1 - sum(1 for _ in VideoReader(path).frames((fps, 0.02))) / every


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mov", ".flv"])
@pytest.mark.parametrize("fps", [1, 2.5, 30])
def test_the_same_pictures_in_every_container(tmp_path, suffix, fps):
    path = render(tmp_path / f"v{suffix}", 90)
    same_as_whole(path, fps)
    assert left_out(path, 1) > 0.3


@pytest.mark.parametrize(
    "x264",
    [
        {"bf": 16, "b-pyramid": "none"},
        {"bf": 8, "b-pyramid": "normal", "b_strategy": 0},
        {"x264-params": "open-gop=1:keyint=12:bframes=4:b-adapt=0"},
        {"x264-params": "intra-refresh=1:keyint=20"},
        {"x264-params": "ref=16:bframes=5"},
        {"x264-params": "slices=4"},
        {"x264-params": "weightb=1:direct=temporal:bframes=3"},
        {"bf": 0},
        {"preset": "ultrafast"},
        {"g": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_the_same_pictures_of_every_structure(tmp_path, x264, suffix):
    same_as_whole(render(tmp_path / f"v{suffix}", 80, **x264))


@pytest.mark.parametrize("flags", ["interlaced=1", "tff=1"])
def test_interlaced_videos_are_decoded_whole(tmp_path, flags):
    path = render(tmp_path / "v.mkv", 60, **{"x264-params": flags})
    same_as_whole(path)
    with pytest.raises(UnexpectedFrames):
        list(VideoReader(path).frames((1, 0.02)))


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_videos(tmp_path, rotation):
    same_as_whole(render(tmp_path / "v.mp4", 60, rotation=rotation))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(gaps=st.lists(st.integers(1, 900), min_size=1, max_size=40), start=st.integers(0, 3000))
def test_variable_frame_rate(tmp_path, gaps, start):
    """In steps of a millisecond, so that some frames lie within the tolerance of a sampled time."""
    times = np.cumsum([start, *gaps]) / 1000
    same_as_whole(render(tmp_path / "v.mkv", len(times), times=times))


@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9", "mpeg4"])
def test_other_codecs_are_decoded_whole(tmp_path, codec):
    try:
        path = counting_video(tmp_path / "v.mkv", 30, codec=codec)
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg writes no {codec} ({error})")
    same_as_whole(path)


@pytest.fixture
def one_thread(monkeypatch):
    """How FFmpeg patches up damage, and whether it tells, depends on how its threads meet."""
    monkeypatch.setattr(video, "processors_each", lambda: 1)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
def test_cut_videos(tmp_path, suffix):
    """Cut at many places; an mp4 has its index first. Where a frame that nobody sees is cut in two, nothing is told."""
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    data = render(tmp_path / f"whole{suffix}", 80, options=options).read_bytes()
    path = tmp_path / f"cut{suffix}"
    for share in np.linspace(0.3, 0.99, 12):
        path.write_bytes(data[: int(len(data) * share)])
        same_as_whole(path, told=suffix != ".ts")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
def test_damaged_videos(tmp_path, suffix):
    """Bytes changed anywhere: the same pictures (but for what few damages patch up otherwise), or the same refusal."""
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    good = render(tmp_path / f"good{suffix}", 80, options=options).read_bytes()
    path, dice = tmp_path / f"bad{suffix}", np.random.default_rng(3)
    read = other = 0
    for _ in range(30):
        data = bytearray(good)
        for _ in range(dice.choice([1, 3, 20])):
            at = int(dice.integers(len(data)))
            data[at : at + int(dice.choice([1, 4]))] = dice.bytes(int(dice.choice([1, 4])))
        path.write_bytes(data)
        refusal = ""
        try:
            whole(path, 1.0, Findings())
        except InputError as error:
            refusal = str(error)
        if refusal:
            with pytest.raises(InputError) as ours:
                list(sample_frames(path))
            assert str(ours.value) == refusal
        else:
            ours, theirs = list(sample_frames(path)), whole(path, 1.0, Findings())
            assert [second for second, _ in ours] == [second for second, _ in theirs]
            other += any((one != two).any() for (_, one), (_, two) in zip(ours, theirs, strict=True))
            read += 1
    assert read > 5
    assert other <= 2, "one in 250 was counted"


def test_the_real_clip(real_data):
    same_as_whole(real_data / "real_clip_10s.mp4", 3)
