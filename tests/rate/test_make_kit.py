"""`vn rate make`: kits that tell raters nothing of the systems, seeded and shuffled, and what it refuses."""

import base64
import codecs
import hashlib
import json
import shutil
from collections import Counter
from itertools import permutations
from pathlib import Path
from urllib.parse import quote

import pytest
from finished_runs import EVIL, make_stories, write_run
from simulated_ratings import SYSTEMS, key_of, make_kit, page_data, saved, simulate, write_world
from small_video import write_video

from vn.cli import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def kit(runs, tmp_path_factory):
    return make_kit(tmp_path_factory.mktemp("made"), runs, "--stories", "8", "--raters", "13", "--seed", "3")


def error_of(capsys, *words):
    capsys.readouterr()
    assert main(["rate", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("vn rate: error: ")
    return error


def spellings(name: str) -> set[str]:
    """Ways in which a name may be hidden in a text, in small letters."""
    raw = name.encode()
    found = {name, name[::-1], codecs.encode(name, "rot13"), quote(name), raw.hex(), json.dumps(name)[1:-1]}
    found |= {hashlib.new(kind, raw).hexdigest() for kind in ("md5", "sha1", "sha256")}
    for code in (base64.b64encode, base64.urlsafe_b64encode, base64.b32encode):
        for start in range(3):  # what is before it in the encoded text shifts it
            found.add(code(b"\0" * start + raw).decode().rstrip("=")[2 * start : -3])
    return {text.lower() for text in found if len(text) > 5}


def test_the_kit_has_a_page_per_rater_and_the_media_once(kit):
    names = sorted(p.name for p in kit.iterdir())
    assert names == ["media", *(f"rater-{n:02}.html" for n in range(1, 14))]
    key = key_of(kit)
    shown = {frames for story in page_data(kit, "01")["stories"] for _, _, frames in story["clips"]}
    assert shown <= {f"media/{p.name}" for p in (kit / "media").iterdir()}
    assert len(key["stories"]) == 8
    for rater in key["raters"]:
        text = (kit / f"rater-{rater}.html").read_text(encoding="utf-8")
        assert "data:image" not in text
        assert "http" not in text.replace("http-equiv", "")


def test_nothing_that_raters_get_holds_the_name_of_a_system_its_run_or_its_ablation(kit, runs):
    names = [*SYSTEMS, *(run.name for run in runs), "secretruns"]
    hidden = set().union(*map(spellings, names))
    key = key_of(kit)
    files = {p.relative_to(kit).as_posix(): p.read_bytes() for p in kit.rglob("*") if p.is_file()}
    files |= {f"saved {r}": json.dumps(saved(kit, r, simulate(key))).encode() for r in key["raters"]}
    assert len(files) > 40
    for file, content in files.items():
        text = f"{file}\n{content.decode('utf-8', 'replace')}".lower()
        assert [name for name in hidden if name in text] == [], file
    whole = kit.with_name("kit.key.json").read_text(encoding="utf-8")
    assert all(name in whole for name in names), "the search finds them where they are"


def test_the_search_finds_hidden_names():
    text = base64.b64encode(b"x the system is Zephyr-chat 70B.").decode().lower()
    assert any(each in text for each in spellings("Zephyr-chat 70B"))
    assert b"Zephyr-chat 70B".hex() in spellings("Zephyr-chat 70B")


def test_orders_of_systems_and_stories_vary_by_rater_and_are_what_the_pages_show(kit, runs):
    key = key_of(kit)
    orders = Counter(tuple(order) for own in key["raters"].values() for order in own["order"].values())
    assert set(orders) == set(permutations(SYSTEMS))
    for place in range(3):
        first = Counter({s: sum(n for order, n in orders.items() if order[place] == s) for s in SYSTEMS})
        assert min(first.values()) > 0.2 * 8 * 13
    shown = {rater: [story["id"] for story in page_data(kit, rater)["stories"]] for rater in key["raters"]}
    assert len({tuple(stories) for stories in shown.values()}) == 13
    lines = {
        s: (run / "predictions.predicted.jsonl").read_text().splitlines() for s, run in zip(SYSTEMS, runs, strict=True)
    }
    wrote = {(s, x["video"], x["clip"]): x["narration"] for s, own in lines.items() for x in map(json.loads, own)}
    for rater, own in key["raters"].items():
        for story in page_data(kit, rater)["stories"]:
            video = key["stories"][story["id"]]["video"]
            for system, version in zip(own["order"][story["id"]], story["versions"], strict=True):
                wanted = [text for (s, v, _), text in sorted(wrote.items(), key=str) if (s, v) == (system, video)]
                assert version["narrations"] == wanted


def test_the_seed_is_drawn_unless_it_is_given(runs, tmp_path):
    """With a known seed, a rater who has vn could compute which version is whose in every story."""
    words = ["rate", "make", *map(str, runs), "--stories", "2", "--raters", "1", "--out"]
    kits = [tmp_path / name for name in ("one", "two")]
    assert [main([*words, str(kit)]) for kit in kits] == [0, 0]
    assert key_of(kits[0])["seed"] != key_of(kits[1])["seed"]


def test_the_same_seed_makes_the_same_kit_and_another_one_another(kit, runs, tmp_path):
    words = ["--stories", "8", "--raters", "13"]
    again = make_kit(tmp_path / "again", runs, *words, "--seed", "3")
    other = make_kit(tmp_path / "other", runs, *words, "--seed", "4")
    same = [p.read_bytes() == (again / p.relative_to(kit)).read_bytes() for p in kit.rglob("*") if p.is_file()]
    assert all(same)
    assert key_of(other)["kit"] != key_of(kit)["kit"]
    assert key_of(other)["stories"] != key_of(kit)["stories"]


def test_stories_of_one_clip_are_taken_only_if_there_are_too_few_others(runs, tmp_path):
    lines = (runs[0] / "stories.jsonl").read_text().splitlines()
    long = {x["id"] for x in map(json.loads, lines) if sum("narration" in clip for clip in x["clips"]) > 1}
    assert 3 < len(long) < len(lines)
    few = make_kit(tmp_path / "few", runs, "--stories", len(long), "--raters", "1")
    assert {about["video"] for about in key_of(few)["stories"].values()} == long
    every = make_kit(tmp_path / "every", runs, "--stories", len(lines), "--raters", "1")
    assert {about["video"] for about in key_of(every)["stories"].values()} > long


def test_videos_are_stored_once_and_subtitles_are_at_the_time_of_their_clips(tmp_path):
    stories = make_stories(2)
    (tmp_path / "videos").mkdir()
    for story in stories:
        write_video(tmp_path / "videos" / f"{story.id}.MP4", 4)
    run = write_run(tmp_path / "run", stories)
    kit = make_kit(tmp_path, [run], "--stories", 2, "--raters", 3, "--videos", tmp_path / "videos")
    assert sorted(p.name for p in (kit / "media").iterdir()) == ["s01.mp4", "s02.mp4"]
    for story in page_data(kit, "02")["stories"]:
        (version,) = story["versions"]
        assert [" ".join(text.split()) for _, _, text in version["cues"]] == version["narrations"]
        assert [start for start, _, _ in version["cues"]] == [start for start, _, _ in story["clips"]]


def test_a_chinese_kit_is_in_chinese(tmp_path, runs):
    from dataclasses import replace

    stories = [replace(s, language="zh", title="极光水壶") for s in make_stories(3)]
    run = write_run(tmp_path / "run", stories)
    (tmp_path / "videos").mkdir()
    for story in stories:
        (tmp_path / "videos" / f"{story.id}.webm").write_bytes(b"a video")
    kit = make_kit(tmp_path, [run], "--stories", 3, "--raters", 1, "--videos", tmp_path / "videos")
    text = (kit / "rater-01.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in text
    assert "保存评分" in text
    assert "Save ratings" not in text


def test_texts_of_both_languages_have_the_same_parts():
    from vn.rate.page_file import texts

    def shape(value):
        if isinstance(value, dict):
            return {name: name if name == "name" else shape(each) for name, each in value.items()}
        return [shape(each) for each in value] if isinstance(value, list) else type(value)

    assert shape(texts("en")) == shape(texts("zh"))


def test_markup_in_texts_cannot_end_the_script(tmp_path):
    stories = make_stories(2, evil=True)
    run = write_run(tmp_path / "run", stories, evil=True)
    (tmp_path / "videos").mkdir()
    for story in stories:
        (tmp_path / "videos" / f"{story.id}.mp4").write_bytes(b"a video")
    kit = make_kit(tmp_path, [run], "--stories", 2, "--raters", 1, "--videos", tmp_path / "videos")
    text = (kit / "rater-01.html").read_text(encoding="utf-8")
    assert "<script>window.hacked" not in text
    assert text.count("</script>") == 2
    assert any(EVIL in story["title"] for story in page_data(kit, "01")["stories"])


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_kit_folder_that_exists(capsys, runs, tmp_path):
    (tmp_path / "kit").mkdir()
    assert "kit: --out: exists already" in error_of(capsys, "make", *runs, "--out", tmp_path / "kit")
    assert list((tmp_path / "kit").iterdir()) == []


@pytest.mark.parametrize("key", ["kit/key.json", "kit/media/../key.json", "kit"])
def test_a_key_inside_the_kit(capsys, runs, tmp_path, key):
    words = ("make", *runs, "--out", tmp_path / "kit", "--key", tmp_path / key)
    assert "the key must not be in the kit" in error_of(capsys, *words)
    assert not (tmp_path / "kit").exists()


def test_a_key_that_exists_is_never_written_over(capsys, runs, tmp_path):
    (tmp_path / "kit.key.json").write_text("{}")
    assert "exists already; ratings of its kit" in error_of(capsys, "make", *runs, "--out", tmp_path / "kit")
    assert (tmp_path / "kit.key.json").read_text() == "{}"


def test_runs_that_share_too_few_videos(capsys, runs, tmp_path):
    words = ("make", *runs, "--out", tmp_path / "kit")
    assert "--stories: the runs share 17 narrated videos, 30 were asked for" in error_of(capsys, *words)


def test_runs_whose_clips_or_titles_differ(capsys, runs, tmp_path):
    other = tmp_path / "other"
    for field, change in (
        ("other clips", lambda s: s["clips"][0].update(end=0.5)),
        ("title", lambda s: s.update(title="x")),
    ):
        shutil.copytree(runs[1], other, dirs_exist_ok=True)
        stories = [json.loads(line) for line in (other / "stories.jsonl").read_text().splitlines()]
        change(stories[0])
        (other / "stories.jsonl").write_text("".join(f"{json.dumps(s)}\n" for s in stories))
        error = error_of(capsys, "make", runs[0], other, "--stories", 2, "--out", tmp_path / "kit")
        assert field in error
        assert stories[0]["id"] in error


def test_other_input_that_cannot_be_used(capsys, runs, tmp_path):
    out = ("--out", tmp_path / "kit", "--stories", 3)
    assert "no such run" in error_of(capsys, "make", tmp_path / "nothing", *out)
    assert "name each of them" in error_of(capsys, "make", runs[0].parent, *out)
    assert "is given twice" in error_of(capsys, "make", runs[0], f"{runs[0]}/.", *out)
    assert "has no predictions.given.jsonl" in error_of(capsys, "make", *runs, "--setting", "given", *out)
    assert "expected 1 to 999, got 0" in error_of(capsys, "make", *runs, "--raters", 0, *out)
    assert "no such folder of videos" in error_of(capsys, "make", *runs, "--videos", tmp_path / "none", *out)
    assert "--data: no such folder of shards" in error_of(capsys, "make", *runs, "--data", tmp_path / "none", *out)
    (tmp_path / "videos").mkdir()
    assert "has no video (looked for" in error_of(capsys, "make", *runs, "--videos", tmp_path / "videos", *out)
    for line in (runs[0] / "stories.jsonl").read_text().splitlines():
        (tmp_path / "videos" / f"{json.loads(line)['id']}.avi").write_bytes(b"")
    assert "not .avi; convert it first" in error_of(capsys, "make", *runs, "--videos", tmp_path / "videos", *out)
    assert [p.name for p in tmp_path.iterdir()] == ["videos"], "nothing is left of a kit that was not made"


def test_shards_without_the_videos_or_their_frames(capsys, data, tmp_path):
    run = write_run(tmp_path / "run", make_stories(3), data__folder=str(data))
    words = ("make", run, "--stories", 2, "--out", tmp_path / "kit")
    assert "the shards have no such video; give its folder with --videos" in error_of(capsys, *words)
    moved = write_run(tmp_path / "moved", make_stories(3), data__folder="gone")
    assert "its shards are not found" in error_of(capsys, "make", moved, *words[2:])
    assert not Path(tmp_path / "kit").exists()
