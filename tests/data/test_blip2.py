"""`blip2-clip-l14` with random weights given as files, compared with transformers' own towers; other encoders."""

import numpy as np
import pytest
import torch
from blip2_weights import TINY, lavis_weights, transformers_weights, write_files
from PIL import Image
from rendered_videos import render_video
from safetensors.torch import save_file

from vn.data.encoders import EncoderSettings, encoder_entry, load_encoder, load_matching_encoder
from vn.data.frames import encode_video
from vn.errors import InputError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("blip2"))


@pytest.fixture(scope="module")
def encoder(files):
    return load_encoder("blip2-clip-l14", EncoderSettings(weights=files, block=2))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3)).astype(np.uint8)


def test_the_trunk_is_transformers_clip(encoder, pictures):
    """The Q-Former sees what transformers' CLIP has after the same block, in BLIP-2's norm."""
    from transformers import Blip2QFormerConfig, Blip2QFormerModel, CLIPVisionConfig, CLIPVisionModel

    trunk, blip = lavis_weights(**TINY)
    theirs = transformers_weights(trunk, blip)
    vision = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=1,
            image_size=16,
            patch_size=4,
        )
    ).eval()
    own = {k: v for k, v in theirs.items() if k.startswith("vision_model.")}
    known = vision.state_dict()
    stripped = {k if k in known else k.removeprefix("vision_model."): v for k, v in own.items()}
    missing, unexpected = vision.load_state_dict(stripped, strict=False)
    assert not unexpected
    assert not [name for name in missing if "position_ids" not in name]
    mean = np.array((0.48145466, 0.4578275, 0.40821073))
    std = np.array((0.26862954, 0.26130258, 0.27577711))
    inputs = torch.tensor((pictures / 255 - mean) / std).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        seen = vision(pixel_values=inputs, output_hidden_states=True).hidden_states[2]
        seen = torch.nn.functional.layer_norm(seen, (64,), blip["ln_vision.weight"], blip["ln_vision.bias"], 1e-5)
        qformer = Blip2QFormerModel(
            Blip2QFormerConfig(
                hidden_size=64, num_hidden_layers=4, num_attention_heads=1, intermediate_size=96, encoder_hidden_size=64
            )
        ).eval()
        qformer.load_state_dict(
            {k.removeprefix("qformer."): v for k, v in theirs.items() if k.startswith("qformer.")}, strict=False
        )
        wanted = qformer(query_embeds=blip["query_tokens"].expand(3, -1, -1), encoder_hidden_states=seen)
    torch.testing.assert_close(
        encoder.forward(encoder.prepare(pictures)), wanted.last_hidden_state, rtol=1e-4, atol=1e-5
    )


def test_layouts_of_lavis_open_clip_and_transformers_are_one(encoder, files, pictures, tmp_path):
    trunk, blip = lavis_weights(**TINY)
    save_file({k: v.contiguous() for k, v in transformers_weights(trunk, blip).items()}, tmp_path / "hf.safetensors")
    torch.save({f"visual.{k}": v for k, v in trunk.items()}, tmp_path / "open_clip.pt")
    whole = {"model": {**{f"visual_encoder.{k}": v for k, v in trunk.items()}, **blip}}
    torch.save(whole, tmp_path / "whole.pth")
    others = [[tmp_path / "hf.safetensors"], [tmp_path / "open_clip.pt", files[1]], [tmp_path / "whole.pth"]]
    for weights in others:
        other = load_encoder("blip2-clip-l14", EncoderSettings(weights=weights, block=2))
        np.testing.assert_array_equal(other.encode(pictures), encoder.encode(pictures))
        assert other.weights_sha256 == encoder.weights_sha256


def test_shapes_settings_and_blocks(encoder, files, pictures):
    assert (encoder.tokens, encoder.width) == (5, 64)
    assert encoder.encode(pictures).dtype == np.float16
    assert encoder.settings == {"size": 16, "fit": "squash", "block": 2, "dtype": "float32", "fps": 1.0}
    other = load_encoder("blip2-clip-l14", EncoderSettings(weights=files, block=1))
    assert np.abs(other.encode(pictures).astype(float) - encoder.encode(pictures)).max() > 0.01
    entry = encoder_entry(encoder)
    assert encoder_entry(load_matching_encoder(entry, 5, 64, files)) == entry
    with pytest.raises(InputError, match=r"encoder\.weights_sha256: made with"):
        load_matching_encoder({**entry, "weights_sha256": "ff"}, 5, 64, files)


@pytest.mark.parametrize(("dtype", "bound"), [("float16", 1e-3), ("bfloat16", 1e-2)])
def test_half_precision_is_near(encoder, files, pictures, dtype, bound):
    half = load_encoder("blip2-clip-l14", EncoderSettings(weights=files, block=2, dtype=dtype))
    exact = encoder.forward(encoder.prepare(pictures))
    off = half.forward(half.prepare(pictures)) - exact
    assert 0 < off.norm() / exact.norm() < bound


