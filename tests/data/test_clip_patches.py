"""`clip-l14-patches` with random weights given as files, compared with transformers' own tower."""

import numpy as np
import pytest
import torch
from blip2_weights import TINY, lavis_weights
from PIL import Image
from safetensors.torch import save_file
from small_video import write_video
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPVisionConfig, CLIPVisionModel

from vn.data.encoders import EncoderSettings, check_encoder, encoder_entry, load_encoder
from vn.data.encoders.clip_patches import ClipPatches
from vn.data.frames import encode_video
from vn.errors import InputError

VISION = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 1,
    "image_size": 16,
    "patch_size": 4,
    "hidden_act": "quick_gelu",
}


def frames(count=5):
    return np.random.default_rng(0).integers(0, 255, (count, 16, 16, 3)).astype(np.uint8)


def towers(tmp_path, seed=0):
    """The same random tower as CLIP's vision model, and in a whole CLIP, each as a folder."""
    torch.manual_seed(seed)
    text = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
    whole = CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8))
    with torch.no_grad():
        for weight in whole.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    vision = CLIPVisionModel(CLIPVisionConfig(**VISION))
    own = whole.state_dict()
    vision.load_state_dict({name: own[name if name in own else f"vision_model.{name}"] for name in vision.state_dict()})
    whole.save_pretrained(tmp_path / "whole")
    vision.save_pretrained(tmp_path / "vision")
    return vision.eval(), [tmp_path / "whole", tmp_path / "vision"]


@pytest.mark.oracle
def test_patches_are_those_of_transformers_penultimate_layer(tmp_path):
    vision, folders = towers(tmp_path)
    pixels = CLIPImageProcessor(do_center_crop=False, do_resize=False)(
        [Image.fromarray(frame) for frame in frames()], return_tensors="pt"
    )["pixel_values"]
    with torch.no_grad():
        states = vision(pixel_values=pixels, output_hidden_states=True).hidden_states
    assert len(states) == 4  # the embeddings, then three layers
    expected = states[-2][:, 1:].numpy()  # no class token, no last norm
    for folder in folders:
        encoder = ClipPatches([folder])
        assert (encoder.tokens, encoder.width) == (16, 64)
        found = encoder.encode(np.stack([encoder.shrink(frame) for frame in frames()]))
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
        assert np.abs(states[-1][:, 1:].numpy() - expected).max() > 0.1  # another layer would be seen


def test_any_layout_of_the_same_weights_is_the_same_encoder(tmp_path):
    _, folders = towers(tmp_path)
    one, two = (ClipPatches([folder]) for folder in folders)
    check_encoder(encoder_entry(one), two, 16, 64)
    trunk, _ = lavis_weights(**TINY)
    torch.save(trunk, tmp_path / "lavis.pth")
    save_file({f"visual.{name}": weight for name, weight in trunk.items()}, tmp_path / "open_clip.safetensors")
    same = {ClipPatches([tmp_path / name]).weights_sha256 for name in ("lavis.pth", "open_clip.safetensors")}
    assert len(same) == 1
    assert same != {one.weights_sha256}


def test_it_is_registered_and_encodes_videos(tmp_path):
    _, folders = towers(tmp_path)
    encoder = load_encoder("clip-l14-patches", EncoderSettings(weights=[folders[0]]))
    found = encode_video(write_video(tmp_path / "a.mp4", 3), encoder)
    assert found.features.shape == (3, 16, 64)
    assert encoder.settings["block"] == 2
    with pytest.raises(InputError, match="needs its weights"):
        load_encoder("clip-l14-patches")
    with pytest.raises(InputError, match="has no block to choose"):
        load_encoder("clip-l14-patches", EncoderSettings(weights=[folders[0]], block=1))


def test_a_lost_weight_is_named(tmp_path):
    trunk, _ = lavis_weights(**TINY)
    del trunk["transformer.resblocks.1.ln_1.weight"]
    torch.save(trunk, tmp_path / "lost.pth")
    with pytest.raises(InputError, match="ln_1"):
        ClipPatches([tmp_path / "lost.pth"])
    torch.save({"other.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="no weights of the trunk"):
        ClipPatches([tmp_path / "other.pth"])
