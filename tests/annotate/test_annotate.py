"""`vn annotate`: real small videos through all stages to shards, in process; what goes wrong is counted and named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import stand_ins
from made_videos import render_scenes

import vn.annotate.write
from vn.annotate.drafts import read_drafts
from vn.cli import main
from vn.data.manifest import Manifest

TWO = [(1, 2), (2, 2)]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    for n, name in enumerate(("a", "b", "c", "d")):
        render_scenes(folder / f"{name}.mp4", [(10 * n + 1, 2), (10 * n + 2, 2)])
    return folder


@pytest.fixture
def place(tmp_path, rendered, monkeypatch):
    """Four videos of two scenes, with words in three of them and products for all."""
    for name in stand_ins.NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name, None)
    stand_ins.install()
    stand_ins.CALLS.clear()
    videos = tmp_path / "videos"
    videos.mkdir()
    for file in rendered.iterdir():
        os.link(file, videos / file.name)
    for name, words in (("a", "cold 0.5 1 tea 2.5 3"), ("b", "a 1 1.2 far 3 3.2 cry 3.3 3.5"), ("c", "hello 0.5 1")):
        parts = words.split()
        lines = [" ".join(parts[i : i + 3]) for i in range(0, len(parts), 3)]
        (videos / f"{name}.spoken").write_text("\n".join(lines))
    products = tmp_path / "products"
    products.mkdir()
    for name in "abcd":
        title = "Kettle" if name in "ab" else f"Product {name}"
        text = f"title: {title}\nlanguage: en\nknowledge:\n- aspect: Material\n  points: [steel]\n"
        (products / f"{name}.yaml").write_text(text)
    out = tmp_path / "stories"
    words = ["annotate", str(videos), "--out", str(out), "--language", "en", "--products", str(products), "--refine"]

    def run(*more):
        stand_ins.CALLS.clear()
        return main([*words, *more])

    return SimpleNamespace(videos=videos, products=products, out=out, run=run, words=words)


def stories(out: Path) -> dict[str, dict]:
    return {file.stem: json.loads(file.read_text()) for file in out.glob("t*/*.json")} | {
        file.stem: json.loads(file.read_text()) for file in out.glob("val/*.json")
    }


def report(out: Path) -> dict:
    return json.loads((out / "stages" / "annotate.json").read_text())


def files(out: Path, *stages: str) -> dict[str, int]:
    """When each stage's files were written."""
    return {
        file.relative_to(out).as_posix(): file.stat().st_mtime_ns
        for stage in stages
        for file in (out / "stages" / stage).iterdir()
    }


def edit(file: Path, change) -> None:
    content = json.loads(file.read_text())
    change(content["result"])
    file.write_text(json.dumps(content))


def test_from_videos_to_shards(place, capsys):
    assert place.run() == 0
    written = stories(place.out)
    assert sorted(written) == ["a", "b", "c"]  # nobody speaks in d
    assert [clip["narration"] for clip in written["a"]["clips"]] == ["Cold", "Tea"]
    assert [(clip["start"], clip["end"]) for clip in written["a"]["clips"]] == [(0, 2), (2, 4)]
    assert written["a"]["title"] == "Kettle"
    found = report(place.out)
    assert found["counts"]["silent"] == {"total": 1, "videos": ["d"]}
    assert found["counts"]["marked far"] == {"total": 1, "videos": ["b"]}
    assert found["left_out"] == {"without a narration": ["d"]}
    assert "no product is in the val split: there are 2 in all" in found["warnings"]  # as many as are written
    shown = capsys.readouterr()
    assert "silent" in shown.out
    assert "marked far" in shown.out
    assert "a: a warning of the speech" in shown.err
    assert [draft.video.id for draft in read_drafts(place.out)] == ["a", "b", "c", "d"]
    assert read_drafts(place.out)[1].marked == (1,)
    data = place.out.parent / "data"
    assert main(["prepare", str(place.out), "--reader", "stories", "--out", str(data)]) == 0
    manifest = Manifest.load(data)
    kept = {sample.key for split in manifest.splits for sample in manifest.samples(split)}
    assert kept == {"a", "b", "c"}


def test_the_same_command_again_makes_nothing(place):
    assert place.run() == 0
    before = files(place.out, "shots", "speech", "knowledge", "refine", "review")
    texts = stories(place.out)
    first = (place.out / "stages" / "written.json").read_bytes()
    assert place.run() == 0
    assert stand_ins.CALLS == []
    assert files(place.out, "shots", "speech", "knowledge", "refine", "review") == before
    assert stories(place.out) == texts
    assert (place.out / "stages" / "written.json").read_bytes() == first
    assert "a: a warning of the speech" in report(place.out)["warnings"]  # kept with the result


