"""A score whose answers are in the cache loads no model, gives the same bytes, and notices whatever has changed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("transformers")
from made_up import write_data
from test_classifier_judge import training
from test_score_command import write
from test_scorecard import STORIES, lines_of, worse
from tiny_models import make_sentence_encoder

from vn.cli import main
from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.score.classifier_judge import ClassifierJudge
from vn.score.models import ScoringModels
from vn.score.plain_bert import plain_bert
from vn.score.sentences import LONGEST, MINILM, AnyEncoder, SentenceEncoder, minilm_folder
from vn.score.training import training_state, training_stories

HEAVY = ("torch", "transformers", "sklearn", "scipy", "lightning")
TEXTS = ["a red cup", "红色的杯子很好看", "x" * 400, "😀 [SEP] été", "", "it keeps tea warm " * 9]
SCORED = f"""\
import sys
from vn.cli import main
code = main(sys.argv[1:])
print("loaded", [name for name in {HEAVY!r} if name in sys.modules])
sys.exit(code)
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_sentence_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def words(tmp_path, encoder):
    """The words of a call: a run whose stories have points, a sentence encoder, and what the judge learns from."""
    run = tmp_path / "run"
    run.mkdir()
    stories = [{**story, "knowledge": [{"aspect": "Use", "points": ["keeps tea warm", "red"]}]} for story in STORIES]
    write(run / "predictions.predicted.jsonl", lines_of(worse))
    given = [{**line, "labels_given": line["labels"]} for line in lines_of(worse)]
    write(run / "predictions.given.jsonl", given)
    write(run / "stories.jsonl", stories)
    learn = tmp_path / "training"
    learn.mkdir()
    for story in training(30):
        clips = [
            {"start": c.start, "end": c.end, "labels": [label.en for label in c.labels], "narration": c.narration}
            for c in story.clips
        ]
        text = {"id": story.id, "title": story.title, "language": "en", "domain": "ad", "knowledge": [], "clips": clips}
        (learn / f"{story.id}.json").write_text(json.dumps(text), encoding="utf-8")
    return ["score", str(run), "--sentences", str(encoder), "--training", str(learn)]


def scores(words):
    """The scores of a run, without how many answers of the judge were in the cache."""
    with open(f"{words[1]}/scores.json", encoding="utf-8") as file:
        found = json.load(file)
    for entry in found["given"].values():
        for count in ("asked", "cached"):
            entry.get("judge", {}).pop(count, None)
    return found


def shown(text):
    return [line for line in text.splitlines() if not line.startswith(("judge ", "loaded "))]


