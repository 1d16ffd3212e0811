"""The documented command for the paper's numbers, in process, on a made-up Chinese run with models made here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from test_score_command import write
from test_scorecard import make_lines

pytest.importorskip("transformers")
pytest.importorskip("jieba")
pytest.importorskip("av")
pytest.importorskip("openai")
pytest.importorskip("sentencepiece")
from baichuan import make_baichuan
from chat_server import ChatServer
from small_video import write_video
from tiny_models import make_clip, make_sentence_encoder

import vn
from vn.cli import main
from vn.metrics.tokenisation import tokenisation_named
from vn.score.text_measures import TEXT_RELEASED

PAGE = Path(vn.__file__).parents[1] / "docs" / "scores.md"
NARRATIONS = ["杯子好看，耐用。", "保温杯子送给家人。", "充电速度快，安全。", "快来买。"]


def documented_command():
    """Its words, from the page on scores."""
    text = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(r"^(vn score runs/esync (?:.*\\\n)*.*)$", text, re.MULTILINE)
    return shlex.split(command.replace("\\\n", " "))[1:]


def write_run(folder):
    stories = []
    for name in ("a", "b", "c"):
        clips = [
            {"start": 2 * i, "end": 2 * i + 2, "labels": ["其他"], "narration": f"{text[:-1]}又红。"}
            for i, text in enumerate(NARRATIONS)
        ]
        knowledge = [{"aspect": "功效", "points": ["保温", "耐用", "充电速度快"]}]
        head = {"id": name, "title": "红色杯子", "language": "zh", "domain": "ad", "video": f"https://x.y/{name}.mp4"}
        stories.append(head | {"knowledge": knowledge, "clips": clips})
    lines = [
        line | {"range_source": "reference", "word_range": [1, 20]}
        for story in stories
        for line in make_lines(story, lambda i, text: NARRATIONS[i])
    ]
    folder.mkdir(parents=True)
    write(folder / "stories.jsonl", stories)
    write(folder / "predictions.predicted.jsonl", lines)
    write(folder / "predictions.given.jsonl", [line | {"labels_given": line["labels"]} for line in lines])
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    make_baichuan(folder / "baichuan-7b")
    videos = folder / "videos"
    videos.mkdir()
    for name in "abc":
        write_video(videos / f"{name}.mp4", 8)
    (folder / "words.txt").write_text("红色杯子 l\n充电速度快 l\n", encoding="utf-8")
    return {
        "llm-ids:models/baichuan-7b": f"llm-ids:{folder / 'baichuan-7b'}",
        "OFA-Sys/chinese-clip-vit-base-patch16": make_clip(folder / "chinese-clip-vit-base-patch16"),
        "hfl/chinese-roberta-wwm-ext-large": make_sentence_encoder(folder / "chinese-roberta-wwm-ext-large"),
        "videos/": videos,
        "words.txt": folder / "words.txt",
    }


@pytest.mark.parametrize("meteor", ["exact", pytest.param("jar", marks=pytest.mark.slow)])
def test_the_documented_command_gives_the_papers_tables(tmp_path, models, capsys, monkeypatch, meteor):
    monkeypatch.setenv("COLUMNS", "250")
    if meteor == "jar":
        pytest.importorskip("pycocoevalcap.meteor")
        if shutil.which("java") is None:
            pytest.skip("no Java")
    run = write_run(tmp_path / "esync")
    server = ChatServer(lambda question, number: "其他")
    instead = models | {"runs/esync": run, "jar": meteor}
    command = documented_command()
    assert set(instead) <= set(command), "the page's command has other parts"
    card = tmp_path / "card.json"
    try:
        parts = [str(instead.get(part, part)) for part in command]
        assert main([*parts, "--judge-url", server.url, "--table", str(card)]) == 0
    finally:
        server.close()
    out, err = capsys.readouterr()
    assert "user words" not in err, "all are kept whole"
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    for setting, entries in scores.items():
        expected = (
            {"label_agreement", "label_exact"}
            if setting == "given"
            else {"script_label_accuracy", "script_label_exact"}
        )
        assert {name for name, entry in entries.items() if entry["value"] is None} == expected
    given = scores["given"]
    assert given["script_label_accuracy"]["value"] == 1.0
    assert given["script_label_accuracy"]["model"] == "gpt-4"
    ids = tokenisation_named(f"llm-ids:{models['llm-ids:models/baichuan-7b'].removeprefix('llm-ids:')}").name
    assert {given[name]["tokenisation"] for name in (*TEXT_RELEASED, "bleu_4")} == {ids}
    assert given["intra_repetition_released"]["tokenisation"] == "jieba+words.txt"
    for shown in ("storyline predicted", "storyline given", "human evaluation", "GPT-4V+GPT-4", "paddle"):
        assert shown in out
    predicted, printed_given, human = json.loads(card.read_text(encoding="utf-8"))[-3:]
    tables = {"predicted": predicted, "given": printed_given}
    if "given" in predicted["title"]:
        tables = {"predicted": printed_given, "given": predicted}
    assert "human" in human["title"]
    for setting, wanted in (("predicted", {*TEXT_RELEASED}), ("given", {"cider_released"})):
        ours = tables[setting]["rows"][-1]
        assert ours["ours"]
        comparable = {metric for metric, cell in ours["cells"].items() if cell["comparable"]}
        with_jar = wanted if meteor == "jar" else wanted - {"meteor_released"}
        assert comparable == with_jar | {"word_length_accuracy", "intra_repetition_released"}
        assert all(cell["value"] is not None for cell in ours["cells"].values())


def test_a_baichuan_folder_needs_no_program_of_its_own(tmp_path, models):
    """With the model's files or without: its tokenizer is SentencePiece's, id by id."""
    import sentencepiece

    folder = Path(models["llm-ids:models/baichuan-7b"].removeprefix("llm-ids:"))
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(folder / "tokenizer.model", bare)
    configured = tmp_path / "configured"
    configured.mkdir()
    for name in ("tokenizer.model", "tokenizer_config.json"):
        shutil.copy(folder / name, configured)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    names = set()
    for place in (folder, bare, configured):
        tokenisation = tokenisation_named(f"llm-ids:{place}")
        names.add(tokenisation.name)
        for text in ("给您推荐一款真正好用的充电器。", "哈哈哈哈哈", "iPhone 14", "<s>好</s>", ""):
            assert tokenisation.tokens(text) == [str(i) for i in pieces.encode(text)]
    assert len(names) == 1
    assert not any(name.startswith("transformers_modules") for name in sys.modules), "a program of the folder was run"


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path, models, capsys):
    run = write_run(tmp_path / "run")
    empty = tmp_path / "empty"
    empty.mkdir()
    remote = tmp_path / "remote"
    remote.mkdir()
    settings = {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": ["own.T", None]}}
    (remote / "tokenizer_config.json").write_text(json.dumps(settings))
    (remote / "own.py").write_text("raise SystemExit('remote code was run')\n")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "tokenizer.model").write_bytes(b"no model")
    for folder, message in (
        (empty, "not a tokenizer"),
        (remote, "not a tokenizer"),
        (broken, "not a SentencePiece model"),
        (tmp_path / "none", "no such tokenizer folder"),
    ):
        assert main(["score", str(run), "--tokenisation", f"llm-ids:{folder}"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert str(folder) in error
        assert error.count("\n") == 1
