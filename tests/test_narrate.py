"""`vn demo --size smoke` end to end, and `vn narrate` on what it leaves."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from vn.cli import main
from vn.story import ScriptLabel, Story, count_words


def narrate(demo, out, *more, video=None, product=None, run=None):
    video = video or next((demo / "world" / "narrate").glob("*.mp4"))
    product = product or demo / "world" / "narrate" / "product.yaml"
    where = ["--run", str(run or demo / "runs" / "demo"), "--out", str(out)]
    return main(["narrate", str(video), "--product", str(product), *where, *more])


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
    for clip in story["clips"]:
        del clip["words"], clip["word_range"]
    Story.from_dict(story)  # besides what narrate adds, story.json is a Story


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
        ("- Sore Point\n", "has 1 labels, the video"),
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
