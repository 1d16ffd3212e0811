"""The record of a story that a chat model has written, in ``vn narrate --edit``."""

import json

import pytest
import yaml
from form_filler import filled
from small_video import write_video

pytest.importorskip("openai")
from chat_server import ChatServer

from vn.cli import main

PRODUCT = {
    "title": "Aurora kettle",
    "language": "en",
    "knowledge": [{"aspect": "Material", "points": ["steel"]}],
    "clips": [{"start": 0, "end": 4}, {"start": 4, "end": 8}],
}


def test_the_record_of_a_story_sends_nothing_to_another_machine(tmp_path, monkeypatch, capsys):
    """A story's file may come from anyone; leave to send is given with every call, and never recorded."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    server = ChatServer(lambda question, n: filled(question) if "form" in question else "A red kettle.")
    write_video(tmp_path / "kettle.mp4", 8)
    (tmp_path / "product.yaml").write_text(yaml.safe_dump(PRODUCT))
    words = ["narrate", str(tmp_path / "kettle.mp4"), "--product", str(tmp_path / "product.yaml")]
    chat = ["--baseline", "chat", "--chat", "openai:tester", "--chat-url", server.url]
    chat += ["--captions", "openai:seer", "--captions-url", server.url]
    file = tmp_path / "story" / "story.json"
    try:
        assert main([*words, *chat, "--yes", "--out", str(tmp_path / "story")]) == 0
        story = json.loads(file.read_text())
        options = story["record"]["made_with"]["options"]
        assert "yes" not in options
        story["clips"][0]["narration"] = ""
        file.write_text(json.dumps(story))
        assert main(["narrate", "--edit", str(file)]) == 0, "on this machine no leave is needed"
        asked = len(server.questions)
        for url in ("http://elsewhere.example/v1", None):
            options |= {"chat-url": url, "yes": True}
            file.write_text(json.dumps(story))
            capsys.readouterr()
            assert main(["narrate", "--edit", str(file)]) == 2
            error = capsys.readouterr().err
            host = "elsewhere.example" if url else "api.openai.com"
            assert f"its record names {host}; to send frames and texts there, add --yes" in error
        assert main(["narrate", "--edit", str(file), *chat]) == 0, "what the command names is not the record's"
        assert len(server.questions) == asked, "what was answered is kept"
    finally:
        server.close()
