"""``vn order CLIPS``: each method with what the table in docs/ordering.md says that it needs."""

import json

import pytest
import yaml
from chat_server import ChatServer
from small_video import write_video

from vn.cli import main

STORYLINE = ["Call to Action", "Sore Point"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    write_video(tmp_path / "a.mp4", 2)
    write_video(tmp_path / "b.mp4", 3)
    (tmp_path / "product.yaml").write_text("title: Kettle\nlanguage: en\ndomain: ad\nknowledge: []\n")
    return tmp_path


def order(place, *words):
    files = [str(place / "a.mp4"), str(place / "b.mp4")]
    return main(["order", *files, "--product", str(place / "product.yaml"), *map(str, words)])


@pytest.mark.parametrize("method", ["labels", "transitions"])
def test_clips_with_known_labels_need_training_stories_alone(place, data, method):
    (place / "labels.yaml").write_text(yaml.safe_dump(STORYLINE))
    words = ["--storyline", place / "labels.yaml", "--data", data, "--method", method, "--out", place / "out"]
    assert order(place, *words) == 0
    found = json.loads((place / "out" / "order.json").read_text())["clips"]
    assert sorted((each["given"], *each["labels"]) for each in found) == [(1, STORYLINE[0]), (2, STORYLINE[1])]


@pytest.mark.parametrize("known", [STORYLINE[:1] + [None], None])
def test_labels_that_are_not_known_need_a_narrator(place, data, capsys, known):
    (place / "labels.yaml").write_text(yaml.safe_dump(known or [None, None]))
    assert order(place, "--storyline", place / "labels.yaml", "--data", data, "--method", "labels") == 2
    assert "a trained narrator is needed" in capsys.readouterr().err


def test_a_chat_model_that_is_shown_frames_needs_an_endpoint_alone(place, capsys):
    server = ChatServer(lambda text, number: '{"order": [2, 1]}')
    words = ["--method", "chat", "--chat", "openai:m", "--chat-url", server.url]
    try:
        assert order(place, *words, "--shown", "frames", "--out", place / "out") == 0
        assert order(place, *words) == 2
    finally:
        server.close()
    assert "a trained narrator is needed" in capsys.readouterr().err
    found = json.loads((place / "out" / "order.json").read_text())["clips"]
    assert [each["file"] for each in found] == ["../b.mp4", "../a.mp4"]
    parts = server.questions[0]["messages"][0]["content"]
    assert sum(part["type"] == "image_url" for part in parts) == 2
    assert "one strip per clip, in the order of the list below" in parts[-1]["text"]