def test_the_cached_score_loads_no_model_and_gives_the_same(words, capsys):
    assert main(words) == 0
    first, printed = scores(words), capsys.readouterr()
    assert first["given"]["info_sim"]["value"] is not None
    assert first["given"]["script_label_accuracy"]["judge"]["agrees_on_held_out"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    ran = subprocess.run([sys.executable, "-c", SCORED, *words], env=env, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "loaded []" in ran.stdout
    assert scores(words) == first
    assert shown(ran.stdout) == shown(printed.out)
    assert ran.stderr == printed.err
    os.remove(f"{words[1]}/score_cache.sqlite")
    assert main(words) == 0
    assert scores(words) == first, "and so does an empty cache"


def test_changed_weights_are_noticed_even_with_the_old_time(words, encoder, tmp_path, capsys):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "own"
    shutil.copytree(encoder, folder)
    words[3] = str(folder)
    assert main(words) == 0
    before = scores(words)["predicted"]["info_sim"]
    file = folder / "model.safetensors"
    time = file.stat().st_mtime_ns
    tensors = load_file(file)
    tensors["embeddings.word_embeddings.weight"] *= -1
    save_file(tensors, file, {"format": "pt"})
    os.utime(file, ns=(time, time))
    assert main(words) == 0
    after = scores(words)["predicted"]["info_sim"]
    assert after["model"] != before["model"]
    assert after["value"] != before["value"]


def test_a_changed_tokenizer_is_noticed_with_the_same_weights(words, encoder, tmp_path, capsys):
    folder = tmp_path / "own"
    shutil.copytree(encoder, folder)
    words[3] = str(folder)
    assert main(words) == 0
    before = scores(words)["predicted"]["info_sim"]
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    others = [name for name in vocabulary if not name.startswith("[")]
    tokenizer["model"]["vocab"] |= dict(zip(others, [vocabulary[name] for name in reversed(others)], strict=True))
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
    assert main(words) == 0
    after = scores(words)["predicted"]["info_sim"]
    assert after["model"] == before["model"]
    assert after["value"] != before["value"]
    os.remove(f"{words[1]}/score_cache.sqlite")
    assert main(words) == 0
    assert scores(words)["predicted"]["info_sim"] == after


def test_changed_predictions_are_measured_anew(words, capsys):
    assert main(words) == 0
    before = scores(words)
    write_to = f"{words[1]}/predictions.predicted.jsonl"
    with open(write_to, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines[0]["narration"] = "something else is said"
    with open(write_to, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    assert main(words) == 0
    after = scores(words)
    assert after["given"] == before["given"]
    for name in ("cider", "info_sim", "intra_repetition"):
        assert after["predicted"][name]["value"] != before["predicted"][name]["value"]


@pytest.mark.parametrize("cut", [0, 1, 20])
def test_truncated_entries_are_made_again(words, cut, capsys):
    """Embeddings and answers are as they were; what is beside them has a checksum."""
    assert main(words) == 0
    first = scores(words)
    database = sqlite3.connect(f"{words[1]}/score_cache.sqlite")
    entries = database.execute("SELECT key, value FROM entries").fetchall()
    kept = [(key, value) for key, value in entries if len(value) != 128 and not value.startswith(b'{"text"')]
    assert len(kept) == 8, "of two settings three groups of measures; the weights' hash; the share of held-out videos"
    for key, value in kept:
        database.execute("UPDATE entries SET value = ? WHERE key = ?", (value[:-1] if cut == 1 else value[:cut], key))
    database.commit()
    database.close()
    assert main(words) == 0
    assert scores(words) == first


def test_a_cache_that_cannot_be_written_costs_only_time(words, monkeypatch, capsys):
    assert main(words) == 0
    first = scores(words)
    database = sqlite3.connect(f"{words[1]}/score_cache.sqlite")
    database.execute("DELETE FROM entries WHERE length(value) != 128 AND substr(value, 1, 7) != ?", (b'{"text"',))
    database.commit()
    database.close()

    def put(self, maker, entries):
        raise InputError("the cache cannot be used (attempt to write a readonly database)", file=self.file)

    monkeypatch.setattr(DiskCache, "put", put)
    assert main(words) == 0
    assert scores(words) == first


def test_two_processes_with_one_empty_cache(words):
    command = [sys.executable, "-c", SCORED, *words, "--out"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    outs = [f"{words[1]}/{name}.json" for name in ("one", "two")]
    started = [
        subprocess.Popen([*command, out], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for out in outs
    ]
    for process in started:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    first, second = (json.loads(Path(out).read_text(encoding="utf-8"))["predicted"] for out in outs)
    assert first == second


# -- BERT in plain torch ----------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("which", ["tiny", "minilm"])
def test_plain_bert_gives_the_bits_of_transformers(which, encoder):
    if which == "minilm":
        pytest.importorskip(MINILM)
    folder = encoder if which == "tiny" else minilm_folder()
    plain, other = plain_bert(folder, LONGEST), AnyEncoder(folder)
    assert plain is not None
    assert plain.fingerprint() == other.fingerprint()
    for texts in (TEXTS, TEXTS[:1], TEXTS[:1] * 3):
        for ours, theirs in zip(plain.states(texts), other.states(texts), strict=True):
            assert np.array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"architectures": ["BertForMaskedLM"]}),
        ("config.json", {"dtype": "float16"}),
        ("config.json", {"quantization_config": {}}),
        ("config.json", {"num_hidden_layers": 1}),
        ("config.json", {"num_hidden_layers": None}),
        ("config.json", {"num_attention_heads": 5}),
        ("config.json", {"hidden_size": 999}),
        ("config.json", {"max_position_embeddings": 1000}),
        ("tokenizer_config.json", {"model_max_length": None}),
        ("tokenizer_config.json", {"do_lower_case": False}),
        ("tokenizer_config.json", {"padding_side": "left"}),
        ("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"}),
        ("tokenizer.json", {"normalizer": None}),
    ],
)
def test_any_other_folder_is_one_for_transformers(encoder, tmp_path, file, changes):
    folder = tmp_path / "other"
    shutil.copytree(encoder, folder)
    own = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps(own | changes), encoding="utf-8")
    assert plain_bert(folder, LONGEST) is None