def test_until_and_from(place):
    assert place.run("--until", "speech") == 0
    assert sorted(each.name for each in (place.out / "stages").iterdir() if each.is_dir()) == ["shots", "speech"]
    assert not (place.out / "train").exists()
    before = files(place.out, "shots", "speech")
    assert place.run("--from", "knowledge") == 0
    assert files(place.out, "shots", "speech") == before
    assert {stage for stage, _ in stand_ins.CALLS} == {
        "all knowledge", "knowledge", "all refine", "refine", "all review", "review"
    }  # fmt: skip
    assert place.run("--from", "refine") == 0
    assert {stage for stage, _ in stand_ins.CALLS} == {"all refine", "refine", "all review", "review"}


def test_what_changes_makes_only_what_depends_on_it_again(place):
    assert place.run() == 0
    file = place.products / "a.yaml"
    file.write_text(file.read_text().replace("steel", "glass"))
    assert place.run() == 0
    assert [call for call in stand_ins.CALLS if not call[0].startswith("all")] == [("knowledge", "a"), ("refine", "a")]
    (place.videos / "c.spoken").write_text("bye 0.5 1\n")  # no input of a stage: the sound is in the video
    assert place.run() == 0
    assert stand_ins.CALLS == []
    assert place.run("--shortest", "3") == 0
    assert len([call for call in stand_ins.CALLS if call[0] == "speech"]) == 4
    assert len(stories(place.out)["a"]["clips"]) == 1


def test_an_edited_file_is_kept_and_later_stages_are_made_from_it(place):
    assert place.run() == 0
    file = place.out / "stages" / "speech" / "a.json"
    edit(file, lambda result: result.update(texts=["warm", "tea"]))
    edited = file.read_bytes()
    assert place.run() == 0
    assert file.read_bytes() == edited
    assert [call for call in stand_ins.CALLS if not call[0].startswith("all")] == [("refine", "a"), ("review", "a")]
    assert [clip["narration"] for clip in stories(place.out)["a"]["clips"]] == ["Warm", "Tea"]


def test_an_edited_file_whose_inputs_changed_too_is_refused_until_it_is_asked_for(place, capsys):
    assert place.run() == 0
    file = place.out / "stages" / "speech" / "a.json"
    edit(file, lambda result: result.update(texts=["warm", "tea"]))
    edited, before = file.read_bytes(), stories(place.out)
    capsys.readouterr()
    assert place.run("--shortest", "3") == 2
    error = capsys.readouterr().err
    assert "a.json: was edited by hand" in error
    assert "--from speech" in error
    assert file.read_bytes() == edited
    assert stories(place.out) == before
    assert place.run("--shortest", "3", "--from", "speech") == 0
    assert file.with_suffix(".edited").read_bytes() == edited
    assert "a.edited" in capsys.readouterr().err


def test_a_mistake_in_an_edit_is_named(place, capsys):
    assert place.run() == 0
    edit(place.out / "stages" / "speech" / "a.json", lambda result: result.update(kind="music"))
    assert place.run() == 2
    assert "a.json: kind: expected 'speech' or" in capsys.readouterr().err
    assert place.run("--from", "speech") == 0
    assert "a.json: had been edited by hand; what was there is now a.edited" in capsys.readouterr().err


def test_an_edit_for_other_clips_is_named_and_no_story_is_written_without_it(place, capsys):
    assert place.run() == 0
    before = stories(place.out)
    edit(place.out / "stages" / "refine" / "a.json", lambda result: result.update(texts=["One"]))
    assert place.run() == 2
    assert (
        "a: the result of refine is for 1 clips, but there are 2; repeat with --from refine" in capsys.readouterr().err
    )
    assert stories(place.out) == before


def test_a_damaged_file_is_named_and_made_again(place, capsys):
    assert place.run() == 0
    before = stories(place.out)
    file = place.out / "stages" / "speech" / "a.json"
    file.write_bytes(file.read_bytes()[:50])
    assert place.run() == 0
    assert "a.damaged" in capsys.readouterr().err
    assert ("speech", "a") in stand_ins.CALLS
    assert ("speech", "b") not in stand_ins.CALLS
    assert stories(place.out) == before


