"""Judges of script labels: a real server speaks the OpenAI protocol, well and badly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai")
from chat_server import ChatServer
from hold import wait_for
from test_score_command import write
from test_scorecard import STORIES, lines_of

from vn.cli import main
from vn.endpoints.openai_client import Attempts
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.score.judge import PROMPTS, JudgePrompt, judge_texts, read_answer
from vn.score.models import ScoringModels
from vn.score.openai_judge import OpenAIJudge
from vn.score.scorecard import score
from vn.score.settings import ScoreSettings
from vn.story import ScriptLabel

PROMPT = JudgePrompt("en")


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(ChatServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def given_lines():
    return [line | {"labels_given": line["labels"]} for line in lines_of()]


def judge_of(server, waits=None, **options):
    attempts = Attempts(sleep=(waits if waits is not None else []).append, **options)
    return OpenAIJudge("tester", PROMPT, server.url, workers=1, attempts=attempts)


def test_the_prompt_names_and_explains_all_twelve_labels():
    for language in ("en", "zh"):
        question = JudgePrompt(language).of("A {narration} with {definitions}.")
        assert question.count("A {narration} with {definitions}.") == 1, "a narration is text, not a template"
        for label in ScriptLabel:
            assert f"{label.text(language)}: {label.definition(language)}" in question
    assert JudgePrompt("en").sha256 != JudgePrompt("zh").sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("en: 5\n", "en: expected a text"),
        ("zh: x\n", "en: expected a text"),
        ("en: '{narration}'\n", r"en: expected \{definitions\} once"),
        ("en: '{definitions} {narration} {narration}'\n", r"en: expected \{narration\} once"),
    ],
)
def test_a_bad_prompt_file_is_named(tmp_path, content, message):
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        JudgePrompt("en", file)


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        ("Sore Point", ["SORE_POINT"]),
        (" 痛点铺垫+产品试用。", ["SORE_POINT", "TRIAL"]),
        ("'others'", ["OTHERS"]),
        ("", None),
        ("Sore Point or Others", None),
        ("Label: Others", None),
        ("Others\nbecause it says so", None),
        ("+", None),
        ("x" * 100_000, None),
    ],
)
def test_answers_are_read_strictly(answer, labels):
    found = read_answer(answer)
    assert (None if found is None else [label.name for label in found]) == labels


def test_accuracy_counts_both_rules_cost_and_cache(serve, tmp_path):
    server = serve(lambda question, n: "Others" if "shines" in question else "Sore Point+Others")
    named = ScoringModels(judge="openai:tester", judge_url=server.url, cache=DiskCache(tmp_path / "c.sqlite"))
    lines = given_lines()
    lines[1]["narration"] = ""
    scores = score(lines, STORIES, ScoreSettings(models=named), storyline_given=True)
    entry = scores["script_label_accuracy"]
    assert entry["value"] == 23 / 24, "the empty one agrees with nothing"
    assert scores["script_label_exact"]["value"] == 6 / 24
    assert entry["model"] == "tester"
    assert entry["coverage"] == {"clips": 24, "scored": 24, "empty": 1, "missing": 0, "videos": 6}
    assert entry["judge"] == {
        "id": "tester",
        "unread": 0,
        "asked": 23,
        "cached": 0,
        "prompt_tokens": 2300,
        "completion_tokens": 115,
    }
    assert {q["path"] for q in server.questions} == {"/v1/chat/completions"}
    assert {q["temperature"] for q in server.questions} == {0.0}
    again = score(lines, STORIES, ScoreSettings(models=named), storyline_given=True)["script_label_accuracy"]
    assert len(server.questions) == 23, "nothing is asked twice"
    assert (again["judge"]["asked"], again["judge"]["cached"]) == (0, 23)
    assert again["value"] == entry["value"]


def test_nonsense_is_named_counted_and_kept(serve):
    server = serve(lambda question, n: "I would say it is lovely" if "Buy" in question else "Others")
    named = ScoringModels(judge="openai:tester", judge_url=server.url)
    findings = Findings()
    scores = score(given_lines(), STORIES, ScoreSettings(models=named), storyline_given=True, findings=findings)
    assert scores["script_label_accuracy"]["value"] == 18 / 24
    assert scores["script_label_accuracy"]["judge"]["unread"] == 6
    assert any("gave 6 of 24 answers that are not labels" in f and "lovely" in f for f in findings.lines)
    server = serve(lambda question, n: "garbage")
    named = ScoringModels(judge="openai:tester", judge_url=server.url)
    assert score(given_lines(), STORIES, ScoreSettings(models=named))["script_label_accuracy"]["value"] == 0.0


def test_rate_limits_and_server_errors_are_waited_out(serve):
    waits: list[float] = []
    server = serve(lambda question, n: {1: 429, 2: 500, 3: 503}.get(n, "Others"))
    verdicts = judge_texts(judge_of(server, waits), ["a cup"], DiskCache())
    assert verdicts.labels == {"a cup": (ScriptLabel.OTHERS,)}
    assert len(waits) == 3
    assert waits[0] >= 7, "as long as the server asks for"
    assert 2 <= waits[1] <= 2.5
    assert 4 <= waits[2] <= 5


def test_time_outs_and_lost_servers_give_up_with_what_was_judged_kept(serve, tmp_path):
    def answer(question, n):
        if n == 2:  # from the next request on
            judge.chat.client = judge.chat.client.with_options(timeout=0.3)
        return "Others" if n <= 2 else "hang"

    server = serve(answer)
    cache = DiskCache(tmp_path / "c.sqlite")
    judge = judge_of(server, timeout=300, most=2)
    with pytest.raises(
        InputError, match=r"failed with 2 of 5 judged, which are kept: 2 attempts failed.*APITimeoutError"
    ):
        judge_texts(judge, list("abcde"), cache)
    assert len(cache.get(judge.key, list("abcde"))) == 2
    nobody = OpenAIJudge("tester", PROMPT, "http://127.0.0.1:9/v1", attempts=Attempts(most=2, sleep=lambda s: None))
    with pytest.raises(InputError, match="APIConnectionError"):
        judge_texts(nobody, ["a"], DiskCache())


def test_what_will_not_pass_is_not_tried_again(serve):
    server = serve(lambda question, n: 401)
    named = ScoringModels(judge="openai:tester", judge_url=server.url)
    entry = score(given_lines(), STORIES, ScoreSettings(models=named))["script_label_accuracy"]
    assert entry["value"] is None
    assert "0 of 24 judged" in entry["why"]
    assert "the request was refused: AuthenticationError" in entry["why"]
    assert len(server.questions) <= 8, "those under way, no more"


def test_another_question_or_judge_is_another_cache_entry(serve, tmp_path):
    server = serve(lambda question, n: "Others")
    other = tmp_path / "mine.yaml"
    other.write_text(PROMPTS.read_text(encoding="utf-8").replace("You sort", "You order"), encoding="utf-8")
    keys = {
        OpenAIJudge("a", PROMPT, server.url).key,
        OpenAIJudge("b", PROMPT, server.url).key,
        OpenAIJudge("a", JudgePrompt("en", other), server.url).key,
        OpenAIJudge("a", PROMPT, server.url + "/other").key,
    }
    assert len(keys) == 4


def test_a_killed_run_loses_nothing(serve, tmp_path):
    """Kill -9 while the server hangs: the answers so far are on disk, and only the others are asked for again."""
    stuck = serve(lambda question, n: "Others" if n <= 9 else "hang")
    write(tmp_path / "predictions.given.jsonl", given_lines())
    write(tmp_path / "stories.jsonl", STORIES)
    command = [sys.executable, "-m", "vn.cli", "score", str(tmp_path), "--judge", "openai:tester", "--judge-url"]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    process = subprocess.Popen([*command, stuck.url], env=environment, cwd=root, stderr=subprocess.PIPE)
    judge = OpenAIJudge("tester", PROMPT, stuck.url)
    texts = [line["narration"] for line in given_lines()]
    cache = DiskCache(tmp_path / "score_cache.sqlite")
    try:
        wait_for(process, lambda: len(stuck.questions) >= 9 + 4)
        wait_for(process, lambda: len(cache.get(judge.key, texts)) == 9)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
    assert not (tmp_path / "scores.json").exists()
    well = serve(lambda question, n: "Others")
    assert len(cache.get(judge.key, texts)) == 9
    judge.chat = OpenAIJudge("tester", PROMPT, well.url).chat  # the same endpoint, mended
    verdicts = judge_texts(judge, texts, cache)
    assert (verdicts.cost.asked, verdicts.cost.cached) == (24 - 9, 9)
    assert len(well.questions) == 24 - 9


def test_two_judges_and_their_kappa_on_the_command_line(serve, tmp_path, capsys):
    server = serve(lambda question, n: "Others" if "shines" in question or "Buy" in question else "Sore Point")
    write(tmp_path / "predictions.given.jsonl", given_lines())
    write(tmp_path / "stories.jsonl", STORIES)
    train = [json.loads(json.dumps(story)) for story in STORIES]
    for story in train:
        for i, clip in enumerate(story["clips"]):
            clip["labels"] = ["Others" if i % 2 == 0 else "Sore Point"]
    write(tmp_path / "train.jsonl", train)
    options = ["--judge", "openai:tester", "--judge-url", server.url, "--second-judge", "classifier"]
    assert main(["score", str(tmp_path), *options, "--training", str(tmp_path / "train.jsonl")]) == 0
    entry = json.loads((tmp_path / "scores.json").read_text())["given"]["script_label_accuracy"]
    assert entry["value"] == 0.5
    assert entry["kappa"] == {"value": 1.0, "narrations": 24}
    out = capsys.readouterr().out
    assert "judge tester: 24 asked, 0 from the cache, 0 unread, 2400 prompt and 120 completion tokens" in out
    assert "Cohen's kappa of both judges over 24 narrations: 1.000" in out


def test_without_a_judge_there_is_a_reason():
    lines = given_lines()

    def why(**options):
        return score(lines, STORIES, ScoreSettings(models=ScoringModels(**options)))["script_label_accuracy"]["why"]

    assert "no judge was chosen" in why()
    assert "no judge 'gpt'; there are classifier, openai:MODEL or local:MODEL" in why(judge="gpt")
    assert "no training stories" in why(judge="classifier")
    assert "no language model here" in why(judge="local:/no/such/folder")
    assert score(lines_of(), STORIES)["script_label_accuracy"]["why"] == "no labels were given"


def test_answers_of_an_endpoint_of_the_environment_are_its_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    keys = []
    for url in ("", "http://127.0.0.1:8/v1", "http://127.0.0.1:9/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        keys.append(OpenAIJudge("a", PROMPT).key)
    assert len(set(keys)) == 3
    assert OpenAIJudge("a", PROMPT, "http://127.0.0.1:9/v1").key == keys[2]


def test_openai_itself_needs_a_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="cannot be asked"):
        OpenAIJudge("gpt-4", PROMPT)