def test_a_pooler_that_is_not_there_is_no_random_number_in_the_name(encoder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "headless"
    shutil.copytree(encoder, folder)
    tensors = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("pooler.")}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert plain_bert(folder, LONGEST) is None
    assert len({SentenceEncoder(str(folder)).id for _ in range(2)}) == 1


# -- the classifier ---------------------------------------------------------------------------------------------------


def test_many_narrations_at_once_are_judged_as_one_by_one():
    judge = ClassifierJudge(training(), "en")
    texts = ["tired of a cup", "buy now and press here it", "😀", "order today", "nothing of that"]
    assert judge.ask_all(texts) == [judge.ask(text) for text in texts]


def test_answers_of_another_classifier_are_not_this_ones(monkeypatch):
    """The training texts alone do not make it: the packages that it learns with do as well."""
    keys = [ClassifierJudge(training(), "en").key]
    monkeypatch.setattr("vn.score.kept.version", lambda package: "9.9")
    keys.append(ClassifierJudge(training(), "en").key)
    assert len(set(keys)) == 2


def test_a_kept_share_of_held_out_videos_needs_no_learning(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path / "cache.sqlite")
    first = ClassifierJudge(training(), "en", cache).held_out
    judge = ClassifierJudge(training(), "en", cache)
    assert judge.held_out == first
    assert "_learnt" not in vars(judge)
    other = ClassifierJudge(training(seed=1), "en", cache)
    assert other.held_out is not None
    assert "_learnt" in vars(other)


def test_training_stories_are_read_only_if_they_may_be_others(tmp_path, monkeypatch):
    folder = write_data(tmp_path / "data", train=(20, 20))
    reads = []

    def counted(place, read=training_stories):
        reads.append(place)
        return read(place)

    def judge():
        models = ScoringModels(judge="classifier", training=folder, cache=DiskCache(tmp_path / "cache.sqlite"))
        return models.judges("en")[0]

    monkeypatch.setattr("vn.score.training.training_stories", counted)
    slow = ClassifierJudge(training_stories(folder), "en")
    assert (judge().id, len(reads)) == (slow.id, 1)
    assert (judge().id, len(reads)) == (slow.id, 1)
    texts = ["The red kettle boils.", "tea for your friends"]
    assert (judge().ask_all(texts), len(reads)) == (slow.ask_all(texts), 2)
    assert (judge().held_out, len(reads)) == (slow.held_out, 3)
    assert (judge().held_out, len(reads)) == (slow.held_out, 3)
    shard = folder / "train-00001.tar"
    time, content = shard.stat().st_mtime_ns, shard.read_bytes()
    shard.write_bytes(content.replace(b" kettle ", b" teapot "))
    os.utime(shard, ns=(time, time))
    assert shard.stat().st_size == len(content)
    assert (judge().id, len(reads)) == (ClassifierJudge(training_stories(folder), "en").id, 4)
    assert judge().id != slow.id
    os.utime(shard)
    assert (judge().id != slow.id, len(reads)) == (True, 5)


def test_stories_that_are_no_use_are_refused_each_time(tmp_path):
    folder = write_data(tmp_path / "data", train=(2,))
    for language, message in (
        ("en", "needs 20 labelled narrations"),
        ("zh", "no training stories in the language"),
    ) * 2:
        models = ScoringModels(judge="classifier", training=folder, cache=DiskCache(tmp_path / "cache.sqlite"))
        with pytest.raises(InputError, match=message):
            models.judges(language)


def test_only_folders_of_shards_here_are_known_without_being_read(tmp_path):
    assert training_state(tmp_path) is None
    assert training_state(tmp_path / "stories.jsonl") is None
    folder = write_data(tmp_path / "data")
    assert training_state(folder) == training_state(folder)
    assert training_state(folder) != training_state(write_data(tmp_path / "other", seed=1))