def test_bad_videos_are_counted_and_named(place, capsys):
    (place.videos / "bad.mp4").write_bytes(b"\0" * 5000)
    (place.videos / "empty.mp4").touch()
    (place.videos / "b.prose").touch()
    assert place.run() == 2
    error = capsys.readouterr().err
    assert "3 videos cannot be used (--max-bad allows 0)" in error
    for name in ("bad.mp4", "empty.mp4", "b.mp4: answered in prose"):
        assert name in error
    assert stories(place.out) == {}
    assert place.run("--max-bad", "3") == 0
    assert [call for call in stand_ins.CALLS if not call[0].startswith("all")] == [("refine", "b")]  # the rest was kept
    assert sorted(stories(place.out)) == ["a", "c"]
    assert sorted(report(place.out)["bad"]) == ["b", "bad", "empty"]


def test_a_stage_that_cannot_go_on_stops_the_command_and_keeps_what_is_done(place, capsys):
    (place.videos / "b.gone").touch()
    assert place.run() == 2
    assert capsys.readouterr().err.endswith("vn annotate: error: the endpoint is gone\n")
    (place.videos / "b.gone").unlink()
    assert place.run() == 0
    made = [call for call in stand_ins.CALLS if not call[0].startswith("all")]
    assert made[:3] == [("refine", "b"), ("refine", "c"), ("refine", "d")]
    assert {stage for stage, _ in made} == {"refine", "review"}


def test_a_copy_without_a_product_replaces_nothing_and_moves_nothing(place, capsys):
    """A later command finds a copy whose name comes first: the video with the product is kept, in its split."""
    shares = ["--test-share", "0.5", "--val-share", "0"]
    assert place.run(*shares) == 0
    before = stories(place.out), {file.stem: file.parent.name for file in place.out.glob("t*/*.json")}
    for name in "abc":
        shutil.copy(place.videos / f"{name}.mp4", place.videos / f"0{name}.mp4")
    for more, copies in ((), set()), (["--keep-duplicates"], {"0a", "0b", "0c"}):
        assert place.run(*shares, *more) == 0
        assert report(place.out)["duplicates"] == {"0a": "a", "0b": "b", "0c": "c"}
        found = {file.stem: file.parent.name for file in place.out.glob("t*/*.json")}
        assert {name: stories(place.out)[name] for name in before[0]} == before[0]
        assert {name: found[name] for name in before[1]} == before[1]
        assert set(found) - set(before[1]) <= copies
    assert "show the same as others, the first is 0a (as a)" in capsys.readouterr().err


def test_no_product_is_in_two_splits_and_duplicates_are_one_product(place, capsys):
    render_scenes(place.videos / "e.mkv", [(1, 2), (2, 2)], size=(160, 108), quality="30")  # a again, scaled
    (place.videos / "e.spoken").write_text("cold 0.5 1\n")
    assert place.run() == 0
    assert "e.mkv shows the same as a" in capsys.readouterr().err
    assert report(place.out)["duplicates"] == {"e": "a"}
    assert "e" not in stories(place.out)
    assert ("speech", "e") not in stand_ins.CALLS
    for share in (0.1, 0.3, 0.45):
        assert place.run("--keep-duplicates", "--test-share", str(share), "--val-share", "0.3") == 0
        assert "1 video shows the same as others, the first is e (as a)" in capsys.readouterr().err
        split = {file.stem: file.parent.name for file in place.out.glob("*/*.json") if file.parent.name != "stages"}
        assert split["a"] == split["b"] == split["e"]
        assert sorted(split) == ["a", "b", "c", "e"]


def test_stale_stories_are_removed_only_if_they_are_ours_and_unchanged(place, capsys):
    assert place.run() == 0
    mine = place.out / "train" / "mine.json"
    mine.write_text("{}")
    (place.videos / "c.mp4").unlink()
    assert place.run() == 0
    assert sorted(stories(place.out)) == ["a", "b", "mine"]
    assert "1 story is not from vn annotate" in capsys.readouterr().err
    mine.unlink()
    changed = next(place.out.glob("*/a.json"))
    changed.write_text(changed.read_text().replace("Cold", "Warm"))
    text = changed.read_text()
    assert place.run() == 2
    assert "a.json: was not written by vn annotate, or was changed since" in capsys.readouterr().err
    assert changed.read_text() == text


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_writing_that_is_interrupted_goes_on(place, monkeypatch, after):
    assert place.run() == 0
    first = stories(place.out)
    (place.products / "b.yaml").write_text("title: Teapot\nlanguage: en\n")  # a and b may be in other splits then
    written, left = vn.annotate.write.write_text, [after]

    def stop(file, text):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        written(file, text)

    with monkeypatch.context() as patch:
        patch.setattr("vn.annotate.write.write_text", stop)
        assert place.run("--test-share", "0.4") == 130
    assert place.run("--test-share", "0.4") == 0
    assert sorted(stories(place.out)) == sorted(first)
    names = [file.stem for file in place.out.glob("*/*.json") if file.parent.name != "stages"]
    assert len(names) == len(set(names)) == 3


