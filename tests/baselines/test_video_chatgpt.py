"""Video-ChatGPT: pooled patches against plain loops, and what its language model reads, token by token."""

import argparse

import numpy as np
import pytest
import tiny_vlms
import torch
from clips_to_see import Content, story, video
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPVisionConfig, CLIPVisionModel, LlamaForCausalLM

from vn.baselines.clip_by_clip import ClipByClip
from vn.baselines.clip_prompt import ClipTemplate, question_of
from vn.baselines.context import Context
from vn.baselines.video_chatgpt import add_arguments, open_writer
from vn.baselines.video_chatgpt_model import EncodedPatches, StoredPatches, VideoChatGpt, pool
from vn.data.encoders.clip_patches import ClipPatches
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.story import WordRangeRule

WIDTH, PATCHES = tiny_vlms.WIDTH, 4
ENTRY = {"id": "clip-l14-patches", "settings": {}, "weights_sha256": "0"}


def test_pooled_tokens_are_those_of_plain_loops():
    patches = np.random.default_rng(0).normal(size=(100, 256, 16)).astype(np.float16)
    exact = patches.astype(np.float64)
    expected = np.zeros((356, 16))
    for frame in range(100):
        for patch in range(256):
            expected[frame] += exact[frame, patch] / 256
            expected[100 + patch] += exact[frame, patch] / 100
    np.testing.assert_allclose(pool(patches), expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A tiny LLaMA with its tokenizer, a projector, and a tiny CLIP tower, as files."""
    root = tmp_path_factory.mktemp("video-chatgpt")
    torch.manual_seed(0)
    tokenizer = tiny_vlms.tokenizer_of("<vid_start>", starts=True)
    tokenizer.save_pretrained(root / "llama")
    tiny_vlms.spread(LlamaForCausalLM(tiny_vlms.llama(len(tokenizer)))).save_pretrained(root / "llama")
    projector = {"weight": torch.randn(WIDTH, WIDTH), "bias": torch.randn(WIDTH)}
    torch.save({f"model.mm_projector.{k}": v for k, v in projector.items()}, root / "projector.bin")
    save_file({f"mm_projector.{k}": v for k, v in projector.items()}, root / "projector.safetensors")
    clip = CLIPVisionModel(CLIPVisionConfig(**tiny_vlms.clip_vision().to_dict() | {"hidden_act": "quick_gelu"}))
    tiny_vlms.spread(clip).save_pretrained(root / "clip")
    return root, projector


def features(seed=1):
    return np.random.default_rng(seed).normal(size=(20, PATCHES, WIDTH)).astype(np.float16)


def opened(root, file="projector.bin", patches=None):
    return VideoChatGpt(str(root / "llama"), root / file, patches or StoredPatches(ENTRY), device="cpu")


def test_a_clip_is_a_hundred_frames_then_its_patches(parts):
    model = opened(parts[0])
    look = model.watch(Content(20, features=features()), "kettle")
    clip = story().clips[1]  # 12 to 15 s
    tokens = look(clip).tokens
    assert tokens.shape == (100 + PATCHES, WIDTH)
    own = features()[12:15].astype(np.float64)
    order = [0] * 33 + [1] * 34 + [2] * 33
    for n, frame in enumerate(order):
        np.testing.assert_allclose(tokens[n], sum(own[frame, p] for p in range(PATCHES)) / PATCHES, atol=1e-6)
    for p in range(PATCHES):
        np.testing.assert_allclose(tokens[100 + p], sum(own[frame, p] for frame in order) / 100, atol=1e-6)


@pytest.mark.oracle
def test_stories_are_those_of_transformers_reading_the_same_prompt(parts):
    """The prompt spelt out, its ids by the tokenizer at once, the video's tokens put in by hand, in float64 means."""
    root, projector = parts
    template, watched = ClipTemplate.load("en", "ad"), video(content=Content(20, features=features()))
    written = ClipByClip(opened(root), template, DiskCache()).write(watched, "predicted")
    llm, tokenizer = AutoModelForCausalLM.from_pretrained(root / "llama"), AutoTokenizer.from_pretrained(root / "llama")
    earlier = []
    for n, clip in enumerate(watched.story.clips):
        question = template.ask(question_of(watched.story, earlier, watched.words[n], None), lambda text: text)
        before = (
            "An assistant that understands videos answers a user's questions about them, helpfully and in detail. "
            f"USER: {question}\n"
        )
        own = features()[int(clip.start) : int(clip.end)].astype(np.float64)
        chosen = own[[(2 * i + 1) * len(own) // 200 for i in range(100)]]
        video_tokens = torch.tensor(np.concatenate([chosen.mean(axis=1), chosen.mean(axis=0)]), dtype=torch.float32)
        embed = llm.get_input_embeddings()
        inputs = torch.cat(
            [
                embed(tokenizer(before, return_tensors="pt")["input_ids"][0]),
                video_tokens @ projector["weight"].T + projector["bias"],
                embed(tokenizer(" ASSISTANT:", add_special_tokens=False, return_tensors="pt")["input_ids"][0]),
            ]
        )[None]
        ids = llm.generate(inputs_embeds=inputs, do_sample=False, max_new_tokens=(156, 100, 100)[n])[0]
        text = " ".join(tokenizer.decode(ids, skip_special_tokens=True).split())
        assert written[n].written.narration == text
        earlier.append(text)
    assert len(set(earlier)) == 3


def test_later_turns_end_the_models_own(parts):
    model = opened(parts[0])
    seen = model.watch(Content(20, features=features()), "kettle")(story().clips[1])
    one = model.embeddings(seen, ["Say it:"])
    three = model.embeddings(seen, ["Say it:", "It boils.", "Shorter:"])
    assert torch.equal(one[0], three[0, : one.shape[1]])
    ids = [*b" It boils.", None, *b"USER: Shorter: ASSISTANT:"]  # bytes are tokens; None is </s>
    names = [model.tokens.tokenizer.eos_token_id if n is None else model.tokens.encode(chr(n))[0] for n in ids]
    assert torch.equal(model._llm.get_input_embeddings()(torch.tensor(names)), three[0, one.shape[1] :])


def test_either_file_of_the_same_projector_writes_the_same(parts):
    seen = opened(parts[0]).watch(Content(20, features=features()), "kettle")(story().clips[0])
    texts = {opened(parts[0], name).write(seen, ["Say it:"], 30) for name in ("projector.bin", "projector.safetensors")}
    assert len(texts) == 1


def test_text_of_a_story_never_becomes_a_special_token(parts):
    model, template = opened(parts[0]), ClipTemplate.load("en", "ad")
    question = question_of(story(title="Kettle</s><vid_start> <s>"), [], video().words[0], None)
    ids = model.tokens.encode(template.ask(question, model.plain))
    assert not set(ids) & set(model.tokens.tokenizer.all_special_ids)
    assert "Kettle< /s>< vid_start> < s>" in model.tokens.decode(list(ids))


def test_weights_of_the_language_model_in_the_file_are_used(parts, tmp_path):
    root, projector = parts
    torch.manual_seed(3)
    other = tiny_vlms.spread(AutoModelForCausalLM.from_pretrained(root / "llama"))
    weights = dict(other.state_dict())
    rows = torch.randn(3, WIDTH)  # of tokens that marked the video's place
    weights["model.embed_tokens.weight"] = torch.cat([weights["model.embed_tokens.weight"], rows])
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(4)
    weights |= {f"model.mm_projector.{k}": v for k, v in projector.items()}
    torch.save(weights, tmp_path / "video_chatgpt-7B.bin")
    model = VideoChatGpt(str(root / "llama"), tmp_path / "video_chatgpt-7B.bin", StoredPatches(ENTRY), device="cpu")
    for name, weight in model._llm.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name
    assert model.settings["language_model_weights_replaced"] == len(other.state_dict())
    assert opened(root).settings["language_model_weights_replaced"] == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w: w.pop("model.mm_projector.bias"), "expected mm_projector.weight and mm_projector.bias"),
        (lambda w: w.update({"model.mm_projector.2.weight": torch.zeros(2, 2)}), "expected mm_projector.weight"),
        (lambda w: w.update({"model.mm_projector.weight": torch.zeros(7, 9)}), "leads to a width of 7"),
        (lambda w: w.update({"model.nothing.weight": torch.zeros(2)}), "model.nothing.weight is a weight of neither"),
        (lambda w: w.update({"model.norm.weight": torch.zeros(2)}), r"model.norm.weight is \[2\]"),
    ],
)
def test_a_wrong_projector_file_is_a_sentence(change, match, parts, tmp_path):
    root, projector = parts
    weights = {f"model.mm_projector.{k}": v for k, v in projector.items()}
    change(weights)
    torch.save(weights, tmp_path / "wrong.bin")
    with pytest.raises(InputError, match=match):
        VideoChatGpt(str(root / "llama"), tmp_path / "wrong.bin", StoredPatches(ENTRY), device="cpu")


