"""`vn stats`: whatever holds stories, the files that it writes, and bad input."""

import gc
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from finished_runs import make_stories, write_run
from made_up import write_data
from PIL import Image
from stats_by_loops import statistics

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.shards import read_story
from vn.stats.collect import collect
from vn.stats.figures import _bars, _steps
from vn.stats.source import Found, open_source
from vn.story import Story

ROOT = Path(__file__).parents[2]
REAL = os.environ.get("VN_REAL_DATA")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_stories(folder, stories):
    folder.mkdir(parents=True)
    for story in stories:
        (folder / f"{story.id}.json").write_text(json.dumps(story.to_dict(), ensure_ascii=False))


def whole_of(path):
    """The statistics of all stories of a path, without plots and page."""
    return collect(open_source(str(path)), "mine")


def stats(*words):
    assert main(["stats", *map(str, words)]) == 0
    out = words[words.index("--out") + 1] if "--out" in words else None
    place = Path(out) if out else Path(words[0]) / "stats" if Path(words[0]).is_dir() else Path("stats")
    return json.loads((place / "stats.json").read_text()), place


def refused(capsys, *words):
    assert main(["stats", *map(str, words)]) == 2
    return capsys.readouterr().err


def test_story_files_per_split(tmp_path, capsys):
    stories = make_stories(9)
    for split, own in (("train", stories[:5]), ("test", stories[5:])):
        write_stories(tmp_path / "stories" / split, own)
    found, place = stats("stories")
    splits = found["data"][0]["splits"]
    assert [(name, split["videos"]) for name, split in splits.items()] == [("all", 9), ("train", 5), ("test", 4)]
    theirs = statistics([story.to_dict() for story in stories])
    assert splits["all"]["times"]["clips"] == theirs["clips"]
    assert splits["all"]["labels"]["counts"] == theirs["labels"]
    assert sum(splits[name]["texts"]["words"] for name in ("train", "test")) == splits["all"]["texts"]["words"]
    out = capsys.readouterr().out
    assert "E-SyncVidStory" in out
    assert f"{theirs['words_per_video']:.1f} (en)" in out
    assert place == Path("stories/stats")
    for name in ("labels.png", "clips.png"):
        with Image.open(place / name) as opened:
            assert opened.format == "PNG"
            assert min(opened.size) > 400
            assert len(opened.convert("RGB").getcolors(maxcolors=1 << 24)) > 5
    stats("stories")  # its own output is not read as stories


@pytest.mark.parametrize("kind", ["run", "list", "lines"])
def test_the_same_stories_in_other_places(tmp_path, kind):
    stories = make_stories(6)
    write_stories(tmp_path / "plain", stories)
    expected = whole_of("plain")
    if kind == "run":
        write_run(tmp_path / "other", stories)
    elif kind == "list":
        (tmp_path / "other.json").write_text(json.dumps([story.to_dict() for story in stories]))
    else:
        (tmp_path / "other.jsonl").write_text("\n".join(json.dumps(story.to_dict()) for story in stories))
    ending = {"run": "", "list": ".json", "lines": ".jsonl"}[kind]
    ours, theirs = (made["splits"]["all"] for made in (whole_of(f"other{ending}"), expected))
    for part in ("times", "texts", "labels", "knowledge", "without"):
        assert ours[part] == theirs[part], part


def test_a_data_folder(tmp_path):
    """Shards, with three splits: what their stories have as plain files."""
    write_data(tmp_path / "data")
    manifest = Manifest.load(tmp_path / "data")
    for split in ("train", "val", "test"):
        entries = manifest.samples(split)
        stories = [read_story(tmp_path / "data" / entry.shard, entry) for entry in entries]
        write_stories(tmp_path / "plain" / split, stories)
    found, expected = whole_of("data"), whole_of("plain")
    assert found["kind"] == "data folder"
    assert set(found["splits"]) == {"all", "train", "val", "test"}
    for split, theirs in expected["splits"].items():
        ours = found["splits"][split]
        assert ours["videos"] == theirs["videos"] > 0
        assert ours["texts"]["words"] == theirs["texts"]["words"] > 0
        assert ours["labels"]["counts"] == theirs["labels"]["counts"]


def test_several_side_by_side(tmp_path, capsys):
    write_stories(tmp_path / "a" / "stories", make_stories(5))
    write_stories(tmp_path / "b" / "stories", make_stories(7, seed=1))
    found, place = stats("a/stories", "b/stories", "--out", "both")
    assert [each["name"] for each in found["data"]] == ["a/stories", "b/stories"]
    html = (place / "stats.html").read_text()
    assert '<span class="apart">+2</span>' in html  # videos
    assert "&nbsp;% away from those of a/stories" in html
    out = capsys.readouterr().out
    assert "\na/stories " in out