def test_only_reviewed(place):
    assert place.run() == 0
    (place.out / "review").mkdir()
    (place.out / "review" / "b.txt").write_text("As Ann wrote it.")
    assert place.run("--only-reviewed") == 0
    assert [call for call in stand_ins.CALLS if call[0] == "review"] == [("review", "b")]
    assert list(stories(place.out)) == ["b"]
    assert {clip["narration"] for clip in stories(place.out)["b"]["clips"]} == {"As Ann wrote it."}
    assert report(place.out)["left_out"]["not reviewed"] == ["a", "c", "d"]


def test_results_of_stages_that_are_not_asked_for_are_not_used(place, capsys):
    assert place.run() == 0
    place.words.remove("--refine")
    assert place.run() == 0
    assert "stages/refine is from an earlier command" in capsys.readouterr().err
    assert [clip["narration"] for clip in stories(place.out)["a"]["clips"]] == ["cold", "tea"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--longest-video", "3"], "a.mp4: a: has at least 4 s, more than --longest-video 3"),
        (["--longest", "1.5"], "--longest: expected at least twice --shortest (2 s), got 1.5"),
        (["--longest", "inf"], "--longest: expected seconds above 0, got inf"),
        (["--longest-video", "inf"], "--longest-video: expected seconds above 0, got inf"),
        (["--out", ""], "--out: is empty; write . for the current folder, or leave an option out"),
        (["--out="], "--out: is empty"),
        (["--shots", ""], "--shots: is empty"),
        (["--shortest", "0"], "--shortest: expected seconds above 0, got 0"),
        (["--val-share", "0.5", "--test-share", "0.5"], "--test-share: with --val-share nothing is left"),
        (["--from", "refine", "--until", "speech"], "--from refine: comes after --until speech"),
        (["--max-bad", "-1"], "--max-bad: expected 0 or more, got -1"),
        (["--shots", "combinedd"], "no shot detector 'combinedd' (did you mean 'combined'?)"),
        (["--products", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
    ],
)
def test_bad_requests_are_one_sentence(place, capsys, words, sentence):
    assert place.run(*words) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert any(sentence in line for line in error), error


def test_an_empty_place_is_not_the_current_folder(place, capsys, monkeypatch):
    monkeypatch.chdir(place.videos)
    assert main(["annotate", "", *place.words[2:]]) == 2
    assert capsys.readouterr().err == (
        "vn annotate: error: VIDEOS: is empty; write . for the current folder, or leave an option out\n"
    )
    assert not place.out.exists()


def test_there_must_be_videos(place, capsys):
    place.words[1] = str(place.products)
    assert place.run() == 2
    assert "products: no video in this folder (looked for .mp4" in capsys.readouterr().err
    place.words[1] = "nowhere"
    assert place.run() == 2
    assert capsys.readouterr().err == "vn annotate: error: nowhere: no such video or folder of videos\n"


def test_a_killed_run_goes_on_where_it_was(place):
    (place.videos / "b.hold").touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    program = [sys.executable, str(Path(__file__).with_name("stand_ins.py")), *place.words]
    process = subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    limit = time.monotonic() + 60
    while not (place.videos / "b.reached").exists() and time.monotonic() < limit:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (place.videos / "b.hold").unlink()
    there = files(place.out, "speech")
    assert list(there) == ["stages/speech/a.json"]
    assert place.run() == 0
    assert [video for stage, video in stand_ins.CALLS if stage == "speech"] == ["b", "c", "d"]
    assert files(place.out, "speech")["stages/speech/a.json"] == there["stages/speech/a.json"]
    resumed = {file.name: file.read_bytes() for file in place.out.glob("*/*.json") if file.name != "annotate.json"}
    place.words[place.words.index(str(place.out))] = str(place.out.parent / "other")
    assert place.run() == 0
    other = place.out.parent / "other"
    assert {file.name: file.read_bytes() for file in other.glob("*/*.json") if file.name != "annotate.json"} == resumed
