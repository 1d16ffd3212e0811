"""Adapters to and from the hub: a stand-in on loopback, spoken to by the real huggingface_hub."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hub_server import HubServer
from huggingface_hub import constants
from small_video import write_video
from test_adapter import loss_of

from vn.adapter import load_adapter, save_adapter
from vn.card import CARD
from vn.cli import main
from vn.errors import InputError
from vn.hub import local_folder, on_hub, pinned
from vn.io.files import read_json
from vn.model_card import model_card, without_folders


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, with a token that may write, and a cache of its own."""
    server = HubServer()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", server.token)
    yield server
    server.close()


@pytest.fixture
def run(make, tmp_path):
    """A scored run."""
    folder = tmp_path / "secret-place" / "kettles"
    save_adapter(folder / "adapter", make())
    how = {"tokenisation": "ptb", "variant": "cider-d"}
    scores = {"predicted": {"cider": {"value": 0.4321, **how}, "emscore": {"value": None, "why": "none"}}}
    (folder / "scores.json").write_text(json.dumps(scores))
    return folder


def refused(capsys, *args):
    assert main([*map(str, args)]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    return error


def test_pushed_and_loaded_it_is_the_same_narrator(hub, run, tiny_base, make, frames, capsys):
    assert main(["export", str(run), "--push", "me/kettles", "--private"]) == 0
    said = capsys.readouterr().out
    assert "--adapter hf://me/kettles" in said
    assert f"its base model {tiny_base.name} is not on the hub" in said
    assert hub.private == {"me/kettles"}
    loaded = load_adapter("hf://me/kettles", str(tiny_base))
    assert loss_of(loaded, frames).item() == pytest.approx(loss_of(make(), frames).item(), rel=1e-4)
    main(["export", str(run), "--push", "me/kettles"])
    assert len(hub.repositories["me/kettles"]) == 3  # as it was made, and two commits


def test_no_path_of_this_machine_is_pushed(hub, run, make, tiny_base, tmp_path):
    base = shutil.copytree(tiny_base, tmp_path / "models" / "kettle-lm")
    save_adapter(run / "adapter", make(base_model=str(base)))
    main(["export", str(run), "--push", "me/kettles"])
    files = hub.repositories["me/kettles"][-1]
    assert files.keys() == {
        *(".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors"),
        *("narrator.json", "narrator.safetensors", "template.yaml"),
    }
    for content in files.values():
        assert str(tmp_path).encode() not in content
        assert b"secret-place" not in content
    with pytest.raises(InputError, match=r"base model is not found \(tried .*; give its path with --base-model"):
        load_adapter("hf://me/kettles")


def test_a_model_card_comes_with_the_adapter_and_its_scores_with_the_push(hub, run, tiny_base):
    local = (run / "adapter" / "README.md").read_text(encoding="utf-8")
    main(["export", str(run), "--push", "me/kettles"])
    pushed = hub.repositories["me/kettles"][-1]["README.md"].decode()
    for text in (local, pushed):
        _, front, body = text.split("---\n", 2)
        assert yaml.safe_load(front) == {
            "library_name": "vn",
            "language": ["en"],
            "pipeline_tag": "video-text-to-text",
            "tags": ["vn", "video-narration", "video-storytelling", "lora"],
        }
        assert f"base model | {tiny_base.name} (float32" in body
        assert str(tiny_base) not in text
    assert "| predicted | cider | 43.21 | ptb, cider-d |" in pushed
    assert "emscore" not in pushed
    assert 'load_adapter("hf://me/kettles")' in pushed
    assert "Scores" not in local


def test_a_base_model_of_the_hub_is_named(run):
    data = {**read_json(run / "adapter" / CARD), "base_model": "org/llama"}
    front = yaml.safe_load(model_card(data).split("---\n", 2)[1])
    assert front["base_model"] == "org/llama"
    assert front["base_model_relation"] == "adapter"


@pytest.mark.parametrize(
    ("base", "shown"),
    [
        ("org/llama", "org/llama"),
        ("smollm2", "smollm2"),
        ("/home/me/llama", "llama"),
        ("./llama.gguf", "llama.gguf"),
        ("untrained:org/llama", "untrained:org/llama"),
        ("untrained:/home/me/llama", "untrained:llama"),
        ("a.b:load:~/llama", "a.b:load:llama"),
    ],
)
def test_a_base_model_is_shown_without_its_folders(base, shown):
    assert without_folders(base) == shown


def test_only_what_an_adapter_is_made_of_is_fetched(hub, run):
    main(["export", str(run), "--push", "me/kettles"])
    hub.commit("me/kettles", dict.fromkeys(("x.bin", "x.pt", "x.pkl", "x.py", "sub/x.json", "x.gguf"), b"evil"))
    folder = local_folder("hf://me/kettles")
    ours = {"README.md", "adapter_config.json", "adapter_model.safetensors", "template.yaml"}
    assert {f.name for f in folder.rglob("*")} == ours | {"narrator.json", "narrator.safetensors"}
    assert not [line for line in hub.asked if "resolve" in line and "/x." in line]


def test_a_revision_is_a_commit_or_a_tag(hub, tmp_path):
    shas = [hub.commit("me/a", {"narrator.json": text}) for text in (b"1", b"2")]
    for name, text in (("@v1", "1"), ("", "2"), (f"@{shas[0]}", "1")):
        folder = local_folder(f"hf://me/a{name}")
        assert (folder / "narrator.json").read_text() == text
        assert pinned(f"hf://me/a{name}", folder) == f"hf://me/a@{shas[int(text) - 1]}"
    assert pinned("some/folder", Path("some/folder")) == "some/folder"


def test_a_plain_string_is_a_path(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hub.commit("me/kettles", {"narrator.json": b"{}"})
    assert not on_hub("me/kettles")
    assert not on_hub(Path("hf://me/kettles"))
    with pytest.raises(InputError, match="no adapter here"):
        load_adapter("me/kettles")
    assert hub.asked == []


@pytest.mark.parametrize(
    "name", ["hf://", "hf://kettles", "hf://me/a/b", "hf://me/a@../../x", "hf://../a", "hf://me/a@"]
)
def test_what_is_not_a_name_is_refused_unasked(hub, name):
    with pytest.raises(InputError, match="expected hf://user/repo"):
        local_folder(name)
    assert hub.asked == []


def narrate(place, tmp_path):
    (tmp_path / "p.yaml").write_text("title: Tea\nlanguage: en\nclips: [{start: 0, end: 3}]\n")
    video = tmp_path / "v.mp4"
    video.exists() or write_video(video, 3)
    return ["narrate", video, "--product", tmp_path / "p.yaml", "--adapter", place, "--out", tmp_path / "out"]


def test_what_is_fetched_is_checked_like_any_folder(hub, run, tmp_path, tiny_base, capsys):
    hub.commit("me/none", {"README.md": b"hello"})
    assert "no adapter here (narrator.json is missing)" in refused(capsys, *narrate("hf://me/none", tmp_path))
    main(["export", str(run), "--push", "me/kettles"])
    hub.commit("me/kettles", {"narrator.safetensors": b"damaged"})
    with pytest.raises(InputError, match=r"narrator.safetensors: missing or damaged"):
        load_adapter("hf://me/kettles", str(tiny_base))


def test_failures_are_one_sentence(hub, run, tmp_path, monkeypatch, capsys):
    assert "no such repository" in refused(capsys, *narrate("hf://me/none", tmp_path))
    hub.commit("me/a", {"narrator.json": b"{}"})
    assert "the repository has no such revision" in refused(capsys, *narrate("hf://me/a@v9", tmp_path))
    assert "expected user/repo, got 'kettles'" in refused(capsys, "export", run, "--push", "kettles")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "b" * 34)
    assert "does not let this user do that" in refused(capsys, "export", run, "--push", "me/kettles")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "was not fetched before, and the hub is not reached" in refused(capsys, *narrate("hf://me/b", tmp_path))
    assert "the hub cannot be reached" in refused(capsys, "export", run, "--push", "me/kettles")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.close()
    assert "Connection refused" in refused(capsys, *narrate("hf://me/b", tmp_path))
    assert "Connection refused" in refused(capsys, "export", run, "--push", "me/kettles")


def test_fetched_once_it_is_there_without_the_hub(hub, run, monkeypatch):
    main(["export", str(run), "--push", "me/kettles"])
    folder = local_folder("hf://me/kettles")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.asked)
    assert local_folder("hf://me/kettles") == folder
    assert local_folder("hf://me/kettles", cached_only=True) == folder
    assert len(hub.asked) == before


def test_nothing_is_fetched_because_a_file_names_it(hub, experiment, capsys):
    config = experiment.config.read_text() + "\nadapter: hf://me/kettles\n"
    experiment.config.write_text(config)
    error = refused(capsys, "test", "--config", experiment.config, "--name", "toy")
    assert "toy.yaml: adapter: nothing is fetched because a file names it" in error
    assert "--adapter hf://me/kettles" in error
    assert hub.asked == []


def test_a_process_of_its_own_asks_the_endpoint_that_the_user_names(hub, run, tmp_path, tiny_base):
    """As the other tests, with nothing patched."""
    main(["export", str(run), "--push", "me/kettles"])
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    env.pop("HF_HUB_OFFLINE")
    code = "import sys; from vn.hub import local_folder; print(local_folder(sys.argv[1]))"
    args = [sys.executable, "-c", code, "hf://me/kettles"]
    done = subprocess.run(args, env=env, capture_output=True, text=True, timeout=300, check=True)
    assert load_adapter(done.stdout.strip(), str(tiny_base)).card.language == "en"