def test_characters_and_words_have_no_difference(tmp_path):
    stories = make_stories(5)
    write_stories(tmp_path / "en", stories)
    write_stories(tmp_path / "zh", [replace(story, id=f"z{story.id}", language="zh") for story in stories])
    _, place = stats("en", "zh", "--out", "both")
    html = (place / "stats.html").read_text()
    lines = dict(re.findall(r'<tr><th scope="row">([^<]*)</th>(.*?)</tr>', html))
    assert all("apart" in lines[name] for name in ("clips", "labels", "narrations in their word range"))
    assert not any("apart" in lines[name] for name in ("words per video", "words per second of all clips"))
    _, place = stats("en", "en", "--out", "same")
    assert (place / "stats.html").read_text().count('"apart"') > html.count('"apart"')


def test_plots_of_nothing_begin_at_zero():
    from matplotlib.figure import Figure

    left, right = Figure().subplots(1, 2)
    _bars(left, ["one", "two"], [[0.0, 0.0]], True, "labels")
    _steps(right, [[]], 0.5, "videos")
    assert left.get_xlim() == right.get_ylim() == (0, 1)


def test_nothing_in_a_story_runs_in_the_page(tmp_path):
    write_stories(tmp_path / "stories", make_stories(3, evil=True))
    _, place = stats("stories")
    html = (place / "stats.html").read_text()
    assert "<script" not in html
    assert "default-src 'none'" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html


def test_what_is_missing_is_named_on_the_page_and_on_stderr(tmp_path, capsys):
    bare = {"title": "Kettle", "language": "en", "domain": "ad"}
    (tmp_path / "stories" / "val").mkdir(parents=True)
    (tmp_path / "stories" / "test").mkdir()
    made = {
        "noclips": {**bare, "knowledge": [{"aspect": "a", "points": ["b"]}]},
        "nowords": {**bare, "clips": [{"start": 0, "end": 2, "labels": ["Others"]}]},
        "half": {**bare, "clips": [{"start": 0, "end": 2, "narration": "Hot tea."}, {"start": 2, "end": 3}]},
    }
    for name, story in made.items():
        (tmp_path / "stories" / "test" / f"{name}.json").write_text(json.dumps(story))
    found, place = stats("stories")
    err, html = capsys.readouterr().err, (place / "stats.html").read_text()
    for sentence in (
        "the val split has no stories",
        "1 story with no clips, counted in nothing else: noclips",
        "1 story with no narration: nowords",
        "1 story with clips without a narration: half",
        "1 story with no script labels: half",
        "2 stories with no knowledge points: half, nowords",
    ):
        assert f"note: {sentence}\n" in err
        assert sentence in html
    assert found["data"][0]["splits"]["all"]["videos"] == 2
    assert set(found["data"][0]["splits"]) == {"all", "test"}


def test_languages_that_are_mixed_are_said(tmp_path, capsys):
    clip = {"start": 0, "end": 2}
    for name, language, text in (("a", "en", "Hot tea."), ("b", "zh", "热茶。")):
        story = {"title": "T", "language": language, "domain": "ad", "clips": [{**clip, "narration": text}]}
        (tmp_path / "stories").mkdir(exist_ok=True)
        (tmp_path / "stories" / f"{name}.json").write_text(json.dumps(story))
    stats("stories")
    out = capsys.readouterr()
    assert "2.5 (en+zh)" in out.out
    assert "languages are mixed (1 in en and 1 in zh)" in out.err


def test_bad_stories_are_counted_and_stop_at_the_budget(tmp_path, capsys):
    write_stories(tmp_path / "stories", make_stories(4))
    (tmp_path / "stories" / "bad.json").write_text('{"id": "bad", "title": "x", "language": "fr"}')
    err = refused(capsys, "stories")
    assert "bad.json: bad: language: expected 'zh' or 'en'" in err
    assert "--max-bad 1" in err
    assert not (tmp_path / "stories" / "stats").exists()
    found, _ = stats("stories", "--max-bad", "1")
    assert len(found["data"][0]["bad"]) == 1
    assert "note: left out 1 unusable story, the first: " in capsys.readouterr().err


def test_a_damaged_shard_is_named(tmp_path, capsys):
    write_data(tmp_path / "data")
    shard = next((tmp_path / "data").glob("*.tar"))
    shard.write_bytes(shard.read_bytes()[:600])
    assert shard.name in refused(capsys, "data")


