"""Sampling: the frame on screen at each second, whatever the file is like."""

import os
import re
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendered_videos import counting_video, number_of, numbered, render_video

from vn.data.video import VideoReader, probe, sample_frames
from vn.errors import Findings, InputError


def sampled(path: Path, fps: float = 1.0, findings: Findings | None = None) -> list[tuple[float, int]]:
    return [(second, number_of(picture)) for second, picture in sample_frames(path, fps, findings)]


def test_takes_the_frame_on_screen_at_each_second(tmp_path):
    path = counting_video(tmp_path / "v.mp4", 35, fps=10)
    findings = Findings()
    assert sampled(path, findings=findings) == [(0, 0), (1, 10), (2, 20), (3, 30)]
    assert sampled(path, fps=2)[:4] == [(0, 0), (0.5, 5), (1, 10), (1.5, 15)]
    assert not findings


def test_ends_with_the_video(tmp_path):
    assert [s for s, _ in sampled(counting_video(tmp_path / "a.mp4", 30, fps=10))] == [0, 1, 2]
    assert [s for s, _ in sampled(counting_video(tmp_path / "b.mp4", 31, fps=10))] == [0, 1, 2, 3]


def test_probe_tells_what_is_shown(tmp_path):
    info = probe(counting_video(tmp_path / "v.mp4", 30, width=64, height=48, rotation=90))
    assert (info.width, info.height, round(info.fps), info.duration) == (48, 64, 10, pytest.approx(3.0, abs=0.05))


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c"])
def test_colours_that_cannot_be_converted(tmp_path, matrix):
    """A colour space that FFmpeg's scaler does not have: pictures come, and a warning that colours are guessed."""
    path = counting_video(tmp_path / "v.mp4", 25, x264=f"colormatrix={matrix}")
    findings = Findings()
    assert sampled(path, findings=findings) == [(0, 0), (1, 10), (2, 20)]
    assert findings.lines == [f"{path}: has a colour space that cannot be converted; the default was used"]
    assert probe(path).width == 64


def test_a_picture_that_cannot_be_converted_at_all(tmp_path):
    reader = VideoReader(counting_video(tmp_path / "v.mp4", 5))
    with pytest.raises(InputError, match=r"v\.mp4: a frame cannot be converted \(Operation not supported\)"):
        reader.picture(av.VideoFrame(64, 48, "gray32le"))


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("libvpx-vp9", ".webm"), ("libx264", ".ts")])
def test_codecs_and_containers(tmp_path, codec, suffix):
    # MPEG-TS starts its clock at 1.4 s; the video's time still begins at 0.
    path = counting_video(tmp_path / f"v{suffix}", 25, codec=codec)
    assert sampled(path) == [(0, 0), (1, 10), (2, 20)]


def test_time_stamps_that_start_late(tmp_path):
    times = [7 + n / 10 for n in range(25)]
    path = counting_video(tmp_path / "v.mkv", 25, times=times)
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time > 0
    assert sampled(path) == [(0, 0), (1, 10), (2, 20)]


