"""Frame encoders: what they return, that it does not depend on the rest of the batch, and what they refuse."""

import colorsys
import importlib
from pathlib import Path

import numpy as np
import pytest
from rendered_videos import counting_video, render_video

from vn.data.encoders import EncoderSettings, check_encoder, encoder_entry, load_encoder, load_matching_encoder
from vn.data.frames import encode_video, join
from vn.errors import Findings, InputError


def load(encoder, sample):
    return join(sample, encoder, encoder.batches(sample, None, Findings()))


class TestStoredFeatures:
    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        """Features of the video ``a_1`` (5 frames) and of ``a`` (2 frames), 4 tokens x 6."""
        random = np.random.default_rng(0)
        for name, count in (("a_1", 5), ("a", 2)):
            for number in range(1, count + 1):
                array = random.standard_normal((4, 6)).astype(np.float32)
                np.save(tmp_path / f"{name}_{number:03d}.jpg.npy", array)
        return tmp_path

    def test_frame_j_is_at_second_j_minus_1(self, folder):
        encoder = load_encoder("features", EncoderSettings(features=folder))
        assert (encoder.tokens, encoder.width, encoder.standardise, encoder.similarity_threshold) == (4, 6, False, 0.9)
        frames = load(encoder, "a_1")
        assert frames.features.dtype == np.float16
        assert frames.thumbs is None
        np.testing.assert_array_equal(frames.seconds, [0, 1, 2, 3, 4])
        for number in range(5):
            stored = np.load(folder / f"a_1_{number + 1:03d}.jpg.npy")
            np.testing.assert_array_equal(frames.features[number], stored.astype(np.float16))
        assert len(load(encoder, "a").features) == 2

    def test_more_than_999_frames(self, tmp_path):
        for number in range(1, 1003):
            np.save(tmp_path / f"v_{number:03d}.jpg.npy", np.full((1, 1), number, np.float16))
        features = load(load_encoder("features", EncoderSettings(features=tmp_path)), "v").features
        np.testing.assert_array_equal(features.ravel(), np.arange(1, 1003))

    @pytest.mark.parametrize(
        ("number", "content", "message"),
        [
            (3, None, r"a_1_003\.jpg\.npy: frame 003 of 005 is missing"),
            (3, np.zeros((4, 5), np.float32), r"a_1_003\.jpg\.npy: a_1: expected the shape \[4, 6\], got \[4, 5\]"),
            (5, np.zeros((1, 4, 6), np.float32), r"a_1_005\.jpg\.npy: a_1: expected the shape"),
            (2, np.full((4, 6), np.nan, np.float32), r"a_1_002\.jpg\.npy: a_1: token 0: nan is not a finite"),
            (2, np.full((4, 6), -np.inf, np.float16), r"a_1_002\.jpg\.npy: a_1: token 0: -inf is not a finite"),
            (2, np.full((4, 6), 1e9, np.float32), r"token 0: 1000000000\.0 is not a finite 16-bit number"),
            (4, np.zeros((4, 6), np.int64), r"a_1_004\.jpg\.npy: expected an array of floats, got int64"),
            (4, b"not an array", r"a_1_004\.jpg\.npy: not a NumPy array"),
            (4, b"", r"a_1_004\.jpg\.npy: not a NumPy array"),
        ],
    )
    def test_bad_files_are_named(self, folder, number, content, message):
        file = folder / f"a_1_{number:03d}.jpg.npy"
        file.unlink()
        if isinstance(content, bytes):
            file.write_bytes(content)
        elif content is not None:
            np.save(file, content)
        with pytest.raises(InputError, match=message):
            load(load_encoder("features", EncoderSettings(features=folder)), "a_1")

    def test_pickles_are_refused(self, folder):
        np.save(folder / "a_1_003.jpg.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(InputError, match="allow_pickle"):
            load(load_encoder("features", EncoderSettings(features=folder)), "a_1")

    def test_videos_without_features(self, folder):
        with pytest.raises(InputError, match="b: no features b_001"):
            load(load_encoder("features", EncoderSettings(features=folder)), "b")
        (folder / "a_000.jpg.npy").write_bytes((folder / "a_001.jpg.npy").read_bytes())
        with pytest.raises(InputError, match="frames are numbered from 001"):
            load(load_encoder("features", EncoderSettings(features=folder)), "a")

    def test_stories_of_one_video_share_its_features(self, folder):
        """``a_1`` has its own; ``a_2`` and ``a_3`` are told about the video ``a``."""
        encoder = load_encoder(
            "features", EncoderSettings(features=folder, groups={"a_1": "a", "a_2": "a", "a_3": "a"})
        )
        assert [len(load(encoder, name).features) for name in ("a_1", "a_2", "a_3")] == [5, 2, 2]
        np.testing.assert_array_equal(load(encoder, "a_2").features, load(encoder, "a").features)
        assert encoder.fingerprint("a_2", None) == encoder.fingerprint("a", None) != encoder.fingerprint("a_1", None)
        (folder / "a_002.jpg.npy").rename(folder / "a_003.jpg.npy")
        with pytest.raises(InputError, match=r"a_2: a_002\.jpg\.npy: frame 002 of 003 is missing"):
            load(load_encoder("features", EncoderSettings(features=folder, groups={"a_2": "a"})), "a_2")

    def test_neither_the_story_nor_its_video_has_features(self, folder):
        encoder = load_encoder("features", EncoderSettings(features=folder, groups={"v_1": "v"}))
        with pytest.raises(InputError, match=r"v_1: no features v_1_001\.jpg\.npy or v_001\.jpg\.npy and following"):
            load(encoder, "v_1")

    def test_folders_without_features(self, tmp_path):
        with pytest.raises(InputError, match="No such file"):
            load_encoder("features", EncoderSettings(features=tmp_path / "none"))
        with pytest.raises(InputError, match="no features named"):
            load_encoder("features", EncoderSettings(features=tmp_path))
        with pytest.raises(InputError, match="needs the folder"):
            load_encoder("features")


class TestRegistry:
    def test_unknown_names(self):
        with pytest.raises(InputError, match=r"no frame encoder 'efficientnet'.*did you mean 'efficientnet-lite0'"):
            load_encoder("efficientnet")
        with pytest.raises(InputError, match="fps: expected frames per second above 0"):
            load_encoder("efficientnet-lite0", EncoderSettings(fps=0))

    def test_the_encoder_of_a_manifest_is_found_again(self, colour):
        entry = encoder_entry(load_encoder("colour", EncoderSettings(fps=2)))
        again = load_matching_encoder(entry, 2, 3)
        assert encoder_entry(again) == entry

    def test_wrong_encoders_are_refused(self, colour):
        entry = encoder_entry(colour)
        check_encoder(entry, colour, 2, 3)
        with pytest.raises(InputError, match=r"encoder: made for frames of 32 x 768, but colour gives 2 x 3"):
            check_encoder(entry, colour, 32, 768)
        with pytest.raises(InputError, match=r"encoder\.weights_sha256: made with 'ff'"):
            load_matching_encoder({**entry, "weights_sha256": "ff"}, 2, 3)
        with pytest.raises(InputError, match=r"encoder\.settings: made with {'size': 9"):
            load_matching_encoder({**entry, "settings": {"size": 9, "fps": 1.0}}, 2, 3)
        with pytest.raises(InputError, match=r"encoder\.id: .*stored features; a raw video needs"):
            load_matching_encoder({**entry, "id": "features"}, 2, 3)


class TestPictures:
    def test_a_video_is_encoded_frame_by_frame(self, colour, tmp_path):
        path = counting_video(tmp_path / "v.mp4", 95)  # more than two batches
        frames = encode_video(path, colour)
        assert frames.features.shape == (10, 2, 3)
        np.testing.assert_array_equal(frames.seconds, np.arange(10))
        assert [t.shape for t in frames.thumbs] == [(96, 128, 3)] * 10
        assert encode_video(path, load_encoder("colour", EncoderSettings(fps=2))).features.shape == (19, 2, 3)

    def test_what_is_not_finite_is_refused(self, colour, tmp_path, monkeypatch):
        def broken(inputs):
            return np.where(np.arange(len(inputs))[:, None, None] == 2, np.nan, np.ones((len(inputs), 2, 3)))

        monkeypatch.setattr(colour, "encode", broken)
        with pytest.raises(InputError, match="v: frame 2: colour gave a feature that is not finite"):
            encode_video(counting_video(tmp_path / "v.mp4", 60), colour)

    def test_stored_features_see_no_videos(self, tmp_path):
        np.save(tmp_path / "a_001.jpg.npy", np.zeros((2, 2), np.float32))
        with pytest.raises(InputError, match="cannot encode videos"):
            encode_video(tmp_path / "v.mp4", load_encoder("features", EncoderSettings(features=tmp_path)))

    def test_fingerprints_tell_videos_apart(self, colour, tmp_path):
        path = tmp_path / "v.mp4"
        seen = {colour.fingerprint("v", None), colour.fingerprint("v", path)}
        for content in (b"a" * 10_000, b"a" * 9_999 + b"b", b"b" + b"a" * 9_999, b"a" * 9_999, b"a", b""):
            path.write_bytes(content)
            seen.add(colour.fingerprint("v", path))
            assert colour.fingerprint("v", path) == colour.fingerprint("other", path)
        assert len(seen) == 8


def scene(random: np.random.Generator, colour: tuple[int, int, int], shift: int = 0) -> np.ndarray:
    """A textured thing before a grey background."""
    picture = np.full((180, 320, 3), 200, np.uint8)
    thing = np.clip(np.array(colour) + random.integers(-40, 40, (12, 12, 1)), 0, 255).astype(np.uint8)
    picture[40:136, 60 + shift : 156 + shift] = thing.repeat(8, axis=0).repeat(8, axis=1)
    return picture


@pytest.fixture(scope="module", params=["efficientnet-lite0@1", "efficientnet-lite0@2"])
def encoder(request):
    return load_encoder(request.param)


@pytest.fixture(params=["first_features", "lite_features"])
def hue_histogram(request):
    return importlib.import_module(f"vn.data.encoders.{request.param}").hue_histogram


class TestEfficientNet:
    def test_shape_and_determinism(self, encoder):
        random = np.random.default_rng(0)
        pictures = np.stack([encoder.shrink(random.integers(0, 255, (90, 50, 3)).astype(np.uint8)) for _ in range(5)])
        features = encoder.encode(pictures)
        assert features.shape == (5, encoder.tokens, encoder.width) == (5, 8, 1334)
        assert features.dtype == np.float16
        np.testing.assert_array_equal(features, encoder.encode(pictures))
        # Another batch size takes another path through the kernels; it may cost the last bits, no more.
        alone = np.concatenate([encoder.encode(pictures[i : i + 1]) for i in range(5)])
        np.testing.assert_allclose(alone.astype(float), features.astype(float), atol=0.02, rtol=0.01)

    def test_the_number_of_threads_changes_nothing(self, encoder):
        import torch

        pictures = np.random.default_rng(2).integers(0, 255, (8, 160, 160, 3)).astype(np.uint8)
        before, found = torch.get_num_threads(), []
        try:
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                found.append(encoder.encode(pictures))
                assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])

    def test_the_histogram_names_the_hue(self, hue_histogram):
        import torch

        from vn.data.encoders.lite_settings import HUES

        for number in range(HUES):
            rgb = colorsys.hsv_to_rgb(number / HUES, 0.75, 0.8)
            picture = torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 8, 8).clone()
            picture[..., 4:] = 0.5  # the right half is grey
            left, right = hue_histogram(picture, (1, 2))[0, :, 0].unbind(dim=1)
            expected = torch.zeros(HUES)
            expected[number] = 0.75 * 0.8
            torch.testing.assert_close(left, torch.cat([expected, torch.tensor([0.75, 0.8])]), atol=1e-5, rtol=0)
            torch.testing.assert_close(right, torch.cat([torch.zeros(HUES), torch.tensor([0.0, 0.5])]))

    def test_bins_add_up_to_the_chroma(self, hue_histogram):
        import torch

        from vn.data.encoders.lite_settings import HUES

        pictures = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        histogram = hue_histogram(pictures, (1, 1))[:, :, 0, 0]
        chroma = pictures.amax(1) - pictures.amin(1)
        torch.testing.assert_close(histogram[:, :HUES].sum(1), chroma.mean((1, 2)))

    def test_the_threshold_parts_camera_motion_from_other_scenes(self, encoder):
        random = np.random.default_rng(0)
        colours = [(200, 60, 60), (60, 160, 70), (70, 80, 200), (220, 200, 60), (150, 60, 180), (60, 190, 200)]
        pictures = []
        for number, colour in enumerate(colours):
            texture = np.random.default_rng(number)
            state = texture.bit_generator.state
            for shift in (0, 4):
                texture.bit_generator.state = state
                pictures.append(encoder.shrink(scene(texture, colour, shift + 12 * number)))
        pictures += [encoder.shrink(scene(random, tuple(random.integers(0, 255, 3)))) for _ in range(20)]
        features = encoder.encode(np.stack(pictures)).astype(np.float64)
        flat = features.reshape(-1, encoder.width)
        means = ((features - flat.mean(0)) / np.maximum(flat.std(0), 1e-2)).mean(axis=1)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        moved = [means[2 * n] @ means[2 * n + 1] for n in range(len(colours))]
        other = [means[2 * n] @ means[2 * n + 2] for n in range(len(colours) - 1)]
        assert np.median(moved) > encoder.similarity_threshold > max(other)

    def test_a_video_gives_the_same_features_every_time(self, encoder, tmp_path):
        random = np.random.default_rng(3)
        path = render_video(tmp_path / "v.mp4", [scene(random, (200, 80, 60), n) for n in range(30)])
        first, second = encode_video(path, encoder), encode_video(path, encoder)
        np.testing.assert_array_equal(first.features, second.features)

    def test_the_real_clip(self, encoder, real_data):
        frames = encode_video(real_data / "real_clip_10s.mp4", encoder)
        assert frames.features.shape == (10, 8, 1334)
        assert np.isfinite(frames.features).all()
