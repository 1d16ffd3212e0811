"""Writing in the studio: the same story.json that the command line reads and writes, whichever goes on."""

import json
import shutil

import pytest

from vn.cli import main
from vn.errors import InputError
from vn.io.lock import claim
from vn.studio.studio import New, Studio
from vn.studio.voices import Voices
from vn.studio.writer import Writer


@pytest.fixture(scope="module")
def writer(run):
    return Writer(run / "adapter", None, device="cpu")


@pytest.fixture
def studio(writer, workspace, tmp_path):
    (tmp_path / "scratch").mkdir()
    return Studio(workspace, writer, Voices({}, "en"), tmp_path / "scratch")


@pytest.fixture
def name(studio, video, tmp_path):
    """A story with its shots found."""
    copy = tmp_path / "kettle.mp4"
    shutil.copy(video, copy)
    return studio.create(New(copy, None, None, "Aurora kettle", "Material: steel, glass", ""))


def read(studio, name):
    return json.loads((studio.workspace.folder / name / "story.json").read_text())


def change(studio, name, **request):
    entries = studio.workspace.open(name).sheet().clips
    times = [[e["start"], e["end"]] for e in entries]
    return studio.edit({"story": name, "times": times, **request})


def test_shots_are_found_and_written_and_an_edit_writes_the_rest(studio, name):
    sheet = studio.workspace.open(name).sheet()
    assert [(e["start"], e["end"]) for e in sheet.clips] == [(0, 2), (2, 4), (4, 6)]
    assert not sheet.written
    seen = []
    studio.write(name, step=lambda done, count: seen.append((done, count)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    before = read(studio, name)
    assert all(clip["narration"] for clip in before["clips"])
    with pytest.raises(InputError, match="nothing was edited"):
        studio.write(name)
    found = change(studio, name, do="labels", clip=1, labels="Product Trial+Product Effect")
    assert (found["problem"], found["first"], found["yours"]) == ("", 1, [[], ["labels"], []])
    assert "labels of clip 2 changed" in found["state"]
    assert change(studio, name, do="narration", clip=2, narration="These words are mine.")["problem"] == ""
    studio.write(name)
    after = read(studio, name)
    assert after["clips"][0] == before["clips"][0]
    assert after["clips"][1]["labels"] == ["Product Trial", "Product Effect"]
    assert after["clips"][2]["narration"] == "These words are mine."
    assert [clip.get("fixed") for clip in after["clips"]] == [None, ["labels"], ["narration"]]


def test_command_line_and_studio_write_the_same_and_go_on_from_each_other(studio, name, run, tmp_path):
    folder = studio.workspace.folder / name
    out = tmp_path / "by-command"
    video, product = folder / "video.mp4", folder / "product.yaml"
    where = ["--run", str(run), "--device", "cpu", "--out", str(out)]
    assert main(["narrate", str(video), "--product", str(product), *where]) == 0
    studio.write(name)
    mine, theirs = read(studio, name), json.loads((out / "story.json").read_text())
    assert mine["clips"] == theirs["clips"]
    assert mine["record"]["clips"] == theirs["record"]["clips"]
    change(studio, name, do="split", clip=1, second=3.0)
    change(studio, name, do="labels", clip=0, labels="Sore Point")
    shutil.copytree(folder, tmp_path / "copy")
    assert main(["narrate", "--edit", str(tmp_path / "copy" / "story.json"), "--device", "cpu"]) == 0
    studio.write(name)
    by_command = json.loads((tmp_path / "copy" / "story.json").read_text())
    assert read(studio, name)["clips"] == by_command["clips"]
    assert len(by_command["clips"]) == 4
    shutil.copy(tmp_path / "copy" / "story.json", folder / "story.json")
    assert studio.workspace.open(name).sheet().first is None
    by_command["clips"][2]["narration"] = "By hand, in an editor."
    (folder / "story.json").write_text(json.dumps(by_command))
    sheet = studio.workspace.open(name).sheet()
    assert sheet.first == 2
    assert sheet.clips[2]["fixed"] == ["narration"]
    studio.write(name, 2)
    assert read(studio, name)["clips"][2]["narration"] == "By hand, in an editor."


def test_write_from_here_writes_the_rest_again(studio, name):
    studio.write(name)
    before = read(studio, name)
    times = [(c["start"], c["end"]) for c in before["clips"]]
    studio.workspace.open(name).edit_clips(times, lambda clips: clips[2].update(narration="Edited."))
    studio.write(name, 1)
    after = read(studio, name)
    assert after["clips"][:2] == before["clips"][:2]  # greedy: the same again
    assert after["clips"][2]["narration"] == "Edited."


def test_a_changed_product_writes_everything_again(studio, name):
    studio.write(name)
    studio.save_product(name, "Another kettle", "Material: tin")
    assert studio.product(name) == ("Another kettle", "Material: tin")
    assert studio.workspace.open(name).sheet().first == 0
    studio.write(name)
    assert read(studio, name)["title"] == "Another kettle"
    with pytest.raises(InputError, match="expected an aspect"):
        studio.save_product(name, "Another kettle", "nothing")


def test_while_it_is_written_or_rendered_nothing_else_is_saved(studio, name):
    folder = studio.workspace.folder / name
    before = (folder / "product.yaml").read_bytes()
    with claim(folder, "vn render"):
        found = change(studio, name, do="narration", clip=0, narration="Lost?")
        assert "vn render" in found["problem"]
        with pytest.raises(InputError, match="is at work in this folder"):
            studio.write(name)
    assert (folder / "product.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        {},
        {"story": "../x", "times": [], "do": "merge", "clip": 0},
        {"do": "merge", "clip": "0"},
        {"do": "merge", "clip": 2},
        {"do": "erase", "clip": 0},
        {"do": "border", "clip": 0, "second": "1"},
        {"do": "border", "clip": 0, "second": True},
        {"do": "labels", "clip": 0, "labels": "Nonsense"},
        {"do": "merge", "clip": 0, "times": "x"},
        {"do": "merge", "clip": 0, "times": [[0, 1]]},
    ],
)
def test_whatever_a_browser_sends_is_answered_with_a_sentence(studio, name, request_):
    file = studio.workspace.folder / name / "product.yaml"
    before = file.read_bytes()
    if isinstance(request_, dict) and request_:
        entries = studio.workspace.open(name).sheet().clips
        request_ = {"story": name, "times": [[e["start"], e["end"]] for e in entries], **request_}
    found = studio.edit(request_)
    assert set(found) == {"problem"}
    assert found["problem"]
    assert file.read_bytes() == before


def test_texts_are_escaped_and_odds_are_shown(studio, name):
    evil = "<script>window.hacked = 1</script>"
    studio.write(name)
    change(studio, name, do="narration", clip=0, narration=evil)
    studio.save_product(name, evil, f"{evil}: {evil}")
    board = studio.board(name)
    assert evil not in board
    assert "&lt;script&gt;window.hacked" in board
    odds = read(studio, name)["clips"][1]["label_odds"]
    best = max(odds, key=odds.get)
    assert f"{best} · " in board


def test_a_voice_that_was_not_named_is_refused(studio, name):
    with pytest.raises(InputError, match="was not named when the studio was started"):
        studio.render(name, "command:rm", 1.0, False)
    with pytest.raises(InputError, match="write the story first"):
        studio.render(name, "none", 1.0, False)
    with pytest.raises(InputError, match="choose a voice first"):
        studio.preview(name, 0, "none")
