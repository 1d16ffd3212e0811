"""Times are those that a player shows, wherever a file's audio and video streams start."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from rendered_videos import counting_video, number_of, render_video
from test_shots import COLOURS, shot
from test_unseen import render, same_as_whole

from vn import cli
from vn.data.manifest import Manifest
from vn.data.shards import read_sample, read_seconds
from vn.data.shots import find_shots
from vn.data.video import VideoReader, probe, sample_frames
from vn.errors import Findings


def sampled(path: Path, fps: float = 1.0) -> list[tuple[float, int]]:
    findings = Findings()
    found = [(second, number_of(picture)) for second, picture in sample_frames(path, fps, findings)]
    assert not findings.lines
    return found


def span(path: Path) -> tuple[float, float]:
    """Where the first shot begins and the last one ends."""
    shots = find_shots(path)
    return shots[0][0], shots[-1][1]


def late(path: Path, start: float, frames: int = 25, sound: float = 0.0, **how) -> Path:
    """A video at 10 frames a second whose first picture comes at `start`; with seconds of sound from 0 on."""
    return counting_video(path, frames, times=[start + n / 10 for n in range(frames)], audio=sound, **how)


def with_sound_from(path: Path, start: float, pictures_from: float = 0.0) -> Path:
    """25 pictures, and two seconds of sound that starts at `start`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {"bf": "0"}
        sound = container.add_stream("pcm_s16le" if path.suffix == ".mkv" else "aac", rate=16000)
        for n in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * n, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * (pictures_from + n / 10)), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for at in range(0, 32000, 1024):
            form = "s16" if path.suffix == ".mkv" else "fltp"
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.int16 if form == "s16" else np.float32), format=form, layout="mono"
            )
            frame.sample_rate, frame.pts = 16000, round(start * 16000) + at
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".3gp"])
def test_pictures_that_come_after_the_sound(tmp_path, suffix):
    path = late(tmp_path / f"v{suffix}", 3.0, sound=6.0)
    assert sampled(path) == [(3, 0), (4, 10), (5, 20)]
    assert sampled(path, fps=2)[:3] == [(3, 0), (3.5, 5), (4, 10)]
    assert span(path) == (3.0, 5.5)
    assert probe(path).duration == pytest.approx(5.5 if suffix != ".mkv" else 6.0, abs=0.1)


@pytest.mark.parametrize("suffix", [".ts", ".flv", ".m2ts"])
def test_formats_that_add_the_delay_of_the_sound_codec(tmp_path, suffix):
    """The sound starts 64 ms before its first sample there: so much later than it all pictures are."""
    path = late(tmp_path / f"v{suffix}", 3.0, sound=6.0)
    assert sampled(path) == [(4, 9), (5, 19)]
    assert span(path) == (pytest.approx(3.064, abs=0.002), pytest.approx(5.564, abs=0.002))


def test_between_two_seconds(tmp_path):
    assert sampled(late(tmp_path / "v.mp4", 0.5, sound=4.0)) == [(1, 5), (2, 15)]
    assert sampled(late(tmp_path / "w.mp4", 3.4, frames=4, sound=6.0)) == [(3.7, 3)]  # the last frame, when it comes


def test_a_first_picture_that_is_a_little_late_counts_from_0(tmp_path):
    path = late(tmp_path / "v.mp4", 0.1, sound=3.0)
    assert sampled(path) == [(0, 0), (1, 9), (2, 19)]
    assert span(path) == (0.0, 2.6)


@pytest.mark.parametrize("start", [0.0, 1.4, 7.0, 36000.0])
@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4"])
def test_a_file_whose_time_stamps_start_anywhere_starts_at_0(tmp_path, suffix, start):
    path = late(tmp_path / f"v{suffix}", start)
    assert sampled(path) == [(0, 0), (1, 10), (2, 20)]
    assert span(path) == (0.0, 2.5)


def test_a_recording_of_hours_ago_with_sound_first(tmp_path):
    path = with_sound_from(tmp_path / "v.ts", 36000.0, pictures_from=36001.5)
    seconds = [second for second, _ in sample_frames(path)]
    assert seconds == [2, 3, 4]
    assert span(path)[0] == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_sound_that_comes_after_the_pictures_changes_nothing(tmp_path, suffix):
    path = with_sound_from(tmp_path / f"v{suffix}", 4.0)
    findings = Findings()
    assert [second for second, _ in sample_frames(path, findings=findings)] == [0, 1, 2]
    assert span(path) == (0.0, 2.5)
    assert not findings.lines