def test_pictures_are_squashed_as_lavis_does(encoder):
    from torchvision.transforms.functional import InterpolationMode, resize

    picture = np.random.default_rng(1).integers(0, 255, (90, 50, 3)).astype(np.uint8)
    theirs = resize(Image.fromarray(picture), [16, 16], InterpolationMode.BICUBIC)
    np.testing.assert_array_equal(encoder.shrink(picture), np.asarray(theirs))


def test_there_are_no_features_without_weights(files, tmp_path):
    for name in ("blip2-clip-l14", "lavis", "open-clip:ViT-B-32", "chinese-clip"):
        with pytest.raises(InputError, match=rf"the frame encoder '{name}' needs its weights"):
            load_encoder(name)
    with pytest.raises(InputError, match="no weights of the ln_vision"):
        load_encoder("blip2-clip-l14", EncoderSettings(weights=files[:1]))
    with pytest.raises(InputError, match="expected a block from 1 to 3, got 23"):
        load_encoder("blip2-clip-l14", EncoderSettings(weights=files))
    with pytest.raises(InputError, match="No such file"):
        load_encoder("blip2-clip-l14", EncoderSettings(weights=[tmp_path / "none.pth"]))
    trunk, blip = lavis_weights(**TINY)
    del trunk["transformer.resblocks.1.ln_1.bias"]
    torch.save({**{f"visual.{k}": v for k, v in trunk.items()}, **blip}, tmp_path / "lost.pt")
    with pytest.raises(InputError, match=r"missing or unexpected weights of the trunk: .*resblocks\.1\.ln_1\.bias"):
        load_encoder("blip2-clip-l14", EncoderSettings(weights=[tmp_path / "lost.pt"], block=2))
    with pytest.raises(InputError, match="does not take weights"):
        load_encoder("efficientnet-lite0", EncoderSettings(weights=files))
    with pytest.raises(InputError, match="has no block to choose"):
        load_encoder("efficientnet-lite0", EncoderSettings(block=3))


class TestOtherTowers:
    def test_open_clip(self, tmp_path, pictures):
        import open_clip

        torch.manual_seed(0)
        clip = open_clip.create_model("ViT-S-32-alt")
        torch.save(clip.state_dict(), tmp_path / "clip.pt")
        encoder = load_encoder("open-clip:ViT-S-32-alt", EncoderSettings(weights=[tmp_path / "clip.pt"]))
        picture = encoder.shrink(np.random.default_rng(0).integers(0, 255, (90, 50, 3)).astype(np.uint8))
        features = encoder.encode(np.stack([picture, picture[::-1]]))
        assert features.shape == (2, encoder.tokens, encoder.width) == (2, 16, 384)
        assert np.abs(features[0].astype(float) - features[1]).max() > 1e-3
        assert encoder_entry(encoder)["id"] == "open-clip:ViT-S-32-alt"
        with pytest.raises(InputError, match=r"open_clip has no model 'ViT-S-33-alt' .did you mean 'ViT-S-32-alt'"):
            load_encoder("open-clip:ViT-S-33-alt", EncoderSettings(weights=[tmp_path / "clip.pt"]))
        (tmp_path / "clip.pt").write_bytes(b"nothing")
        with pytest.raises(InputError, match="not weights of ViT-S-32-alt"):
            load_encoder("open-clip:ViT-S-32-alt", EncoderSettings(weights=[tmp_path / "clip.pt"]))

    def test_chinese_clip(self, tmp_path):
        from transformers import ChineseCLIPConfig, ChineseCLIPModel

        torch.manual_seed(0)
        tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = ChineseCLIPConfig(
            vision_config={**tower, "image_size": 32, "patch_size": 4},
            text_config={**tower, "vocab_size": 40},
            projection_dim=16,
        )
        ChineseCLIPModel(config).save_pretrained(tmp_path / "cn")
        encoder = load_encoder("chinese-clip", EncoderSettings(weights=[tmp_path / "cn"]))
        assert (encoder.tokens, encoder.width, encoder.settings["size"]) == (16, 32, 32)
        path = render_video(tmp_path / "v.mp4", [np.full((64, 96, 3), 9 * n, np.uint8) for n in range(25)])
        frames = encode_video(path, encoder)
        assert frames.features.shape[1:] == (16, 32)
        assert np.isfinite(frames.features).all()
        with pytest.raises(InputError, match="expected the folder of a Chinese-CLIP model"):
            load_encoder("chinese-clip", EncoderSettings(weights=[tmp_path / "none"]))
