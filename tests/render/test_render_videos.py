"""Videos of every kind become films in which voice, frames and subtitles are in time."""

import os
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from played import RATE, TEXTS, heard, level, make_video, onset, shown_at, write_story

from vn.data.video import probe
from vn.errors import InputError

EARLY = tuple(n / 10 for n in range(60))
CLIPS = ((1.5, 3.0), (3.0, 4.5), (4.5, 5.9))
CASES = Path(os.environ.get("VN_REAL_DATA", "/nowhere/data")).parent / "cases" / "videos"
FFMPEG = os.environ.get("VN_FFMPEG") or shutil.which("ffmpeg")

KINDS = {
    "no_sound.mp4": {},
    "sound.mp4": {"sound": (0.0, 6.0)},
    "sound.mov": {"sound": (0.0, 6.0)},
    "sound.mkv": {"sound": (0.0, 6.0), "audio_codec": "flac"},
    "sound.ts": {"sound": (0.0, 6.0)},
    "short_sound.mp4": {"sound": (0.0, 2.5)},
    "late_sound.mp4": {"sound": (2.0, 4.0)},
    "surround.mkv": {"sound": (0.0, 6.0), "layout": "5.1", "audio_codec": "ac3", "audio_rate": 48_000},
    "slow_sound.mkv": {"sound": (0.0, 6.0), "audio_codec": "pcm_s16le", "audio_rate": 8_000},
    "opus.mkv": {"sound": (0.0, 6.0), "audio_codec": "libopus", "audio_rate": 48_000},
    "uneven.mp4": {"times": tuple(np.cumsum([0.0, *([0.02, 0.3, 0.1] * 14)]).round(3).tolist())},
    "b_frames.mkv": {"options": {"bf": "2"}, "sound": (0.0, 6.0), "audio_codec": "pcm_s16le"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "vp9.webm": {"codec": "libvpx-vp9", "sound": (0.0, 6.0), "audio_codec": "libopus", "audio_rate": 48_000},
    "old.avi": {"codec": "mpeg4", "options": {"bf": "2"}, "times": tuple(n / 25 for n in range(150))},
    "late_frames.mp4": {"times": tuple(1.5 + n / 10 for n in range(45)), "sound": (0.0, 6.0)},
    "late_frames.mkv": {"times": tuple(1.5 + n / 10 for n in range(45)), "sound": (0.0, 6.0)},
}
ENCODED = {
    "vp8.webm": {"codec": "libvpx", "sound": (0.0, 6.0), "audio_codec": "libopus", "audio_rate": 48_000},
    "flash.flv": {"codec": "flv", "sound": (0.0, 6.0)},
    "media.wmv": {"codec": "wmv2"},
}


def check_times(film, report):
    """The voice starts within 10 ms of the plan, every frame where it was, and subtitles with the voice."""
    sound = heard(film)
    assert [c["text"] for c in report["clips"]] == list(TEXTS)
    for clip in report["clips"]:
        assert onset(sound, clip["voice_start"]) == pytest.approx(clip["voice_start"], abs=0.01)
    with av.open(str(film)) as container:
        (track,) = container.streams.subtitles
        assert track.metadata["language"] == "eng"
        packets = [p for p in container.demux(track) if p.size > 2]
    assert [float(p.pts * p.time_base) for p in packets] == pytest.approx(
        [c["voice_start"] for c in report["clips"]], abs=0.002
    )
    assert [bytes(p)[2:].decode() for p in packets] == list(TEXTS)


@pytest.mark.parametrize("name", KINDS)
def test_packets_are_copied_and_all_is_in_time(tmp_path, render, name):
    video = make_video(tmp_path / name, **{"times": EARLY, **KINDS[name]})
    done = render(write_story(tmp_path / "story", video, CLIPS))
    film = tmp_path / "story" / "story.mp4"
    assert done.report["streams"] == {"video": "copied"}
    assert done.report["sound"]["loudness"]["integrated"] == pytest.approx(-16, abs=0.5)
    assert done.report["sound"]["loudness"]["true_peak"] <= -1
    assert shown_at(film) == pytest.approx(shown_at(video), abs=0.002)
    check_times(film, done.report)
    with av.open(str(film)) as container, av.open(str(video)) as source:
        assert container.streams.video[0].codec_context.name == source.streams.video[0].codec_context.name
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize("name", ENCODED)
def test_what_cannot_go_into_mp4_is_encoded_and_named(tmp_path, render, name):
    video = make_video(tmp_path / name, **{"times": EARLY, **ENCODED[name]})
    done = render(write_story(tmp_path / "story", video, CLIPS))
    film = tmp_path / "story" / "story.mp4"
    assert done.report["streams"]["video"] == "encoded"
    assert done.report["streams"]["why"]
    assert shown_at(film) == pytest.approx(shown_at(video), abs=0.002)
    check_times(film, done.report)


def test_a_turned_video_stays_turned(tmp_path, render):
    video = make_video(tmp_path / "v.mov", rotation=90, sound=(0, 6))
    assert (probe(video).width, probe(video).height) == (48, 64)
    done = render(write_story(tmp_path / "story", video))
    film = tmp_path / "story" / "story.mp4"
    assert done.report["streams"] == {"video": "copied"}
    assert (done.report["width"], done.report["height"]) == (48, 64)
    assert (probe(film).width, probe(film).height) == (48, 64)
    check_times(film, done.report)


def test_sound_that_is_longer_than_the_frames_is_kept_with_a_warning(tmp_path, render):
    video = make_video(tmp_path / "v.mp4", sound=(0, 9))
    done = render(write_story(tmp_path / "story", video))
    assert len(heard(tmp_path / "story" / "story.mp4")) == pytest.approx(9 * RATE, abs=0.05 * RATE)
    assert "goes on after the last frame" in " ".join(done.report["warnings"])


def test_the_sound_of_a_late_track_stays_where_it_was(tmp_path, render):
    video = make_video(tmp_path / "v.mp4", sound=(2.0, 4.0), hum=0.3)
    render(write_story(tmp_path / "story", video, texts=(None, None, "Eight.")))
    sound = heard(tmp_path / "story" / "story.mp4")
    assert level(sound, 110, 0.2, 1.9) < level(sound, 110, 2.1, 3.5) - 40
    hum = np.flatnonzero(np.abs(sound) > np.abs(sound[: 4 * RATE]).max() / 3)[0] / RATE
    assert hum == pytest.approx(2.0, abs=0.03)


def test_a_video_that_cannot_be_read_is_named(tmp_path, render):
    (tmp_path / "v.mp4").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a video that can be read"):
        render(write_story(tmp_path / "story", tmp_path / "v.mp4"))


def test_frames_that_change_their_size(tmp_path, render):
    parts = [make_video(tmp_path / f"{n}.ts", size=size) for n, size in enumerate(((64, 48), (48, 64)))]
    video = tmp_path / "v.ts"
    with av.open(str(video), "w") as container:
        target, shift = None, 0.0
        for part in parts:
            with av.open(str(part)) as source:
                own = source.streams.video[0]
                target = target or container.add_stream_from_template(own)
                for packet in source.demux(own):
                    if packet.size:
                        packet.pts += round((shift - own.start_time * own.time_base) / packet.time_base)
                        packet.dts += round((shift - own.start_time * own.time_base) / packet.time_base)
                        packet.stream = target
                        container.mux(packet)
            shift += 6.0
    done = render(write_story(tmp_path / "story", video, ((0, 4), (4, 8), (8, 12))))
    assert done.report["streams"] == {"video": "encoded", "why": "its frames change their size"}
    film = tmp_path / "story" / "story.mp4"
    assert len(shown_at(film)) == len(shown_at(video)) == 120
    check_times(film, done.report)


@pytest.mark.parametrize("name", ["video_starts_late.mp4", "size_changes.ts", "phone_portrait.MOV", "black_1s.mp4"])
def test_files_that_failed_once(tmp_path, render, name):
    if not (CASES / name).is_file():
        pytest.skip("needs VN_REAL_DATA, and cases/videos beside it")
    frames = shown_at(CASES / name)
    third = (frames[-1] - frames[0]) / 3
    clips = [(frames[0] + n * third, frames[0] + (n + 1) * third) for n in range(3)]
    done = render(write_story(tmp_path / "story", CASES / name, clips))
    assert shown_at(tmp_path / "story" / "story.mp4") == pytest.approx(frames, abs=0.002)
    check_times(tmp_path / "story" / "story.mp4", done.report)


@pytest.mark.skipif(FFMPEG is None, reason="needs the ffmpeg program (VN_FFMPEG, or on the path)")
@pytest.mark.parametrize("name", ["sound.mp4", "late_frames.mkv", "late_sound.mp4", "uneven.mp4"])
def test_another_program_hears_the_voice_in_time(tmp_path, render, name):
    video = make_video(tmp_path / name, **{"times": EARLY, **KINDS[name]})
    done = render(write_story(tmp_path / "story", video, CLIPS))
    film = str(tmp_path / "story" / "story.mp4")
    command = [FFMPEG, "-v", "error", "-i", film, "-map", "0:a", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    sound = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, np.float32)
    for clip in done.report["clips"]:
        assert onset(sound, clip["voice_start"]) == pytest.approx(clip["voice_start"], abs=0.04)
    found = subprocess.run([FFMPEG, "-v", "warning", "-i", film, "-f", "null", "-"], capture_output=True, timeout=60)
    assert found.stderr == b""