def test_pictures_so_late_that_no_header_says_it(tmp_path):
    """FFmpeg looks at the first seconds of a file only, where there is sound alone."""
    path = late(tmp_path / "v.mkv", 40.0, sound=43.0)
    assert sampled(path) == [(40, 0), (41, 10), (42, 20)]


def test_b_frames_and_time_stamps_below_0(tmp_path):
    path = render(tmp_path / "v.mkv", 60, times=[n / 25 - 0.08 for n in range(60)], options={"avoid_negative_ts": "0"})
    with av.open(str(path)) as container:
        assert container.start_time is not None
    assert [second for second, _ in sample_frames(path)] == [0, 1, 2]
    assert span(path)[0] == 0.0


@pytest.mark.parametrize("start", [0.08, 0.9, 3.3])
def test_leaving_frames_out_changes_no_picture_of_a_late_video(tmp_path, start):
    silent = render(tmp_path / "silent.mkv", 90, times=[start + n / 25 for n in range(90)])
    path = tmp_path / "v.mkv"
    with av.open(str(silent)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        for packet in [*sound.encode(frame), *sound.encode()]:
            container.mux(packet)
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    assert VideoReader(path)._zero == 0
    for fps in (1, 5):
        same_as_whole(path, fps)


def test_a_windows_media_file_with_longer_sound_is_whole(tmp_path):
    assert sampled(counting_video(tmp_path / "v.wmv", 25, codec="wmv2", audio=8.0))[0] == (0, 0)
    assert [s for s, _ in sampled(late(tmp_path / "w.wmv", 3.0, codec="wmv2", sound=6.0))][-1] == 5


def test_prepared_data_have_these_times(tmp_path, write_stories, colour):
    pictures = shot(COLOURS[0], 20) + shot(COLOURS[1], 20)
    render_video(tmp_path / "v.mp4", pictures, times=[3 + n / 10 for n in range(40)], audio=7.0)
    story = {"id": "clips", "video": "v.mp4", "clips": [{"start": 3, "end": 5}, {"start": 5, "end": 7}]}
    folder = write_stories({"id": "shots", "video": "v.mp4"}, story, folder=tmp_path / "s")
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(tmp_path)]
    assert cli.main([*words, "--val-share", "0", "--out", str(tmp_path / "out")]) == 0
    manifest = Manifest.load(tmp_path / "out")
    assert manifest.warnings == []
    for entry in manifest.samples("train"):
        shard = tmp_path / "out" / entry.shard
        story, frames, seconds = read_sample(shard, entry)
        assert [(clip.start, clip.end) for clip in story.clips] == [(3, 5), (5, 7)]
        assert seconds.tolist() == read_seconds(shard, entry).tolist() == [3, 4, 5, 6]
        # Red first, then blue: the frames of a clip are those that are on screen in it.
        reds, blues = frames.astype(float).mean(axis=1)[:, 0], frames.astype(float).mean(axis=1)[:, 2]
        assert (reds > blues).tolist() == [True, True, False, False]
    assert json.loads((folder / "clips.json").read_text())["clips"][0]["start"] == 3


def test_the_page_shows_the_pictures_of_each_clip(tmp_path, write_stories, colour):
    from vn.compare.pictures import pictures

    shown = shot(COLOURS[0], 20) + shot(COLOURS[1], 20)
    render_video(tmp_path / "v.mp4", shown, times=[3 + n / 10 for n in range(40)], audio=7.0)
    folder = write_stories(
        {"id": "v", "clips": [{"start": 3, "end": 5}, {"start": 5, "end": 7}]}, folder=tmp_path / "s"
    )
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(tmp_path)]
    assert cli.main([*words, "--val-share", "0", "--out", str(tmp_path / "out")]) == 0
    (entry,) = Manifest.load(tmp_path / "out").samples("train")
    story, _, _ = read_sample(tmp_path / "out" / entry.shard, entry)
    found, note = pictures([story], tmp_path / "out")
    assert note is None
    first, second = found["v"]
    assert len(first) == len(second) == 2
    assert not set(first) & set(second), "no picture is in both clips"
