"""`vn doctor DATA` names what was damaged, and reports nothing else."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from made_up import D, T, change_column, make_story, write_data

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.shard_writer import ShardWriter


@pytest.fixture
def sick(tmp_path):
    """A data folder with right statistics, to be damaged."""
    folder = write_data(tmp_path / "data", train=(5, 4, 7))
    set_statistics(folder)
    return folder


def set_statistics(folder):
    from vn.data.feature_statistics import Sums, statistics
    from vn.data.shards import read_sample

    manifest, sums = Manifest.load(folder), Sums.zero(D)
    for entry in manifest.samples("train"):
        sums.add(read_sample(folder / entry.shard, entry)[1])
    manifest.statistics = statistics(sums)
    manifest.save(folder)


def complaints(folder, capsys):
    assert main(["doctor", str(folder)]) == 2
    return capsys.readouterr().err.splitlines()


def test_sound_data_have_no_complaint(sick, capsys):
    assert main(["doctor", str(sick)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "nothing is wrong (checked: 5 shards, 24 videos" in said.out


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit(sick, capsys, seed):
    file = sick / "train-00001.tar"
    data = bytearray(file.read_bytes())
    place = int(np.random.default_rng(seed).integers(len(data)))
    data[place] ^= 1 << seed
    file.write_bytes(data)
    lines = complaints(sick, capsys)
    assert lines[0].startswith(f"{file}: has changed since it was written")
    assert all(str(file) in line for line in lines)
    samples = Manifest.load(sick).splits["train"][1].samples
    hit = [sample.key for sample in samples if sample.offset <= place < sample.offset + sample.bytes]
    assert [line.split(": ")[1] for line in lines[1:]] == hit, "thumbnails and padding are in no sample"


def test_a_truncated_tar(sick, capsys):
    file, manifest = sick / "train-00002.tar", Manifest.load(sick)
    entry = manifest.splits["train"][2]
    cut = entry.samples[3].offset + 600
    file.write_bytes(file.read_bytes()[:cut])
    lines = complaints(sick, capsys)
    assert lines[0] == f"{file}: is cut short: {cut} of {entry.bytes} bytes"
    assert [f": {sample.key}: " in line for sample, line in zip(entry.samples[3:], lines[1:], strict=True)]
    assert all("cut short" in line for line in lines[1:])


def test_swapped_shards(sick, capsys):
    one, two = sick / "train-00000.tar", sick / "train-00002.tar"
    one.rename(sick / "x")
    two.rename(one)
    (sick / "x").rename(two)
    lines = complaints(sick, capsys)
    assert f"{one}: holds train-00002.tar: shards were swapped or copied over each other" in lines
    assert f"{two}: holds train-00000.tar: shards were swapped or copied over each other" in lines


def test_a_nan_frame_that_was_written_so(sick, capsys):
    """Hashes are right; the number is not."""
    name = "test-00001.tar"
    random = np.random.default_rng(0)
    story = make_story("ill", random)
    count = int(story.clips[-1].end)
    frames = random.normal(size=(count, T, D)).astype(np.float16)
    frames[-1, 1, 2] = np.nan
    with open(sick / name, "wb") as file:
        writer = ShardWriter(file, name, 1)
        writer.add(story, frames, np.arange(count, dtype=np.float32), None)
        entry = writer.close()
    manifest = Manifest.load(sick)
    splits = {**manifest.splits, "test": [*manifest.splits["test"], entry]}
    dataclasses.replace(manifest, splits=splits).save(sick)
    assert complaints(sick, capsys) == [
        f"{sick / name}: ill: frames.npy: frame {count - 1} holds a number that is not finite"
    ]


def test_a_missing_and_a_stray_shard(sick, capsys):
    (sick / "val-00000.tar").rename(sick / "val-00009.tar")
    lines = complaints(sick, capsys)
    assert f"{sick / 'val-00009.tar'}: is in no split of the manifest" in lines
    assert f"{sick / 'val-00000.tar'}: No such file or directory" in lines


def test_counts_and_statistics_are_counted_again(sick, capsys):
    data = json.loads((sick / "manifest.json").read_text())
    data["statistics"]["mean"][4] += 0.1
    (sick / "manifest.json").write_text(json.dumps(data))
    (line,) = complaints(sick, capsys)
    assert "manifest.json: statistics.mean: dimension 4 is" in line
    data["statistics"]["mean"][4] -= 0.1
    (sick / "manifest.json").write_text(json.dumps(data))
    sample = Manifest.load(sick).samples("train")[1]
    change_column(sick, "frames", lambda frames: frames + (np.arange(len(frames)) == 1))
    assert any(f"{sample.key}: frames.npy: expected float16 of" in x for x in complaints(sick, capsys))


def test_no_folder_and_no_manifest(sick, tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["doctor", str(tmp_path / "empty")]) == 2
    assert "neither a data folder" in capsys.readouterr().err
    shutil.copytree(sick, tmp_path / "half")
    (tmp_path / "half" / "manifest.json").unlink()
    assert main(["doctor", str(tmp_path / "half")]) == 2
    assert "vn prepare has not finished here" in capsys.readouterr().err
