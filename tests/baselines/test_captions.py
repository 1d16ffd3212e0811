"""Captions of key frames: from a file, from a model behind a URL, and kept for later."""

from __future__ import annotations

import argparse
import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("openai")
from chat_server import ChatServer
from made_up import write_data
from PIL import Image

from vn.baselines.caption_file import CaptionLog, FileCaptioner
from vn.baselines.captions import PROMPT, add_caption_arguments, most_captions, open_captioner
from vn.baselines.context import Amount, Context
from vn.baselines.key_frames import KeyFrames, small
from vn.baselines.translate import add_translate_arguments, is_written_in, open_translator
from vn.baselines.writer import BaselineVideo
from vn.data.manifest import Manifest
from vn.endpoints.options import add_shared_options
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.story import Clip, Story, WordRangeRule
from vn.visual.compression import compress

CLIPS = (Clip(0.0, 3.0), Clip(3.0, 6.0), Clip(6.0, 6.5))
STORY = Story("kettle", "Aurora kettle", "en", "ad", (), CLIPS)


class Film:
    """Six frames, one per second; the first two are alike."""

    def __init__(self, side: int = 32) -> None:
        random = np.random.default_rng(0)
        blocks = random.integers(0, 255, (6, 4, 4, 3), dtype=np.uint8)
        frames = blocks.repeat(side // 4, axis=1).repeat(side // 4, axis=2)
        frames[1] = frames[0]
        self.frames, self.reads = list(frames), 0

    def rgb(self):
        self.reads += 1
        return self.frames, np.arange(6.0)

    def features(self):
        raise InputError("this run has no frame features")


def video_of(film=None, story=STORY):
    return BaselineVideo(story, range(len(story.clips)), {}, film or Film())


def context_of(folder, language="en", **options):
    cache = DiskCache(folder / "asked.sqlite")
    return Context(language, "ad", WordRangeRule(), cache, Findings(), amount=Amount(1, 3, 6), **options)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_shared_options(parser)
    add_caption_arguments(parser)
    add_translate_arguments(parser)
    return parser.parse_args(list(map(str, words)))


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    servers = []

    def start(answer, **options):
        servers.append(ChatServer(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def frames_sent(server):
    parts = [part for body in server.questions for part in body["messages"][-1]["content"] if isinstance(part, dict)]
    return [base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in parts if p["type"] == "image_url"]


def test_a_model_describes_the_key_frames_one_by_one(serve, tmp_path):
    server = serve(lambda question, n: f"A frame,\n number {n}. <|im_end|><b>")
    film, context = Film(), context_of(tmp_path)
    captioner = open_captioner(parsed("--captions", "openai:eye", "--captions-url", server.url), context)
    found = [captioner.captions(video_of(film), clip) for clip in range(3)]
    assert [len(captions) for captions in found] == [2, 3, 1], "the second frame is like the first"
    assert found[0][0] == "A frame, number 1. <|im_end|><b>", "one line; else as the model wrote it"
    shown = [np.asarray(Image.open(io.BytesIO(frame)), dtype=float) for frame in frames_sent(server)]
    for image, second in zip(shown, (0, 2, 3, 4, 5, 5), strict=False):  # the last is from the cache
        assert np.abs(image - film.frames[second]).mean() < 20, "it is that frame"
    assert film.reads == 1
    assert captioner.settings == {
        "captions": "eye",
        "captions_url": server.url,
        "captions_language": "en",
        "captions_prompt_sha256": captioner.settings["captions_prompt_sha256"],
        "key_frames": "pixels, tau 0.8",
        "captions_frames": 4,
    }
    report = captioner.report()
    assert (report["captions_written"], report["captions_empty"], report["captions_cached"]) == (6, 0, 1)
    assert report["captions_requests"] == len(server.questions) == 6, "five frames, and one question without a frame"
    again = FileCaptioner(tmp_path / "captions.jsonl")
    assert [again.captions(video_of(), clip) for clip in range(3)] == found, "what was kept can be used again"
    assert again.settings["captions_model"] == ["eye"]


def test_no_more_frames_than_asked_for_and_at_equal_steps(serve, tmp_path):
    server = serve(lambda question, n: "A frame.")
    words = ("--captions", "openai:eye", "--captions-url", server.url, "--captions-frames", 2)
    captioner = open_captioner(parsed(*words), context_of(tmp_path))
    assert len(captioner.captions(video_of(), 1)) == 2
    assert parsed(*words).captions_prompt == PROMPT


def test_with_a_data_folder_key_frames_are_those_of_the_narrator(tmp_path):
    manifest = Manifest.load(write_data(tmp_path / "data", thumbs=True))
    features = np.random.default_rng(1).normal(size=(6, manifest.tokens, manifest.width)).astype(np.float16)
    features[4] = features[3]

    class WithFeatures(Film):
        def features(self):
            return features, np.arange(6.0)

    key_frames = KeyFrames(context_of(tmp_path, manifest=manifest), 4)
    means = features.astype(np.float32).mean(axis=1)
    if manifest.standardise:
        means = (means - manifest.statistics["mean"]) / manifest.statistics["std"]
    for clip, inside in ((0, [0, 1, 2]), (1, [3, 4, 5])):
        film = WithFeatures()
        kept = [inside[i] for i in compress(means[inside], manifest.similarity_threshold)]
        shown = key_frames.of(video_of(film), clip)
        assert [next(i for i, f in enumerate(film.frames) if f is frame) for frame in shown] == kept
    assert key_frames.settings["key_frames"] == f"features, tau {manifest.similarity_threshold:g}"


def test_small_frames_are_centred():
    assert small(np.full((96, 128, 3), 255, np.uint8)).tolist() == [1.0] * 768
    assert small(np.zeros((96, 128, 3), np.uint8)).tolist() == [-1.0] * 768


def test_an_endpoint_whose_model_sees_nothing_is_refused(serve, tmp_path):
    server = serve(lambda question, n: "A lovely frame.", blind=True)
    captioner = open_captioner(parsed("--captions", "openai:eye", "--captions-url", server.url), context_of(tmp_path))
    with pytest.raises(InputError, match="eye was not shown the frame"):
        captioner.captions(video_of(), 0)
    assert not (tmp_path / "captions.jsonl").exists()


def test_a_local_model_without_a_vision_tower_is_refused(tiny_base, tmp_path):
    with pytest.raises(InputError, match="has no vision tower, so it cannot be shown frames"):
        open_captioner(parsed("--captions", f"local:{tiny_base}"), context_of(tmp_path))


def test_empty_captions_are_counted_and_named(serve, tmp_path):
    server = serve(lambda question, n: " \n" if n == 1 or n > 5 else "A frame.")
    context = context_of(tmp_path)
    captioner = open_captioner(parsed("--captions", "openai:eye", "--captions-url", server.url), context)
    assert captioner.captions(video_of(), 0) == ["A frame."]
    assert captioner.report()["captions_empty"] == 1
    assert any("kettle: clips[0]: eye gave an empty caption" in line for line in context.findings.lines)
    args = parsed("--captions", "openai:eye", "--captions-url", serve(lambda question, n: "").url)
    with pytest.raises(InputError, match=r"kettle: clips\[1\]: eye describes none of its frames"):
        open_captioner(args, context_of(tmp_path)).captions(video_of(), 1)


def written(tmp_path, *lines, name="mine.jsonl"):
    file = tmp_path / name
    file.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines), encoding="utf-8")
    return file


def test_captions_from_a_file_by_clip_or_by_second(tmp_path):
    markup = "</s><|im_start|>assistant\u2028 <script>"
    file = written(
        tmp_path,
        {"video": "kettle", "clip": 1, "captions": ["a", markup], "model": "gpt-4v"},
        "",
        {"video": "kettle", "second": 2, "caption": "later"},
        {"video": "kettle", "second": 0.5, "caption": "first"},
        {"video": "kettle", "second": 3, "caption": "not used: the clip has its own"},
        {"video": "other", "clip": 0, "captions": ["x"]},
    )
    captioner = open_captioner(parsed("--captions", file), context_of(tmp_path))
    assert captioner.captions(video_of(), 0) == ["first", "later"]
    assert captioner.captions(video_of(), 1) == ["a", "</s><|im_start|>assistant <script>"]
    with pytest.raises(InputError, match=r"mine\.jsonl: kettle: clips\[2\]: has no captions .* \(6 to 6\.5 s\)"):
        captioner.captions(video_of(), 2)
    assert captioner.report() == {"captions_from_file": 4}
    assert captioner.settings["captions"] == "file mine.jsonl"
    assert captioner.settings["captions_model"] == ["gpt-4v"]
    assert most_captions(parsed("--captions", file), SimpleNamespace(videos=1, clips=3)) == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not JSON"),
        ([1], ":2: expected an object, got [1]"),
        ({"video": "a", "clip": 0}, ":2: captions: is missing"),
        ({"video": "a", "second": 0}, ":2: caption: is missing"),
        ({"clip": 0, "captions": ["x"]}, ":2: video: is missing"),
        ({"video": "a", "clip": 0, "caption": ["x"]}, ":2: clip: is not a field"),
        ({"video": "a", "clip": 0, "captions": ["x"], "captoins": []}, ":2: captoins: is not a field (did you mean"),
        ({"video": 7, "clip": 0, "captions": ["x"]}, ":2: video: expected a video's id, got 7"),
        ({"video": "a", "clip": True, "captions": ["x"]}, ":2: clip: expected a number from 0, got True"),
        ({"video": "a", "clip": -1, "captions": ["x"]}, ":2: clip: expected a number from 0, got -1"),
        ({"video": "a", "clip": 0, "captions": "x"}, ":2: captions: expected a list of texts, got 'x'"),
        ({"video": "a", "clip": 0, "captions": []}, ":2: captions: expected a list of texts, got []"),
        ({"video": "a", "clip": 0, "captions": ["x", " "]}, ":2: captions[1]: expected a text, got ' '"),
        ({"video": "a", "second": "0:05", "caption": "x"}, ":2: second: expected seconds, got '0:05'"),
        ('{"video": "a", "second": NaN, "caption": "x"}', ":2: second: expected seconds, got nan"),
        ({"video": "v", "clip": 0, "captions": ["y"]}, ":2: v: has captions in an earlier line already: clip 0"),
        ({"video": "a", "clip": 0, "captions": ["x"], "model": 3}, ":2: model: expected a name, got 3"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    file = written(tmp_path, {"video": "v", "clip": 0, "captions": ["x"]}, line)
    with pytest.raises(InputError) as raised:
        FileCaptioner(file)
    assert f"{file}{message}" in str(raised.value)


def test_no_captions_no_file_and_options_that_do_not_fit(tmp_path):
    context = context_of(tmp_path)
    prompt, mistyped = (written(tmp_path, f"{name}: x", name=name) for name in ("prompt", "prompts"))
    for words, message in [
        ([], "--captions: give a file of captions, or a model"),
        (["--captions", tmp_path / "none.jsonl"], "none.jsonl: No such file"),
        (["--captions", written(tmp_path, "")], "mine.jsonl: --captions: has no captions"),
        (["--captions", "x.jsonl", "--captions-url", "http://h/v1"], "--captions-url: only openai: models have one"),
        (["--captions", "openai:x", "--captions-frames", "0"], "--captions-frames: expected 1 or more"),
        (["--captions", "openai:x", "--captions-prompt", prompt], "max_tokens: expected a whole number"),
        (["--captions", "openai:x", "--captions-prompt", mistyped], "did you mean 'prompt'?"),
    ]:
        with pytest.raises(InputError) as raised:
            open_captioner(parsed(*words), context)
        assert message in str(raised.value)


def test_the_log_survives_a_kill_in_the_middle_of_a_line(tmp_path):
    file = tmp_path / "captions.jsonl"
    CaptionLog(file, "eye").add("v", 0, ["红色 a"])
    whole = file.read_bytes()
    file.write_bytes(whole + '{"video": "v", "clip": 1, "captions": ["红'.encode()[:-1])
    log = CaptionLog(file, "eye")
    log.add("v", 0, ["again"])
    log.add("v", 1, ["b"])
    assert file.read_bytes().startswith(whole)
    assert FileCaptioner(file).clips == {("v", 0), ("v", 1)}


def test_captions_are_translated_counted_and_named(serve, tmp_path):
    said = ["红色\n水壶", "A red kettle", "", {"content": "很长的", "finish_reason": "length"}]
    server = serve(lambda question, n: said[n - 1])
    context = context_of(tmp_path, language="zh")
    args = parsed("--translate", "openai:gpt-4", "--translate-url", server.url)
    translator = open_translator(args, context, "this caption of a video")
    texts = ["A red kettle", "Steam", "A cup", "A very long one", "已经是中文", "2024", "A red kettle"]
    assert translator(texts) == ["红色 水壶", "A red kettle", "A cup", "很长的", "已经是中文", "2024", "红色 水壶"]
    first = server.questions[0]["messages"][0]["content"]
    assert "Translate this caption of a video into Simplified Chinese" in first
    assert first.endswith("A red kettle")
    assert (translator.settings["translate"], translator.settings["translate_into"]) == ("gpt-4", "zh")
    report = translator.report()
    assert {name: report[f"translate_{name}"] for name in ("requests", "cached", "failed", "not_needed")} == {
        "requests": 4,
        "cached": 1,
        "failed": 3,
        "not_needed": 2,
    }
    assert report["translated"] == 2
    for problem in ("in another language: 'Steam'", "stays as it is: 'A cup'", "cut off: 'A very long one'"):
        assert any(problem in line for line in context.findings.lines), problem


def test_a_text_with_braces_is_not_a_template(serve, tmp_path):
    server = serve(lambda question, n: "壶")
    args = parsed("--translate", "openai:gpt-4", "--translate-url", server.url)
    open_translator(args, context_of(tmp_path, language="zh"), "this text")(["{text} {what} {language}"])
    assert server.questions[0]["messages"][0]["content"].endswith("{text} {what} {language}")


def test_without_a_model_nothing_is_translated(tmp_path):
    assert open_translator(parsed(), context_of(tmp_path), "this text") is None
    for content, message in [
        ("prompt: x\nlanguages: {en: English}\nmax_tokens: 9\n", "prompt: expected {text} once"),
        ("prompt: '{text}'\nlanguages: {zh: Chinese}\nmax_tokens: 9\n", "languages.en: is missing"),
        ("prompt: '{text}'\nlanguages: {en: [x]}\nmax_tokens: 9\n", "languages: expected texts by name"),
    ]:
        args = parsed("--translate", "openai:x", "--translate-prompt", written(tmp_path, content))
        with pytest.raises(InputError) as raised:
            open_translator(args, context_of(tmp_path), "this text")
        assert message in str(raised.value)


def test_the_language_of_a_text():
    assert all(is_written_in(text, "en") for text in ("", "5%", "Das Wasser kocht"))
    assert all(is_written_in(text, "zh") for text in ("", "5%", "水开了 ok"))
    assert not is_written_in("水开了 ok", "en")
    assert not is_written_in("苹果 iPad", "zh"), "four letters and two characters"


def test_a_vendor_gets_nothing_without_leave(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(InputError) as raised:
        open_captioner(parsed("--captions", "openai:gpt-4o", "--translate", "openai:gpt-4"), context_of(tmp_path))
    assert str(raised.value).startswith(
        "--captions openai:gpt-4o, --translate openai:gpt-4: up to 12 frames and 24 texts of 1 video would be sent to "
        "api.openai.com"
    )
    assert list(tmp_path.iterdir()) == []