def test_refusals(tmp_path, capsys):
    assert "no such file or folder" in refused(capsys, "nothing")
    (tmp_path / "empty").mkdir()
    assert "empty: has no stories" in refused(capsys, "empty")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "train-00000.tar").touch()
    assert "no manifest.json: vn prepare has not finished here" in refused(capsys, "half")
    (tmp_path / "half2" / ".prepare").mkdir(parents=True)
    assert "has not finished here" in refused(capsys, "half2")
    (tmp_path / "begun" / "stages" / "shots").mkdir(parents=True)
    assert "has no stories: vn annotate has not written them yet" in refused(capsys, "begun")
    (tmp_path / "broken.json").write_text('{"id": ')
    assert "broken.json" in refused(capsys, "broken.json")
    (tmp_path / "list.json").write_text("[]")
    assert "empty list" in refused(capsys, "list.json")
    story = make_stories(1)[0].to_dict()
    (tmp_path / "twice.json").write_text(json.dumps([story, story]))
    assert "the id appears twice" in refused(capsys, "twice.json")
    (tmp_path / "one.json").write_text(json.dumps(story))
    assert "expected 0 or more" in refused(capsys, "one.json", "--max-bad", "-1")
    assert "expected a folder" in refused(capsys, "one.json", "--out", "one.json")
    assert "no such font" in refused(capsys, "one.json", "--font", "none.ttf")
    assert "not a font" in refused(capsys, "one.json", "--font", "one.json")
    assert "did you mean 'stories'" in refused(capsys, "one.json", "--reader", "storiess")
    assert not (tmp_path / "stats").exists()


def test_annotations_of_corpora_are_recognised(tmp_path):
    entry = {
        "p_name": "壶",
        "p_info": "材质：钢、玻璃",
        "frames": [{"time": [0, 2], "label": "痛点铺垫", "new_text": "钢壶好用。"}],
    }
    (tmp_path / "ads.json").write_text(json.dumps({"a.mp4": entry, "b.mp4": entry}, ensure_ascii=False))
    found = whole_of("ads.json")
    assert found["kind"] == "esyncvidstory"
    whole = found["splits"]["all"]
    assert (whole["texts"]["words"], whole["texts"]["words_without_punctuation"]) == (10, 8)
    assert whole["knowledge"]["used_per_video"]["mean"] == 0.5  # steel, not glass
    (tmp_path / "events" / "wedding").mkdir(parents=True)
    (tmp_path / "events" / "wedding" / "one.txt").write_text("v.mp4\n00:00 00:12 the guests arrive\n")
    found = whole_of("events")
    assert found["kind"] == "video-storytelling"
    assert "knowledge" not in found["splits"]["all"]["without"]


def test_story_files_are_counted_without_torch(tmp_path):
    write_stories(tmp_path / "few", make_stories(3))
    code = "import sys; from vn.cli import main; assert main(['stats', 'few']) == 0; print('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("kind", ["files", "shards"])
def test_stories_are_not_held(tmp_path, kind):
    """However many there are, two are alive at most: the one that is counted, and the one that is read."""

    def alive():
        return sum(isinstance(each, Story) for each in gc.get_objects())

    if kind == "files":
        write_stories(tmp_path / "data", make_stories(12))
    else:
        write_data(tmp_path / "data")
    gc.collect()
    before, count = alive(), 0
    for _ in open_source("data").read(Found()):
        count += 1
        assert alive() - before <= 2
    assert count >= 12


@pytest.mark.skipif(not REAL, reason="VN_REAL_DATA names no folder of real data")
def test_real_stories_are_those_of_plain_loops():
    """40 real stories: their JSON read by the loops alone."""
    file = Path(REAL) / "esyncvidstory_sample.json"
    from vn.story import parse_labels

    stories = []
    for name, entry in json.loads(file.read_text()).items():
        clips = [
            {
                "start": frame["time"][0],
                "end": frame["time"][1] + (frame["time"][0] == frame["time"][1]),
                "labels": [label.en for label in parse_labels(frame["label"])],
                "narration": " ".join(frame["new_text"].split()),
            }
            for frame in entry["frames"]
        ]
        stories.append({"id": name, "language": "zh", "clips": clips, "knowledge": []})
    theirs = statistics(stories)
    whole = whole_of(file)["splits"]["all"]
    assert whole["times"]["clips"] == theirs["clips"] == 271
    assert whole["texts"]["words"] / 40 == pytest.approx(theirs["words_per_video"])
    assert whole["texts"]["words_per_second"] == pytest.approx(theirs["words_per_second"])
    assert whole["texts"]["word_range"] == theirs["fits"]
    assert whole["labels"]["counts"] == theirs["labels"]
