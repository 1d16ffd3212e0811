"""The demo's narrator warns if a video is not from its world."""

import json

import av
import numpy as np
import pytest

from vn.card import NarratorCard, read_card
from vn.cli import main
from vn.data.demo_mark import is_demo_video
from vn.data.manifest import Manifest
from vn.errors import InputError


def write_video(file, pictures):
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_every_video_of_the_demo_bears_its_mark_in_any_container(smoke_demo, tmp_path):
    videos = [*(smoke_demo / "world").rglob("*.mp4")]
    assert len(videos) > 20
    assert all(map(is_demo_video, videos))
    with av.open(str(videos[0])) as read, av.open(str(tmp_path / "copy.mkv"), "w") as write:
        write.metadata.update(read.metadata)  # as ffmpeg does
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                write.mux(packet)
    assert is_demo_video(tmp_path / "copy.mkv")


def test_its_narrator_says_that_it_knows_nothing_of_another_kind_of_video(smoke_demo, tmp_path, capsys):
    write_video(tmp_path / "noise.mp4", [*np.random.default_rng(0).integers(0, 256, (20, 96, 160, 3)).astype(np.uint8)])
    product = smoke_demo / "world" / "narrate" / "product.yaml"
    where = ["--product", str(product), "--run", str(smoke_demo / "runs/demo"), "--out", str(tmp_path / "out")]
    assert main(["narrate", str(tmp_path / "noise.mp4"), *where]) == 0
    assert "trained only on the demo's toy world" in capsys.readouterr().err
    assert "toy world" in "".join(json.loads((tmp_path / "out" / "story.json").read_text())["warnings"])
    own = json.loads((smoke_demo / "story" / "story.json").read_text())
    assert not any("toy world" in warning for warning in own["warnings"])


def test_a_narrator_says_what_it_was_trained_on(smoke_demo, capsys, tmp_path):
    adapter = smoke_demo / "runs" / "demo" / "adapter"
    card, manifest = read_card(adapter), Manifest.load(smoke_demo / "shards")
    assert (card.domain, card.corpus, card.language) == ("ad", "demo", "en")
    train = manifest.samples("train")
    clips = sum(entry.narrated for entry in train)
    assert card.trained_on == {
        "videos": len(train),
        "clips": clips,
        "seconds": round(sum(entry.seconds for entry in train)),
        "manifest_sha256": manifest.sha256,
    }
    assert card.about() == f"narrates ads in English, trained on the corpus demo, {len(train)} videos, {clips} clips"


def test_old_cards_say_what_they_can_and_wrong_ones_are_named(card: NarratorCard, tmp_path, smoke_demo):
    assert card.about() == "narrates videos in English"
    data = json.loads((smoke_demo / "runs/demo/adapter/narrator.json").read_text())
    for wrong in ({"trained_on": [3]}, {"corpus": 3}, {"domain": ["ad"]}):
        (tmp_path / "narrator.json").write_text(json.dumps(data | wrong))
        with pytest.raises(InputError, match=f"narrator.json: {next(iter(wrong))}: is wrong"):
            read_card(tmp_path)
