"""Clips joined into one video: their times, frames in the first one's size, and sound."""

from pathlib import Path

import av
import numpy as np
import pytest
from small_video import write_video

from vn.data.demo_mark import MARK, is_demo_video
from vn.data.video import VideoReader, probe
from vn.errors import Findings, InputError
from vn.narrate.joined import join
from vn.render.original import RATE, OriginalSound


def write(file, width, height, seconds, colour, tone=False, rate=10, pixel=1):
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = pixel
        sound = container.add_stream("aac", rate=RATE, layout="stereo") if tone else None
        for _ in range(rate * seconds):
            frame = np.full((height, width, 3), colour, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
        if sound is not None:
            wave = np.sin(np.arange(RATE * seconds) / 20).astype(np.float32) * 0.5
            samples = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
            samples.rate, samples.pts = RATE, 0
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
    return file


def test_clips_of_other_sizes_are_fitted_and_follow_each_other(tmp_path):
    files = [
        write(tmp_path / "a.mp4", 64, 48, 2, (200, 30, 30), tone=True),
        write(tmp_path / "b.mp4", 32, 64, 3, (30, 200, 30), rate=5),
        write(tmp_path / "c.mp4", 64, 48, 1, (30, 30, 200), tone=True),
    ]
    findings = Findings()
    joined = join(files, tmp_path / "out.mp4", findings)
    assert joined.starts == pytest.approx((0, 2, 5, 6), abs=0.05)
    assert (joined.other_sizes, joined.silent) == (1, 1)
    assert "b.mp4" in findings.summary()
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height) == (64, 48)
    reader = VideoReader(tmp_path / "out.mp4")
    middle = {}
    for time, frame in reader.frames():
        rgb = reader.picture(frame)
        middle[round(time, 1)] = rgb[24, 32].argmax()
        if abs(time - 3.0) < 0.01:
            assert rgb[24, 2].max() < 40  # a bar beside the upright clip
    assert (middle[1.0], middle[3.0], middle[5.5]) == (0, 1, 2)
    sound = np.concatenate(list(OriginalSound(tmp_path / "out.mp4").blocks()), axis=1)
    loud = [float(np.abs(sound[0, round(t * RATE) : round((t + 0.5) * RATE)]).mean()) for t in (0.7, 3.2, 5.3)]
    assert loud[0] > 0.1 > 0.01 > loud[1]
    assert loud[2] > 0.1


def test_clips_without_sound_make_a_video_without(tmp_path):
    files = [write_video(tmp_path / "a.mp4", 2), write_video(tmp_path / "b.mp4", 1)]
    joined = join(files, tmp_path / "out.mp4", Findings())
    assert joined.starts == pytest.approx((0, 2, 3), abs=0.05)
    assert not OriginalSound(tmp_path / "out.mp4").exists


def test_a_clip_that_cannot_be_read_leaves_no_video(tmp_path):
    write_video(tmp_path / "a.mp4", 1)
    (tmp_path / "b.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"b\.mp4: not a video"):
        join([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4", Findings())
    assert not (tmp_path / "out.mp4").exists()


def test_the_demo_s_mark_is_kept_if_all_clips_have_it(tmp_path):
    plain = write_video(tmp_path / "plain.mp4", 1)
    marked = []
    for name in ("a", "b"):
        marked.append(tmp_path / f"{name}.mp4")
        with av.open(str(plain)) as source, av.open(str(marked[-1]), "w", format="mp4") as target:
            target.metadata["comment"] = MARK
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    for files, expected in ((marked, True), ([marked[0], plain], False)):
        join(files, tmp_path / "out.mp4", Findings())
        assert is_demo_video(tmp_path / "out.mp4") is expected


def test_the_video_ends_when_a_last_clip_of_few_frames_does(tmp_path):
    """Players and ``vn render`` go by the header."""
    files = [
        write(tmp_path / "a.mp4", 64, 48, 2, (200, 30, 30), rate=30),
        write(tmp_path / "b.mp4", 64, 48, 4, (30, 200, 30), rate=1),
    ]
    for order in (files, files[::-1]):
        joined = join(order, tmp_path / "out.mp4", Findings())
        assert joined.starts[-1] == pytest.approx(6, abs=0.05)
        reader = VideoReader(tmp_path / "out.mp4")
        assert reader.duration == pytest.approx(joined.starts[-1], abs=0.05)
        list(reader.frames())
        assert reader.end == pytest.approx(joined.starts[-1], abs=0.05)


def test_names_with_a_colon_and_metadata_of_any_bytes_are_read(tmp_path, monkeypatch):
    """FFmpeg takes a name before a colon as a protocol."""
    plain = write_video(tmp_path / "plain.mp4", 1)
    with av.open(str(plain)) as source, av.open(str(tmp_path / "a.mp4"), "w", format="mp4") as target:
        target.metadata["comment"] = "abcdef"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    (tmp_path / "ad:v.mp4").write_bytes((tmp_path / "a.mp4").read_bytes().replace(b"abcdef", b"ab\xe9\xff\xfe\xe9"))
    monkeypatch.chdir(tmp_path)
    joined = join([Path("ad:v.mp4"), Path("plain.mp4")], Path("out.mp4"), Findings())
    assert joined.starts == pytest.approx((0, 1, 2), abs=0.05)


def test_pixels_that_are_not_square_keep_their_shape(tmp_path):
    """A clip of 64 x 48 pixels, each twice as wide as high, is shown as 128 x 48."""
    square = write(tmp_path / "square.mp4", 64, 48, 1, (200, 200, 200))
    wide = write(tmp_path / "wide.mp4", 64, 48, 1, (200, 200, 200), pixel=2)
    for first, second, bars in ((square, wide, "above"), (wide, square, "beside")):
        joined = join([first, second], tmp_path / "out.mp4", Findings())
        assert joined.other_sizes == 1
        reader = VideoReader(tmp_path / "out.mp4")
        assert reader.pixel == (2 if first is wide else 1)
        rgb = next(reader.picture(frame) for time, frame in reader.frames() if time > 1.5)
        assert (rgb[4, 32].max() < 40) == (bars == "above")
        assert (rgb[24, 4].max() < 40) == (bars == "beside")
        assert rgb[24, 32].min() > 150


def test_the_file_states_how_its_colours_are_stored(tmp_path):
    """A player takes those of a large video for BT.709 unless it says otherwise."""
    file = write(tmp_path / "a.mp4", 64, 48, 1, (30, 200, 30))
    join([file, file], tmp_path / "out.mp4", Findings())
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (int(context.colorspace), int(context.color_range)) == (5, 1)