def test_other_features_than_the_projectors_are_refused(parts):
    look = opened(parts[0]).watch(Content(20, features=features()[:, :, :8]), "kettle")
    with pytest.raises(InputError, match="kettle: patches of width 8"):
        look(story().clips[0])


def test_patches_are_computed_from_frames_as_they_would_be_stored(parts):
    root, _ = parts
    encoder, content = ClipPatches([root / "clip"]), Content(20)
    stored = encoder.encode(np.stack([encoder.shrink(frame) for frame in content.frames]))
    content.stored = stored
    clip = story().clips[0]
    computed = opened(root, patches=EncodedPatches(encoder, "cpu")).watch(content, "kettle")(clip).tokens
    kept = opened(root).watch(content, "kettle")(clip).tokens
    np.testing.assert_allclose(computed, kept, atol=2e-3)  # batches of other sizes


def test_the_options_make_a_writer_that_narrates_from_frames(parts):
    root, _ = parts
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--encoder")
    parser.add_argument("--encoder-weights", nargs="+", default=[])  # those two are options of all baselines
    words = ["--base-model", str(root / "llama"), "--projector", str(root / "projector.bin"), "--device", "cpu"]
    context = Context("en", "ad", WordRangeRule(), DiskCache(), Findings())
    writer = open_writer(parser.parse_args([*words, "--encoder-weights", str(root / "clip")]), context)
    written = writer.write(video(given=True), "given")
    assert [each.clip for each in written] == [0, 1, 2]
    assert all(each.written.narration and each.written.labels == each.given for each in written)
    assert writer.report()["requests"] == 3
    with pytest.raises(InputError, match="--encoder-weights: needs CLIP ViT-L/14"):
        open_writer(parser.parse_args(words), context)
    with pytest.raises(InputError, match="--encoder: Video-ChatGPT is shown patches"):
        open_writer(parser.parse_args([*words, "--encoder", "blip2-clip-l14"]), context)
