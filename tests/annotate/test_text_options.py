"""The options of the text stages: which stages they give, and what is refused before anything is sent."""

import argparse

import pytest
from chat_server import ChatServer

from vn.annotate.text.bounds import FURTHEST
from vn.annotate.text.options import add_text_options, text_stages
from vn.errors import InputError
from vn.io.disk_cache import DiskCache


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_text_options(parser)
    parser.set_defaults(language="en")
    return parser.parse_args(words)


def names(*words):
    return [(stage.name, type(stage).__name__) for stage in text_stages(parsed(*words), DiskCache())]


def test_the_stages_that_are_asked_for_in_their_order():
    assert names() == [("knowledge", "KnowledgeStage")]
    assert names("--refine", "facts") == [("knowledge", "KnowledgeStage"), ("refine", "FactsRefine")]
    there = "http://127.0.0.1:9/v1"
    models = [
        x for word in ("labels", "refine", "knowledge") for x in (f"--{word}", "openai:m", f"--{word}-url", there)
    ]
    assert names(*models) == [
        ("knowledge", "KnowledgeStage"),
        ("refine", "ChatRefine"),
        ("labels", "ChatLabels"),
    ]
    assert parsed().furthest == FURTHEST


def test_shared_options_are_added_once():
    parser = argparse.ArgumentParser()
    from vn.endpoints.options import add_endpoint, add_shared_options

    add_shared_options(parser)
    add_endpoint(parser, "speech-model", "recognises", lambda args, amount: None)
    add_text_options(parser)
    assert set(parser.get_default("endpoints")) == {"speech-model", "knowledge", "refine", "labels"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--refine", "fact"], r"--refine: no model 'fact'; expected facts, openai:MODEL or local:MODEL"),
        (["--refine", "openai:"], r"--refine: no model"),
        (["--labels", "gpt"], r"--labels: no model 'gpt'; expected classifier:STORIES"),
        (["--labels", "classifier:nowhere"], r"nowhere: --labels: no such labelled stories"),
        (["--knowledge", "facts"], r"--knowledge: no model 'facts'"),
        (["--furthest", "0"], r"--furthest: expected a number above 0"),
        (["--furthest", "nan"], r"--furthest: expected a number"),
        (["--furthest", "1.5"], r"--furthest: expected a number"),
        (["--keep-unsourced"], r"--keep-unsourced: needs --knowledge"),
        (["--refine", "openai:gpt-4o"], r"--refine openai:gpt-4o: frames and texts would be sent to .*--yes"),
        (["--refine", "local:/no/such/folder"], r"/no/such/folder: no language model here"),
        (["--refine", "facts", "--refine-url", "ftp://x"], None),
        (["--labels", "openai:m", "--labels-url", "ftp://x"], r"--labels-url: expected http"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if message is None:
        assert [stage.name for stage in text_stages(parsed(*words), DiskCache())] == ["knowledge", "refine"]
        return
    with pytest.raises(InputError, match=message):
        text_stages(parsed(*words), DiskCache())


def test_what_results_depend_on_is_in_the_keys():
    server = ChatServer(lambda question, number: "{}")
    try:
        where = ("--refine-url", server.url)
        keys = [
            text_stages(parsed(*words), DiskCache())[-1].key
            for words in (
                ("--refine", "openai:a", *where),
                ("--refine", "openai:b", *where),
                ("--refine", "openai:a", *where, "--furthest", "0.4"),
                ("--refine", "facts"),
                ("--refine", "facts", "--furthest", "0.4"),
            )
        ]
        assert len(set(keys)) == len(keys)
        assert server.questions == []
    finally:
        server.close()
