"""`clip-l14-cls` with random weights, compared with transformers' CLIP and with CLIP's own preprocessing."""

import numpy as np
import pytest
import torch
from PIL import Image
from rendered_videos import numbered, render_video
from safetensors.torch import save_file

from vn.data.encoders import EncoderSettings, encoder_entry, load_encoder, load_matching_encoder
from vn.data.frames import encode_video
from vn.errors import InputError

SIZES = {"image_size": 28, "patch_size": 7, "projection_dim": 24}
VISION = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 1}


@pytest.fixture(scope="module")
def theirs():
    """transformers' CLIP vision model with its projection, random enough that each weight matters."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION, **SIZES)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory):
    place = tmp_path_factory.mktemp("clip")
    theirs.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder("clip-l14-cls", EncoderSettings(weights=[folder]))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 28, 28, 3)).astype(np.uint8)


def open_clip_names(model):
    """The same weights as a whole CLIP of open_clip has them, with a text tower's beside them."""
    tower = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1.weight": "embeddings.patch_embedding.weight",
        **{f"ln_pre.{x}": f"pre_layrnorm.{x}" for x in ("weight", "bias")},
        **{f"ln_post.{x}": f"post_layernorm.{x}" for x in ("weight", "bias")},
    }
    state = {k.removeprefix("vision_model."): v for k, v in model.state_dict().items()}
    found = {f"visual.{ours}": state[name] for ours, name in tower.items()}
    found["visual.proj"] = state["visual_projection.weight"].T.contiguous()
    for n in range(VISION["num_hidden_layers"]):
        at, into = f"encoder.layers.{n}.", f"visual.transformer.resblocks.{n}."
        for x in ("weight", "bias"):
            found[f"{into}attn.in_proj_{x}"] = torch.cat([state[f"{at}self_attn.{y}_proj.{x}"] for y in "qkv"])
            for ours, name in (
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{into}{ours}.{x}"] = state[f"{at}{name}.{x}"]
    text = {"positional_embedding": torch.zeros(7, 9), "transformer.resblocks.0.ln_1.weight": torch.zeros(9)}
    return {**text, "logit_scale": torch.tensor(4.6), **found}


@pytest.mark.oracle
def test_the_vector_is_transformers_image_embedding(theirs, encoder, pictures):
    mean = np.array((0.48145466, 0.4578275, 0.40821073))
    std = np.array((0.26862954, 0.26130258, 0.27577711))
    inputs = torch.tensor((pictures / 255 - mean) / std).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        wanted = theirs(pixel_values=inputs).image_embeds
    assert wanted.std() > 0.1
    torch.testing.assert_close(encoder.forward(pictures), wanted, rtol=1e-4, atol=1e-5)
    features = encoder.encode(pictures)
    assert features.shape == (3, encoder.tokens, encoder.width) == (3, 1, 24)
    assert features.dtype == np.float16


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(90, 50), (50, 90), (28, 28), (719, 1279), (31, 30), (20, 9)])
def test_frames_are_prepared_as_clip_does(encoder, shape):
    """open_clip's own preprocessing, which is OpenAI's: the same bytes before the normalisation."""
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    picture = np.random.default_rng(1).integers(0, 255, (*shape, 3)).astype(np.uint8)
    theirs = Compose([Resize(28, InterpolationMode.BICUBIC), CenterCrop(28)])(Image.fromarray(picture))
    np.testing.assert_array_equal(encoder.shrink(picture), np.asarray(theirs))


def test_layouts_of_open_clip_and_transformers_are_one(theirs, encoder, pictures, tmp_path):
    whole = open_clip_names(theirs)
    torch.save(whole, tmp_path / "clip.pt")
    save_file({k: v.contiguous() for k, v in whole.items()}, tmp_path / "clip.safetensors")
    torch.save({k: v.half() for k, v in whole.items()}, tmp_path / "half.pt")
    for name in ("clip.pt", "clip.safetensors"):
        other = load_encoder("clip-l14-cls", EncoderSettings(weights=[tmp_path / name]))
        np.testing.assert_array_equal(other.encode(pictures), encoder.encode(pictures))
        assert other.weights_sha256 == encoder.weights_sha256
    half = load_encoder("clip-l14-cls", EncoderSettings(weights=[tmp_path / "half.pt"]))
    np.testing.assert_allclose(half.encode(pictures), encoder.encode(pictures), atol=0.02)


@pytest.mark.parametrize(("dtype", "bound"), [("float16", 3e-3), ("bfloat16", 3e-2)])
def test_half_precision_is_near(encoder, folder, pictures, dtype, bound):
    half = load_encoder("clip-l14-cls", EncoderSettings(weights=[folder], dtype=dtype))
    exact = encoder.forward(pictures)
    assert 0 < (half.forward(pictures) - exact).norm() / exact.norm() < bound


def test_a_video_becomes_one_token_per_frame(encoder, folder, tmp_path):
    video = render_video(tmp_path / "v.mp4", [numbered(n, 64, 48) for n in range(30)])
    features = encode_video(video, load_encoder("clip-l14-cls", EncoderSettings(weights=[folder], fps=4.0)))
    assert features.features.shape == (12, 1, 24)
    assert len(encode_video(video, encoder).seconds) == 3
    entry = encoder_entry(encoder)
    assert entry["settings"] == {"size": 28, "fit": "crop", "dtype": "float32", "fps": 1.0}
    assert encoder_entry(load_matching_encoder(entry, 1, 24, [folder])) == entry


@pytest.mark.filterwarnings("ignore:.*TorchScript archive")
def test_missing_and_damaged_weights_are_named(theirs, tmp_path):
    with pytest.raises(InputError, match="'clip-l14-cls' needs its weights"):
        load_encoder("clip-l14-cls")
    whole = open_clip_names(theirs)

    def error(**changes):
        torch.save({k: v for k, v in {**whole, **changes}.items() if v is not None}, tmp_path / "w.pt")
        with pytest.raises(InputError) as caught:
            load_encoder("clip-l14-cls", EncoderSettings(weights=[tmp_path / "w.pt"]))
        return str(caught.value)

    assert "no weights of proj in" in error(**{"visual.proj": None})
    assert "no weights of ln_post.bias in" in error(**{"visual.ln_post.bias": None})
    assert "expected a norm and a projection of 64" in error(**{"visual.proj": torch.zeros(63, 24)})
    lost = "visual.transformer.resblocks.1.ln_1.bias"
    assert "missing or unexpected weights of the trunk" in error(**{lost: None})
    scripted = torch.jit.script(torch.nn.Linear(2, 2))
    scripted.save(tmp_path / "ViT-L-14.pt")
    with pytest.raises(InputError, match=r"ViT-L-14\.pt: .*a TorchScript program is not run; take the same weights as"):
        load_encoder("clip-l14-cls", EncoderSettings(weights=[tmp_path / "ViT-L-14.pt"]))
