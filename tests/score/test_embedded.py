"""EMScore, InfoSim and InfoDiverse of whole tests, with tiny encoders made here."""

import json
import math

import numpy as np
import pytest
from test_scorecard import make_lines, make_story

pytest.importorskip("transformers")
pytest.importorskip("jieba")
from small_video import write_video
from tiny_models import make_clip, make_sentence_encoder

from vn.metrics.content_words import EMSCORE_TAGS, INFORMATION_TAGS, ContentWords
from vn.score.clip_encoder import ClipEncoder
from vn.score.models import ScoringModels
from vn.score.scorecard import score
from vn.score.sentences import SentenceEncoder
from vn.score.settings import ScoreSettings
from vn.story_reader import parse_story

TEXTS = ["红色的杯子很好看。", "杯子的质量很好，耐用。", "快来买。", "保温杯子送给家人。"]
POINTS = ["红色 好看", "耐用", "保温", "的"]
INFORMATION = ("info_sim", "info_sim_released", "info_diverse", "info_diverse_released")
EMSCORES = ("emscore", "emscore_released", "emscore_ref", "emscore_ref_released")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {"sentences": make_sentence_encoder(folder / "tiny"), "clip": make_clip(folder / "tiny-clip")}


def zh_story(name, video=None):
    story = make_story(name) | {
        "language": "zh",
        "title": "【新品】红色杯子",
        "knowledge": [{"aspect": "功效", "points": POINTS}],
        "video": video,
    }
    for clip, text in zip(story["clips"], TEXTS, strict=True):
        clip["narration"] = text
    return {k: v for k, v in story.items() if v is not None}


def best(vectors, unit, points):
    return max(float(vectors[unit].astype(np.float64) @ vectors[p].astype(np.float64)) for p in points)


@pytest.mark.oracle
def test_information_follows_the_definitions_text_by_text(models):
    """What the units and points are, in both variants (docs/method.md#infosim, docs/method.md#released-evaluation)."""
    stories = [zh_story("a"), zh_story("b")]
    lines = [line for story in stories for line in make_lines(story, lambda i, t: t + "好看" * (i == 1))]
    scores = score(lines, stories, ScoreSettings(models=ScoringModels(sentences_name=str(models["sentences"]))))
    encoder = SentenceEncoder(str(models["sentences"]))
    words = ContentWords("zh", [stories[0]["title"], *POINTS])
    expected = {name: [] for name in INFORMATION}
    for story in stories:
        own = [line["narration"] for line in lines if line["video"] == story["id"]]
        everything, units = [], []
        points, told = ["红色", "耐用", "保温", "的"], []
        for text in own:
            tokens = words.all(text)
            vectors = encoder.embed([text, *tokens, *POINTS])
            mean = sum(best(vectors, w, POINTS) for w in tokens) / len(tokens)
            expected["info_sim"].append((best(vectors, text, POINTS) + mean) / 2)
            everything += [text, *tokens]
            sentence = (text if text[-1] == "。" else f"{text}。")[:77]
            tagged = [word for word, tag in words.cut(text) if tag in INFORMATION_TAGS] or [sentence]
            known = ["红色杯子", *points[:3]]
            vectors = encoder.embed([sentence, *tagged, *known])
            mean = sum(best(vectors, w, known) for w in tagged) / len(tagged)
            expected["info_sim_released"].append((best(vectors, sentence, known) + mean) / 2)
            new = [w for w, _ in words.cut(text) if len(w) > 1 and w not in units]
            units += list(dict.fromkeys(new)) or [text]
        vectors = encoder.embed([*everything, *units, *POINTS, *points])
        expected["info_diverse"].append(sum(best(vectors, p, everything) > 0.9 for p in POINTS) / 16)
        for point in points:
            cosines = [best(vectors, u, [point]) for u in units]
            place = cosines.index(max(cosines))
            if cosines[place] > 0.9 and place not in told:
                told.append(place)
        expected["info_diverse_released"].append(len(told) / 16)
    expected["info_sim_released"].pop()  # the file's last narration
    for name in INFORMATION:
        assert scores[name]["value"] == pytest.approx(np.mean(expected[name]), abs=1e-6), name
        assert scores[name]["tokenisation"] == "jieba+stories"
        assert scores[name]["model"].startswith("tiny@")
    assert scores["info_sim"]["value"] != scores["info_sim_released"]["value"]