def on_screen(times: list[float], second: float) -> int:
    """The plain definition: the last frame shown by then, or the first one."""
    return max([number for number, time in enumerate(times) if time <= second + 0.02], default=0)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(gaps=st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_variable_frame_rate(tmp_path, gaps):
    # In steps of 50 ms, which is more than the tolerance.
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + gap * 0.05)
    path = counting_video(tmp_path / "vfr.mkv", len(times), times=times)
    got = sampled(path)
    assert [s for s, _ in got] == list(range(len(got)))
    assert [n for _, n in got] == [on_screen(times, s) for s, _ in got]
    assert len(got) >= np.floor(times[-1]) + 1


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turns_pictures_as_the_display_matrix_says(tmp_path, rotation, mirrored):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = (255, 0, 0)  # red, at the top left
    picture[:24, 32:] = (0, 255, 0)
    path = render_video(tmp_path / "v.mp4", [picture] * 3, rotation=rotation, mirrored=mirrored)
    expected = np.rot90(picture, rotation // 90)  # both count against the clock
    expected = expected[:, ::-1] if mirrored else expected
    ((_, shown),) = sample_frames(path)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 12


@pytest.mark.parametrize(("width", "height"), [(65, 47), (33, 99), (2, 2)])
def test_odd_sizes(tmp_path, width, height):
    path = counting_video(tmp_path / "v.mkv", 12, width=width, height=height, pixels="yuv444p")
    pictures = [picture for _, picture in sample_frames(path)]
    assert [p.shape for p in pictures] == [(height, width, 3)] * 2


def test_less_than_a_second_gives_one_frame(tmp_path):
    assert sampled(counting_video(tmp_path / "v.mp4", 4)) == [(0, 0)]
    assert sampled(counting_video(tmp_path / "one.mp4", 1)) == [(0, 0)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_sound_changes_nothing(tmp_path, suffix, seconds):
    findings = Findings()
    path = counting_video(tmp_path / f"v{suffix}", 20, audio=seconds)
    assert sampled(path, findings=findings) == [(0, 0), (1, 10)]
    assert not findings.lines


def noisy_pictures(count: int) -> list[np.ndarray]:
    """Pictures that take many bytes, so that damage to a file hits pictures."""
    noise = np.random.default_rng(0)
    pictures = [numbered(number, 128, 96).copy() for number in range(count)]
    for picture in pictures:
        picture[48:] = noise.integers(0, 255, (48, 128, 3))
    return pictures


@pytest.mark.parametrize(("suffix", "audio"), [(".mp4", 0), (".mp4", 6), (".mkv", 0), (".mkv", 6)])
def test_a_truncated_file_is_used_as_far_as_it_goes(tmp_path, suffix, audio):
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    whole = render_video(tmp_path / f"whole{suffix}", noisy_pictures(60), audio=audio, options=options).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    findings = Findings()
    got = [second for second, _ in sample_frames(path, findings=findings, sample="story")]
    assert got == list(range(len(got)))
    assert 3 <= len(got) <= 4
    assert len(findings) == 1
    assert f"cut{suffix}: story: can be read up to 3." in findings.lines[0]
    assert re.search(r"of 6\.\d s; that part is used$", findings.lines[0])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_damage_in_the_middle_is_told(tmp_path, suffix):
    path = render_video(tmp_path / f"v{suffix}", noisy_pictures(60))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(data)
    findings = Findings()
    assert [second for second, _ in sample_frames(path, findings=findings)] == list(range(6))
    assert findings.lines == [f"{path}: damaged; what can be read is used"]


def test_the_index_at_the_end_of_a_cut_file_is_lost(tmp_path):
    path = counting_video(tmp_path / "v.mp4", 30)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match=r"v\.mp4: .*not a video that can be read"):
        sampled(path)


@pytest.mark.parametrize("content", [b"", b"This is a text.\n" * 50, os.urandom(5000)])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "talk.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"talk\.mp4: .*(video|frame)"):
        list(sample_frames(path))


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="has no video"):
        list(sample_frames(path))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.mp4: s1: no such video"):
        list(sample_frames(tmp_path / "none.mp4", sample="s1"))
    with pytest.raises(InputError, match="is not a file"):
        probe(tmp_path)


def test_a_protocol_in_a_name_is_a_name(tmp_path, monkeypatch):
    counting_video(tmp_path / "v.mp4", 12)
    (tmp_path / "concat:x.mp4").write_bytes((tmp_path / "v.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert sampled(Path("concat:x.mp4")) == [(0, 0), (1, 10)]


def test_the_real_clip(real_data):
    seconds = [s for s, _ in sample_frames(real_data / "real_clip_10s.mp4")]
    assert seconds == list(range(10))
