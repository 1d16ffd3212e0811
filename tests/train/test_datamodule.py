"""Streaming from shards: what a step contains, and the errors for damaged data."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from vn.cli import main
from vn.data.manifest import Manifest
from vn.errors import InputError
from vn.train.datamodule import StoryDataModule
from vn.train.videos import other_videos


class Tokens:
    pad = newline = 0
    start = ()


class RowBuilder:
    """Stands in for the real one where only the dealing matters: a row is (video, clip)."""

    frame_tokens, frame_shape, shared_frames, tokens = 2, (2, 6), None, Tokens()

    def plans(self, story, frames, seconds):
        return None

    def training_rows(self, story, plans, clips):
        return [SimpleNamespace(key=story.id, clip=clip, supervised=[0]) for clip in clips]

    def empty_row(self):
        return SimpleNamespace(key="(empty)", clip=0)

    def supervised_tokens(self, story, clip):
        return 1


class Taken(tuple):
    """Stands in for a batch: its clips and the tokens of its step."""


@pytest.fixture
def loaders(data, monkeypatch):
    """The train loader of any rank and accumulation, at any epoch and resume state."""
    import vn.train.micro_batches as module

    def collate(rows, videos, frame_tokens, pad, targets, weight=1.0, prepare=None):
        return Taken(([(r.key, r.clip) for _, r in rows if weight], targets))

    monkeypatch.setattr(module, "collate", collate)

    def make(rank=0, world=1, accumulate=1, workers=0, epoch=0, state=None):
        datamodule = StoryDataModule(str(data), clips_per_step=8, workers=workers, seed=1, packing="clip", rows_gb=0)
        manifest = datamodule.manifest
        names = ("language", "tokens", "width", "encoder")
        card = SimpleNamespace(**{name: getattr(manifest, name) for name in names})
        datamodule.trainer = SimpleNamespace(
            global_rank=rank,
            world_size=world,
            accumulate_grad_batches=accumulate,
            current_epoch=epoch,
            global_step=0,
            lightning_module=SimpleNamespace(
                assembled=SimpleNamespace(card=card, builder=RowBuilder()), settings=SimpleNamespace(attention="auto")
            ),
            strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu")),
        )
        if state is not None:
            datamodule.load_state_dict(state)
        return datamodule, datamodule.train_dataloader()

    return make


@pytest.mark.parametrize(
    ("world", "accumulate", "workers"), [(1, 1, 0), (1, 3, 0), (2, 1, 0), (2, 1, 2), (3, 2, 0), (16, 1, 0)]
)
def test_a_step_has_the_same_clips_on_any_machine(loaders, world, accumulate, workers):
    _, one = loaders()
    expected = [sorted(clips) for clips, _ in one]
    targets = [count for _, count in one]
    assert len(one) == len(expected)
    ranks = [list(loaders(rank, world, accumulate, workers)[1]) for rank in range(world)]
    assert {len(r) for r in ranks} == {len(expected) * accumulate}
    for step, clips in enumerate(expected):
        micros = [r[step * accumulate + a] for r in ranks for a in range(accumulate)]
        assert sorted(c for m, _ in micros for c in m) == clips
        assert {count for _, count in micros} == {targets[step]}  # every micro-batch knows the whole step's tokens


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_epoch_yields_the_rest_and_keeps_its_length(loaders, workers):
    datamodule, whole = loaders(accumulate=2)
    state = {**datamodule.state_dict(), "step_in_epoch": 2}
    _, rest = loaders(accumulate=2, state=state, workers=workers)
    assert len(rest) == len(whole)
    assert list(rest) == list(whole)[4:]


def test_a_finished_epochs_state_starts_the_next_one(loaders):
    datamodule, whole = loaders()
    state = {**datamodule.state_dict(), "step_in_epoch": len(whole)}
    _, following = loaders(state=state, epoch=1)
    assert list(following) == list(loaders(epoch=1)[1])


@pytest.mark.parametrize("key", ["seed", "clips_per_step", "manifest_sha256"])
def test_a_checkpoint_of_another_order_is_refused(loaders, key):
    datamodule, _ = loaders()
    with pytest.raises(InputError, match=f"data.{key}: the checkpoint was trained with 'x'"):
        datamodule.load_state_dict({**datamodule.state_dict(), key: "x"})


def test_other_videos_are_a_derangement_among_like_durations(data):
    entries = Manifest.load(data).samples("test")
    others = other_videos(entries)
    assert sorted(others) == list(range(len(entries)))
    assert all(a != b for a, b in enumerate(others))
    with pytest.raises(InputError, match="at least two"):
        other_videos(entries[:1])


# -- damaged data through the command --------------------------------------------------------------------------


@pytest.fixture
def copy(experiment, data, tmp_path):
    """A copy of the data to damage, and `fit` on it."""
    folder = tmp_path / "copy"
    shutil.copytree(data, folder)
    return folder, lambda *more: experiment("fit", "--data.folder", str(folder), *more)


def damage(folder, what):
    manifest, sample = json.loads((folder / "manifest.json").read_text()), Manifest.load(folder).samples("train")[0]
    shard = folder / sample.shard
    content = bytearray(shard.read_bytes())
    if what == "truncated shard":
        shard.write_bytes(content[: len(content) // 3])
    elif what == "missing shard":
        shard.unlink()
    elif what == "flipped bits in a header":
        content[sample.offset : sample.offset + 100] = bytes(100)
        shard.write_bytes(content)
    elif what == "NaN feature":
        array = content.index(b"\x93NUMPY", sample.offset)
        begin = array + 128  # behind the array's header
        content[begin : begin + 2] = np.array([np.nan], dtype=np.float16).tobytes()
        shard.write_bytes(content)
    elif what == "swapped shards":
        other = folder / manifest["splits"]["train"]["shards"][2]["file"]
        swap = other.read_bytes()
        other.write_bytes(content)
        shard.write_bytes(swap)
    elif what == "manifest not JSON":
        (folder / "manifest.json").write_text("{")
    elif what == "manifest without width":
        del manifest["width"]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    elif what == "no train split":
        whole = Manifest.load(folder)
        dataclasses.replace(whole, splits={**whole.splits, "train": []}).save(folder)


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("truncated shard", ["train-0000", ".tar", "cut short"]),
        ("missing shard", ["train-00000.tar", "No such file"]),
        ("flipped bits in a header", ["train-00000.tar", "train-0-0"]),
        ("NaN feature", ["train-00000.tar", "train-0-0", "frames.npy", "not finite"]),
        ("swapped shards", ["train-0000", "expected"]),
        ("manifest not JSON", ["manifest.json", "not JSON"]),
        ("manifest without width", ["manifest.json", "width", "missing"]),
        ("no train split", ["manifest.json", "splits.train", "empty"]),
    ],
)
def test_damaged_data_is_one_line_and_exit_code_2(copy, capsys, what, named):
    folder, fit = copy
    damage(folder, what)
    assert fit() == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn fit: error: ")
    for part in named:
        assert part in error


def test_an_error_in_a_loader_process_reads_like_any_other(copy, capsys):
    folder, fit = copy
    damage(folder, "NaN feature")
    assert fit("--data.workers", "1") == 2
    assert "train-0-0: frames.npy" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("field", "value"), [("encoder", {"id": "x", "settings": {}, "weights_sha256": None}), ("tokens", 3)]
)
def test_features_of_another_encoder_are_refused(experiment, data, tmp_path, capsys, field, value):
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    other = tmp_path / "other"
    shutil.copytree(data, other)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest[field] = value
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert main(["test", "--run", str(experiment.run_folder()), "--data.folder", str(other)]) == 2
    assert f"manifest.json: {field}: is " in capsys.readouterr().err