def test_odd_texts_make_numbers_and_are_counted(models):
    odd = ["", "😀😀", "مرحبا بالعالم", "好" * 100_000]
    stories = [zh_story("a"), zh_story("b")]
    lines = [line for story in stories for line in make_lines(story, lambda i, t: odd[i])]
    scores = score(lines, stories, ScoreSettings(models=ScoringModels(sentences_name=str(models["sentences"]))))
    for name, entry in scores.items():
        assert entry["value"] is None or math.isfinite(entry["value"]), name
    assert scores["info_sim"]["coverage"] == {"clips": 8, "scored": 8, "empty": 2, "missing": 0, "videos": 2}
    json.dumps(scores, allow_nan=False)


def test_without_knowledge_or_encoder_there_is_a_reason(models):
    story = make_story("v")
    lines = make_lines(story)
    named = ScoringModels(sentences_name=str(models["sentences"]))
    assert (
        score(lines, [story], ScoreSettings(models=named))["info_sim"]["why"]
        == "no story has knowledge about its product"
    )
    story["knowledge"] = [{"aspect": "Colour", "points": ["red"]}]
    assert "no sentence encoder was chosen" in score(lines, [story])["info_sim"]["why"]
    absent = ScoringModels(sentences_name="hfl/chinese-roberta-wwm-ext-large")
    assert "no weights here" in score(lines, [story], ScoreSettings(models=absent))["info_diverse"]["why"]
    english = score(lines, [story], ScoreSettings(models=named))
    assert english["info_sim"]["value"] is not None
    assert english["info_sim_released"]["why"] == "the released computation is one of Chinese words"


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Sixteen seconds that change colour each second."""
    pytest.importorskip("av")
    return write_video(tmp_path_factory.mktemp("videos") / "a.mp4")


@pytest.mark.oracle
def test_emscore_follows_the_definitions_frame_by_frame(models, video):
    from vn.data.video import sample_frames

    story = zh_story("a", str(video))
    lines = make_lines(story, lambda i, t: ["红色的杯子很好看", "耐用", "", t][i])
    scores = score(lines, [story], ScoreSettings(models=ScoringModels(clip_name=str(models["clip"]))))
    clip, words = ClipEncoder(str(models["clip"])), ContentWords("zh")
    frames = clip.pictures([picture for _, picture in sample_frames(video)]).astype(np.float64)
    expected = {name: [] for name in EMSCORES}

    def vectors(text):
        own = words.tagged(text, EMSCORE_TAGS) or words.all(text)[:1]
        found = clip.texts([text, *own])
        return found[text].astype(np.float64), [found[w].astype(np.float64) for w in own]

    def f(own, others, released):
        precision = sum(max(w @ o for o in others) for w in own) / (1 if released else len(own))
        recall = sum(max(w @ o for w in own) for o in others) / len(others)
        return 2 * precision * recall / (precision + recall)

    for line in lines:
        for released, name, ref in ((False, *EMSCORES[::2]), (True, *EMSCORES[1::2])):
            text, reference = line["narration"], line["reference"]
            if len(text) < 4 and released:
                continue
            if not text:
                expected[name].append(0.0)
                expected[ref].append(0.0)
                continue
            sentence, own = vectors(text)
            shown = frames[int(line["start"]) : int(line["end"])]
            mean = sum(shown) / len(shown)
            value = (sentence @ mean / np.linalg.norm(mean) + f(own, shown, released)) / 2
            wanted, theirs = vectors(reference)
            against = (sentence @ wanted + f(own, theirs, released)) / 2
            expected[name].append(value)
            expected[ref].append((value + against) / 2)
    for name in EMSCORES:
        assert scores[name]["value"] == pytest.approx(np.mean(expected[name]), abs=1e-5), name
        assert scores[name]["coverage"]["scored"] == len(expected[name])
        assert scores[name]["model"].startswith("tiny-clip@")
    assert len(expected["emscore"]) == 4
    assert len(expected["emscore_released"]) == 2


def test_emscore_without_videos_or_weights_says_why(models, tmp_path):
    story = zh_story("a", "nowhere.mp4")
    lines = make_lines(story)
    why = score(lines, [story], ScoreSettings(models=ScoringModels(clip_name=str(models["clip"]))))["emscore"]["why"]
    assert why == "a: the video is not at the path in its story (--videos FOLDER)"
    elsewhere = ScoringModels(clip_name=str(models["clip"]), videos=tmp_path)
    assert "the video is not in" in score(lines, [story], ScoreSettings(models=elsewhere))["emscore_ref"]["why"]
    for name in ("OFA-Sys/chinese-clip-vit-base-patch16", "open_clip:ViT-B-32:/no/such/file.pt", "open_clip:ViT-B-32"):
        entry = score(lines, [story], ScoreSettings(models=ScoringModels(clip_name=name)))["emscore"]
        assert entry["value"] is None
        assert "weights" in entry["why"] or "expected open_clip" in entry["why"]
    sentences = ScoringModels(clip_name=str(models["sentences"]))
    assert "is not a CLIP" in score(lines, [story], ScoreSettings(models=sentences))["emscore"]["why"]


def test_an_open_clip_model_from_a_file(video, tmp_path):
    open_clip = pytest.importorskip("open_clip")
    import torch

    config = {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
    }
    (tmp_path / "tiny-open-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-open-clip.json")
    weights = open_clip.create_model("tiny-open-clip").state_dict()
    torch.save(weights, tmp_path / "tiny.pt")
    story = make_story("a") | {"video": str(video)}
    named = ScoringModels(clip_name=f"open_clip:tiny-open-clip:{tmp_path / 'tiny.pt'}")
    entry = score(make_lines(story), [story], ScoreSettings(models=named))["emscore"]
    assert math.isfinite(entry["value"])
    assert entry["model"].startswith("open_clip:tiny-open-clip:tiny.pt@")
    del weights["text_projection"]
    torch.save(weights, tmp_path / "part.pt")
    named = ScoringModels(clip_name=f"open_clip:tiny-open-clip:{tmp_path / 'part.pt'}")
    assert "no weights here" in score(make_lines(story), [story], ScoreSettings(models=named))["emscore"]["why"]


def test_pictures_of_a_video_are_encoded_once(models, video, tmp_path, monkeypatch):
    from vn.io.disk_cache import DiskCache

    calls = []
    pictures = ClipEncoder.pictures
    monkeypatch.setattr(ClipEncoder, "pictures", lambda self, p: calls.append(len(p)) or pictures(self, p))
    story = zh_story("a")
    values = []
    for _ in range(2):
        cache = DiskCache(tmp_path / "cache.sqlite")
        named = ScoringModels(clip_name=str(models["clip"]), videos=video.parent, cache=cache)
        values.append(score(make_lines(story), [story], ScoreSettings(models=named))["emscore"]["value"])
        cache.close()
    assert calls == [16]
    assert values[0] == values[1]


def test_frames_come_from_shards_of_the_same_clip(models, video, tmp_path):
    """Shards whose encoder is this CLIP are used, without any video; those of another one are not."""
    from vn.data.manifest import Manifest
    from vn.data.shard_writer import ShardWriter
    from vn.data.video import sample_frames

    clip = ClipEncoder(str(models["clip"]))
    frames = clip.pictures([picture for _, picture in sample_frames(video)])
    story = zh_story("a")

    def shards(weights):
        folder = tmp_path / weights
        folder.mkdir()
        with open(folder / "test-00000.tar", "wb") as file:
            writer = ShardWriter(file, "test-00000.tar", 0)
            seconds = np.arange(16, dtype=np.float32)
            writer.add(parse_story(story), frames[:, None].astype(np.float16), seconds, None)
            entry = writer.close()
        Manifest(
            encoder={"id": "clip", "settings": {"model": str(models["clip"]), "fps": 1.0}, "weights_sha256": weights},
            similarity_threshold=0.9,
            standardise=False,
            tokens=1,
            width=16,
            statistics={"mean": np.zeros(16), "std": np.ones(16)},
            language="zh",
            domain="ad",
            splits={"train": [], "val": [], "test": [entry]},
        ).save(folder)
        return folder

    def value(**options):
        return score(
            make_lines(story), [story], ScoreSettings(models=ScoringModels(clip_name=str(models["clip"]), **options))
        )["emscore"]

    from_shards = value(shards=shards(clip.weights))
    assert from_shards["value"] == pytest.approx(value(videos=video.parent)["value"], abs=1e-3)
    assert "the video is not" in value(shards=shards("0" * 12))["why"]
