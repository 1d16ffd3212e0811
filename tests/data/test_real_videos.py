"""Videos as they come from phones, editors and broken downloads, through ``vn prepare``: right, or refused by name."""

import contextlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from rendered_videos import counting_video, number_of, numbered, render_video

from vn import cli
from vn.data.manifest import Manifest
from vn.data.shards import read_sample, read_thumbs
from vn.errors import Findings, InputError

HERE = Path(__file__).parent
RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)


def halves(left, right, width=64, height=48) -> np.ndarray:
    """A picture of two colours, side by side."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = left, right
    return picture


@pytest.fixture
def prepare(tmp_path, write_stories, colour):
    """Prepares one video; gives what its shard holds: its story, frames ``[F, 2, 3]``, seconds and thumbnails."""

    def run(video: Path, *more: str, clips=({"start": 0, "end": 1},)):
        story = {"id": "v", "video": video.name, **({"clips": list(clips)} if clips else {})}
        folder = write_stories(story, folder=tmp_path / "stories")
        words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(video.parent)]
        code = cli.main([*words, "--val-share", "0", "--out", str(tmp_path / "out"), *more])
        if code:
            return code
        (entry,) = Manifest.load(tmp_path / "out").samples("train")
        shard = tmp_path / "out" / entry.shard
        return *read_sample(shard, entry), read_thumbs(shard, entry)

    return run


def colours(*pairs) -> np.ndarray:
    return np.array(pairs, dtype=np.float64) / 255


def test_variable_frame_rate(tmp_path, prepare):
    """A still of 2.5 s, a burst of frames, a gap: what is on screen at each second counts."""
    times = [0.0, 2.5, 2.54, 2.58, 2.62, 2.66, 2.7, 5.3]
    shown = [(RED, GREEN)] + [(GREY, GREY)] * 5 + [(GREEN, BLUE), (BLUE, RED)]
    path = render_video(tmp_path / "vfr.mp4", [halves(*pair) for pair in shown], times=times)
    _, frames, seconds, _ = prepare(path)
    assert seconds.tolist() == [0, 1, 2, 3, 4, 5]
    expected = colours(*[(RED, GREEN)] * 3, *[(GREEN, BLUE)] * 3)
    assert np.abs(frames - expected).max() < 0.06


@pytest.mark.parametrize(("rotation", "sides"), [(90, (GREEN, GREEN)), (180, (GREEN, RED)), (-90, (RED, RED))])
def test_a_phone_held_upright(tmp_path, prepare, rotation, sides):
    """The display matrix turns the picture: halves side by side become halves on top of each other."""
    path = render_video(tmp_path / "phone.mp4", [halves(RED, GREEN)] * 12, rotation=rotation)
    _, frames, _, thumbs = prepare(path)
    upright = rotation in (90, -90)
    assert (thumbs[0].shape[1] < thumbs[0].shape[0]) == upright
    top = thumbs[0][10, thumbs[0].shape[1] // 4]
    assert np.abs(top.astype(int) - sides[0]).max() < 40
    if not upright:
        assert np.abs(frames[0] - colours(sides)[0]).max() < 0.06


@pytest.mark.parametrize("clips", [({"start": 0, "end": 1},), None], ids=["clips", "shots"])
def test_one_pixel(tmp_path, prepare, clips):
    picture = np.full((1, 1, 3), GREY, np.uint8)
    path = render_video(tmp_path / "pixel.mkv", [picture] * 25, codec="ffv1", pixels="yuv444p")
    story, frames, seconds, thumbs = prepare(path, clips=clips)
    assert seconds.tolist() == [0, 1, 2]
    assert np.abs(frames - 0.5).max() < 0.03
    assert thumbs[0].shape == (96, 96, 3)
    assert story.clips[-1].end == (1 if clips else 2.5)


def test_4k(tmp_path, prepare):
    path = render_video(tmp_path / "4k.mp4", [halves(RED, BLUE, 3840, 2160)] * 3, fps=2)
    _, frames, seconds, thumbs = prepare(path, clips=None)
    assert seconds.tolist() == [0, 1]
    assert np.abs(frames - colours((RED, BLUE))).max() < 0.06
    assert thumbs[0].shape == (96, 171, 3)


@pytest.mark.parametrize(
    ("codec", "suffix", "pixels"),
    [
        ("libx264", ".mp4", "yuv420p10le"),
        ("libx265", ".mp4", "yuv420p10le"),
        ("libsvtav1", ".mkv", "yuv420p10le"),
        ("prores_ks", ".mov", "yuv422p10le"),
        ("ffv1", ".mkv", "yuv444p12le"),
    ],
)
def test_more_than_8_bits(tmp_path, prepare, codec, suffix, pixels):
    try:
        path = render_video(tmp_path / f"deep{suffix}", [halves(RED, GREEN)] * 12, codec=codec, pixels=pixels)
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg writes no {codec} of {pixels} ({error})")
    _, frames, seconds, _ = prepare(path, clips=None)
    assert seconds.tolist() == [0, 1]
    assert np.abs(frames - colours((RED, GREEN))).max() < 0.06


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "ffv1"), (".webm", "libvpx-vp9")])
def test_one_frame(tmp_path, prepare, suffix, codec):
    path = render_video(tmp_path / f"one{suffix}", [halves(RED, GREEN)], codec=codec)
    story, frames, seconds, thumbs = prepare(path, clips=None)
    assert (len(story.clips), seconds.tolist(), len(thumbs)) == (1, [0], 1)
    assert 0 < story.clips[0].duration <= 0.2
    assert np.abs(frames - colours((RED, GREEN))).max() < 0.06


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for start in range(0, 48000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    """The first part of a video of 60 frames that takes many bytes; an mp4's index, at its end, is lost."""
    noise = np.random.default_rng(0)
    pictures = [numbered(number, 128, 96).copy() for number in range(60)]
    for picture in pictures:
        picture[48:] = noise.integers(0, 255, (48, 128, 3))
    render_video(path, pictures)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (audio_only, "talk.mp4", "has no video that can be decoded"),
        (audio_only, "talk.mkv", "has no video that can be decoded"),
        (empty, "empty.mp4", "not a video that can be read"),
        (empty, "empty.mkv", "not a video that can be read"),
        (cut, "cut.mp4", "not a video that can be read"),
        (lambda path: cut(path, 0.001), "stub.mkv", "stub.mkv"),
    ],
)
@pytest.mark.parametrize("clips", [({"start": 0, "end": 1},), None], ids=["clips", "shots"])
def test_what_is_refused(tmp_path, prepare, capfd, make, name, message, clips):
    assert prepare(make(tmp_path / name), clips=clips) == 2
    error = capfd.readouterr().err.strip().splitlines()  # FFmpeg writes to the process's own stderr
    lines = [line for line in error if line and not line.startswith(("videos ", "cannot be used: "))]
    assert len(lines) == 1, error
    assert lines[0].startswith(f"vn prepare: error: {tmp_path / name}: v: ")
    assert message in lines[0]
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_truncated_mkv_is_used_as_far_as_it_goes(tmp_path, prepare, capsys):
    path = cut(tmp_path / "cut.mkv")
    story, _, seconds, thumbs = prepare(path, clips=None)
    assert 2 <= len(seconds) <= 4
    assert [number_of(thumb[:40]) for thumb in thumbs] == [10 * n for n in range(len(thumbs))]
    assert story.clips[-1].end <= 4
    (line,) = Manifest.load(tmp_path / "out").warnings
    assert "cut.mkv: v: can be read up to" in line


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts", ".avi"])
def test_random_damage_is_a_result_or_a_refusal(tmp_path, suffix):
    """Bytes changed anywhere, the header too."""
    from vn.data.shots import find_shots
    from vn.data.video import sample_frames

    codec = "libvpx-vp9" if suffix == ".webm" else "mpeg4" if suffix == ".avi" else "libx264"
    good = counting_video(tmp_path / f"good{suffix}", 30, codec=codec).read_bytes()
    path = tmp_path / f"bad{suffix}"
    dice = np.random.default_rng(0)
    results = 0
    for number in range(40):
        data = bytearray(good)
        for _ in range(dice.choice([1, 3, 30])):
            at = int(dice.integers(len(data)))
            data[at : at + int(dice.choice([1, 4]))] = dice.bytes(int(dice.choice([1, 4, 0])))
        path.write_bytes(data)
        for read in (lambda: [s for s, _ in sample_frames(path, findings=Findings())], lambda: find_shots(path)):
            with contextlib.suppress(InputError):  # anything else fails the test
                assert 1 <= len(read()) < 100, number
                results += 1
    assert results


