"""``vn baseline video-chat`` and ``video-chatgpt``, as a user runs them, on shards with thumbnails."""

import io
import json
import tarfile

import numpy as np
import pytest
import tiny_vlms
import torch
import yaml
from by_hand import by_hand
from chat_server import ChatServer, last_question
from made_up import D, write_data
from PIL import Image
from small_video import write_video
from transformers import LlamaForCausalLM

from vn.baselines.clip_prompt import ClipTemplate, question_of
from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.shards import read_story
from vn.score.predictions import HAN, gather, read_lines
from vn.story import WordRangeRule

SEED = 7  # a story of four clips, one of which is not narrated
MADE = {"llava": tiny_vlms.make_llava, "video_llava": tiny_vlms.make_video_llava}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), train=(1,), val=1, test=1, seed=SEED, thumbs=True)


def thumbnails(data, key):
    """The frames of a video from its shard, by tarfile and Pillow alone."""
    with tarfile.open(data / "test-00000.tar") as tar:
        file = tar.extractfile(f"{key}.thumbs.jpg")
        strip = np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))
    return [strip[:, at : at + 64] for at in range(0, strip.shape[1], 64)]


def baseline(name, *words):
    return main(["baseline", name, *map(str, words), "--device", "cpu", "--no-score"])


@pytest.mark.oracle
@pytest.mark.parametrize("kind", MADE)
def test_the_stories_of_a_data_folder_are_those_of_transformers(kind, data, tmp_path):
    model = MADE[kind](tmp_path / kind)
    assert baseline("video-chat", "--data", data, "--model", model, "--out", tmp_path / "run") == 0
    template, rule = ClipTemplate.load("en", "ad"), WordRangeRule()
    for storyline in ("predicted", "given"):
        written = {}
        for line in read_lines(tmp_path / "run" / f"predictions.{storyline}.jsonl"):
            written[line["video"], line["clip"]] = line
        for entry in Manifest.load(data).samples("test"):
            story, frames, earlier = read_story(data / entry.shard, entry), thumbnails(data, entry.key), []
            for clip in story.narrated:
                own, words = story.clips[clip], rule.range_of(story.clips[clip], "en")
                labels = own.labels if storyline == "given" else None
                asked = template.ask(question_of(story, earlier, words, labels), lambda text: text)
                first, last = int(own.start), int(own.end)  # whole seconds: frames are at each
                count, wanted = last - first, 8 if kind == "video_llava" else 1
                seconds = [first + (2 * i + 1) * count // (2 * wanted) for i in range(wanted)]
                text = by_hand(model, kind, asked, [frames[s] for s in seconds], None, own.duration, 100)
                line = written.pop((story.id, clip))
                assert line["narration"] == text
                names = None if labels is None else [label.en for label in labels]
                assert (line["labels"], line["labels_given"]) == (names, names)
                earlier.append(text)
        assert not written
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (config["baseline"], config["system"]) == ("video-chat", kind)
    assert config["settings"]["frames"] == (8 if kind == "video_llava" else 1)


def test_what_it_writes_is_scored(data, tmp_path):
    model = tiny_vlms.make_llava(tmp_path / "llava")
    out = tmp_path / "run"
    assert (
        baseline("video-chat", "--data", data, "--model", model, "--out", out, "--length-retries", 1, "--word-rate", 20)
        == 0
    )
    stories = read_lines(out / "stories.jsonl")
    test = gather(read_lines(out / "predictions.predicted.jsonl"), stories)
    assert all(clip.predicted and clip.labels is None and not clip.labels_given for clip in test.clips)
    assert main(["score", str(out), "--sentences", "none", "--judge", "none"]) == 0
    scores = json.loads((out / "scores.json").read_text())
    assert scores["predicted"]["word_length_accuracy"]["value"] is not None
    cost = json.loads((out / "cost.json").read_text())
    assert cost["requests"] + cost["from_cache"] == cost["narrations"] + cost["length_retries"]
    assert cost["length_retries"]


def test_a_finished_run_asks_nothing_again(data, tmp_path, monkeypatch, capsys):
    model = tiny_vlms.make_llava(tmp_path / "llava")
    words = ("--data", data, "--model", model, "--out", tmp_path / "run")
    assert baseline("video-chat", *words) == 0
    before = (tmp_path / "run" / "predictions.predicted.jsonl").read_bytes()
    (tmp_path / "run" / "predictions.predicted.jsonl").unlink()
    (tmp_path / "run" / "stories.jsonl").unlink()
    from vn.baselines.vision_model import VisionModel

    monkeypatch.setattr(VisionModel, "write", lambda *_: pytest.fail("asked again"))
    assert baseline("video-chat", *words) == 0
    assert (tmp_path / "run" / "predictions.predicted.jsonl").read_bytes() == before


def test_video_chatgpt_reads_the_patches_of_a_data_folder(tmp_path):
    data = write_data(tmp_path / "data", train=(1,), val=1, test=2)
    manifest = json.loads((data / "manifest.json").read_text())
    manifest["encoder"]["id"] = "clip-l14-patches"
    (data / "manifest.json").write_text(json.dumps(manifest))
    tokenizer = tiny_vlms.tokenizer_of(starts=True)
    tokenizer.save_pretrained(tmp_path / "llama")
    tiny_vlms.spread(LlamaForCausalLM(tiny_vlms.llama(len(tokenizer)))).save_pretrained(tmp_path / "llama")
    weight = {"mm_projector.weight": torch.randn(tiny_vlms.WIDTH, D), "mm_projector.bias": torch.zeros(tiny_vlms.WIDTH)}
    torch.save(weight, tmp_path / "projector.bin")
    words = ("--base-model", tmp_path / "llama", "--projector", tmp_path / "projector.bin")
    assert baseline("video-chatgpt", "--data", data, *words, "--out", tmp_path / "run") == 0
    lines = read_lines(tmp_path / "run" / "predictions.given.jsonl")
    assert len(lines) == sum(entry.narrated for entry in Manifest.load(data).samples("test"))
    assert len({line["narration"] for line in lines}) == len(lines)


def test_a_model_that_knows_english_only_narrates_a_chinese_story(tmp_path):
    clips = [{"start": 0, "end": 3, "narration": "茶又凉了？"}, {"start": 3, "end": 6, "narration": "一分钟就烧开。"}]
    told = {"id": "kettle", "title": "水壶", "language": "zh", "domain": "ad", "clips": clips}
    told["knowledge"] = [{"aspect": "材质", "points": ["钢", "玻璃"]}]
    (tmp_path / "stories.json").write_text(json.dumps([told]), "utf-8")
    write_video(tmp_path / "kettle.mp4", 6)
    model = tiny_vlms.make_llava(tmp_path / "llava")
    server = ChatServer(lambda question, _: "Tea in English" if "English" in question else "好茶来了")
    try:
        where = ("--stories", tmp_path / "stories.json", "--videos", tmp_path, "--out", tmp_path / "run")
        translate = ("--translate", "openai:any", "--translate-url", server.url)
        assert baseline("video-chat", *where, "--model", model, *translate, "--storyline", "predicted") == 0
        asked = [last_question(body)[0] for body in server.questions]
    finally:
        server.close()
    for text in ("水壶", "材质", "钢", "玻璃"):
        assert sum(text in question for question in asked) == 1  # each once, into English
    lines = read_lines(tmp_path / "run" / "predictions.predicted.jsonl")
    assert [line["clip"] for line in lines] == [0, 1]
    assert all(HAN.search(line["narration"]) for line in lines)
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["settings"]["prompt_language"] == "en"
    assert config["settings"]["translate"]["translate_into"] == "zh"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "MODEL", "--frames", "0"], "--frames: expected at least one frame, got 0"),
        (["--model", "MODEL", "--length-retries", "-1"], "--length-retries: expected a number from 0, got -1"),
        (["--model", "MODEL", "--template", "nowhere.yaml"], "nowhere.yaml: "),
        (["--model", "MODEL", "--translate", "local:MODEL"], "--translate: the stories are in English"),
        (["--model", "/nowhere"], "/nowhere: no vision-language model here"),
        (["--model", "LLAMA"], "a llama model has no vision tower"),
    ],
)
def test_bad_input_is_one_line(words, message, data, tmp_path, capsys):
    model, llama = tiny_vlms.make_llava(tmp_path / "llava"), tmp_path / "llama"
    LlamaForCausalLM(tiny_vlms.llama(300)).save_pretrained(llama)
    tiny_vlms.tokenizer_of(starts=True).save_pretrained(llama)
    words = [word.replace("MODEL", str(model)).replace("LLAMA", str(llama)) for word in words]
    capsys.readouterr()
    assert baseline("video-chat", "--data", data, "--out", tmp_path / "run", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len([line for line in error.splitlines() if "error:" in line]) == 1