HOUR = 3600
LOOK = """
import json, re, sys
import colour_encoder
from vn.cli import main
colour_encoder.register()
code = main(json.loads(sys.argv[1]))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())  # getrusage's counts the parent's too
print(json.dumps([code, int(peak[1]) // 1024]))
"""


def test_an_hour_at_a_low_rate(tmp_path):
    """An hour of one picture a second, its shots found: what is kept of a picture is a thumbnail, some 0.1 MB.

    Decoded, its pictures would take 1.3 GB.
    """
    path = tmp_path / "hour.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 400, 300, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        pictures = [halves(*pair, 400, 300) for pair in ((RED, GREEN), (BLUE, BLUE), (GREY, RED), (GREEN, BLUE))]
        frames = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
        for n in range(HOUR):
            frame = frames[n // 60 % 4]
            frame.pts, frame.time_base = n, Fraction(1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    folder = tmp_path / "stories"
    folder.mkdir()
    (folder / "v.json").write_text(json.dumps({"id": "v", "title": "t", "language": "en", "video": path.name}))
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(tmp_path)]
    words += ["--out", str(tmp_path / "out"), "--val-share", "0", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    command = [sys.executable, "-c", LOOK, json.dumps(words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    code, most = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr[-2000:]
    (entry,) = Manifest.load(tmp_path / "out").samples("train")
    story, frames, seconds = read_sample(tmp_path / "out" / entry.shard, entry)
    assert (len(frames), seconds[-1], story.clips[-1].end) == (HOUR, HOUR - 1, HOUR)
    assert [clip.start for clip in story.clips] == list(range(0, HOUR, 60))
    # 520 to 810 MB were seen, by how the threads take turns; with all pictures kept it would be above 1,600.
    assert most < 1000, f"{most} MB"
