"""Rows kept for later epochs: equal batches, whoever wrote them, whatever happens to the files."""

import multiprocessing
import os
import shutil
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_disk import SmallDisk

from vn.data.manifest import Manifest
from vn.llm.rows import RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.template import Template
from vn.train import micro_batches, rows_key
from vn.train.datamodule import StoryDataModule
from vn.train.kept_rows import COUNT, KeptRows


@pytest.fixture(scope="session")
def tokens(tiny_base):
    from transformers import AutoTokenizer

    return SegmentTokenizer(AutoTokenizer.from_pretrained(tiny_base))


def builder_for(folder, card, tokens):
    manifest = Manifest.load(folder)
    names = ("language", "tokens", "width", "encoder", "standardise")
    card = replace(card, threshold=0.9, **{name: getattr(manifest, name) for name in names})
    return card, RowBuilder(tokens, Template.load("ad-en"), card, np.zeros(card.width), np.ones(card.width))


@pytest.fixture
def epoch(data, card, tokens, tmp_path):
    """The train loader's batches of an epoch, or the val loader's, as bytes."""

    def batches(number=0, folder=data, rank=0, world=1, loader=False, card=card, split="train", **settings):
        settings = {"workers": 0, "clips_per_step": 8, "seed": 1, "cache": str(tmp_path / "cache"), **settings}
        module = StoryDataModule(str(folder), **settings)
        own, builder = builder_for(folder, card, tokens)
        module.trainer = SimpleNamespace(
            global_rank=rank,
            world_size=world,
            accumulate_grad_batches=1,
            current_epoch=number,
            global_step=0,
            lightning_module=SimpleNamespace(
                assembled=SimpleNamespace(card=own, builder=builder), settings=SimpleNamespace(attention="auto")
            ),
            strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu")),
        )
        made = module.train_dataloader() if split == "train" else module.val_dataloader()
        return made if loader else [as_bytes(batch) for batch in made]

    return batches


def as_bytes(batch):
    found = []
    for field in fields(batch):
        value = getattr(batch, field.name)
        is_tensor = isinstance(value, torch.Tensor)
        found.append((value.dtype, value.shape, value.numpy().tobytes()) if is_tensor else repr(value))
    return found


@pytest.fixture
def stories_read(monkeypatch):
    """The samples whose stories were parsed in this process."""
    read = []
    for name in ("read_sample", "read_story"):
        plain = getattr(micro_batches, name)
        monkeypatch.setattr(
            micro_batches,
            name,
            lambda shard, entry, *more, plain=plain: read.append(entry.key) or plain(shard, entry, *more),
        )
    return read


def folder_of(tmp_path):
    (folder,) = (tmp_path / "cache" / "rows").iterdir()
    return folder


def test_later_epochs_and_the_next_run_parse_no_story_and_have_the_same_batches(epoch, stories_read):
    plain = [epoch(number, rows_gb=0) for number in range(3)]
    stories_read.clear()
    assert epoch(0) == plain[0]
    assert stories_read
    assert len(stories_read) == len(set(stories_read))  # each once, for its rows and its tokens
    stories_read.clear()
    assert [epoch(number) for number in range(3)] == plain
    assert not stories_read


@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_and_workers_share_the_rows_of_parts_of_videos(epoch, workers, stories_read):
    plain = [[epoch(number, rank=rank, world=3, rows_gb=0) for rank in range(3)] for number in range(2)]
    loaders = [iter(epoch(rank=rank, world=3, loader=True, workers=workers)) for rank in range(3)]
    first = [[] for _ in range(3)]
    for _ in range(len(plain[0][0])):  # in turn, so that all write at once
        for own, batches in zip(loaders, first, strict=True):
            batches.append(as_bytes(next(own)))
    assert first == plain[0]
    stories_read.clear()
    assert [epoch(1, rank=rank, world=3) for rank in range(3)] == plain[1]
    assert not stories_read


def test_swapped_shards_are_the_same_errors_as_without_rows(epoch, data, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    epoch(0, folder=copy)
    one, other = copy / "train-00000.tar", copy / "train-00002.tar"
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0]), one.write_bytes(contents[1])
    assert epoch(0, folder=copy) == epoch(0, folder=copy, rows_gb=0)
    assert epoch(0, folder=copy, bad_samples=9) == epoch(0, folder=copy, bad_samples=9, rows_gb=0)


@pytest.mark.parametrize("name", ["index", "data"])
@pytest.mark.parametrize("how", ["flip", "cut", "empty", "gone", "noise", "folder gone"])
def test_damaged_files_are_made_again(epoch, tmp_path, name, how):
    plain = epoch(0, rows_gb=0)
    epoch(0)
    file = folder_of(tmp_path) / name
    content = bytearray(file.read_bytes())
    random = np.random.default_rng(0)
    if how == "flip":
        for place in random.integers(len(content), size=20).tolist():
            content[place] ^= 1 << int(random.integers(8))
    elif how == "noise":
        content = bytearray(random.bytes(len(content)))
    elif how in ("cut", "empty"):
        content = content[: len(content) // 2 if how == "cut" else 0]
    file.write_bytes(content)
    if how == "gone":
        file.unlink()
    elif how == "folder gone":
        shutil.rmtree(file.parent)
    assert epoch(0) == plain
    assert epoch(0) == plain


def test_a_sample_that_is_damaged_after_its_rows_were_kept_is_the_same_error(epoch, data, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    epoch(0, folder=copy)
    entry = Manifest.load(copy).samples("train")[2]
    with open(copy / entry.shard, "r+b") as file:
        file.seek(entry.offset + entry.bytes - 700)
        file.write(b"x")
    kept, plain = epoch(0, folder=copy), epoch(0, folder=copy, rows_gb=0)
    assert kept == plain
    assert any("damaged" in str(batch) for batch in kept)
    assert epoch(0, folder=copy, bad_samples=3) == epoch(0, folder=copy, bad_samples=3, rows_gb=0)


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_one_warning(epoch, tmp_path, caplog):
    plain = epoch(0, rows_gb=0)
    (tmp_path / "file").write_text("")
    assert epoch(0, cache=str(tmp_path / "file")) == plain
    assert sum("rows are not kept" in line for line in caplog.messages) == 1
    caplog.clear()
    with SmallDisk(tmp_path / "disk", 8) as disk:
        assert epoch(0, cache=str(disk / "cache")) == plain
        assert epoch(0, cache=str(disk / "cache")) == plain
        assert 1 <= sum("rows are not kept" in line for line in caplog.messages) <= 2


def test_the_bound_is_kept_by_all_folders_together(epoch, card, tmp_path):
    plain = epoch(0, rows_gb=0)
    most = 12_000
    for length in (4000, 4001, 4002, 4003, 4004):
        assert epoch(0, card=replace(card, max_length=length), rows_gb=most / 1e9) == plain
        sizes = [file.stat().st_size for file in (tmp_path / "cache" / "rows").glob("*/*")]
        assert sum(sizes) <= most + 4000  # the index of the newest
    assert 1 <= len(list((tmp_path / "cache" / "rows").iterdir())) < 5
    assert epoch(0, rows_gb=1e-9) == plain


def test_the_splits_of_a_run_leave_each_other_in_place(epoch, card, tmp_path, stories_read):
    """Even if one has most of the room; older folders make room for both."""
    whole = [epoch(0, split=split, rows_gb=0) for split in ("train", "val")]
    epoch(0, card=replace(card, max_length=4001))
    rows = tmp_path / "cache" / "rows"
    (old,) = rows.iterdir()
    most = 1.4 * sum(file.stat().st_size for file in old.iterdir())
    for _ in range(2):
        stories_read.clear()
        assert [epoch(0, split=split, rows_gb=most / 1e9) for split in ("train", "val")] == whole
    assert not stories_read
    assert not old.exists()
    assert len(list(rows.iterdir())) == 2


def test_the_splits_of_a_run_share_the_room(epoch, tmp_path):
    """A loader that was opened when there was room, as the one of the check before training, is no exception."""
    most = 6000
    val = epoch(0, split="val", loader=True, rows_gb=most / 1e9)
    epoch(0, rows_gb=most / 1e9)
    train = sum(file.stat().st_size for file in (tmp_path / "cache" / "rows").glob("*/data"))
    assert train > most / 2
    list(val)
    assert sum(file.stat().st_size for file in (tmp_path / "cache" / "rows").glob("*/data")) <= most


def test_a_folder_that_can_only_be_opened_in_part_costs_no_open_files(tmp_path):
    kept = KeptRows(tmp_path / "k", np.array([3]), 1 << 20)
    (tmp_path / "k" / "data").symlink_to(tmp_path / "gone" / "data")
    before = len(os.listdir("/proc/self/fd"))
    assert [kept.rows(0, "a", [0]) for _ in range(20)] == [None] * 20
    assert len(os.listdir("/proc/self/fd")) == before


def test_every_setting_that_rows_depend_on_is_in_the_key(data, card, tokens, monkeypatch):
    _, builder = builder_for(data, card, tokens)

    def key(**changes):
        made = builder_for(data, replace(card, **changes), tokens)[1]
        return rows_key.rows_key(made, "sha", "train", 7)

    from vn.story import WordRangeRule
    from vn.visual.plan import VisualSettings

    same = key()
    changes = [
        {"storyline": False},
        {"max_length": 100},
        {"word_range": WordRangeRule(margin=1)},
        *({"visual": VisualSettings(**{name: value})} for name, value in [("memory", "all"), ("threshold", 0.5)]),
    ]
    keys = [same, *(key(**each) for each in changes)]
    keys += [rows_key.rows_key(builder, *rest) for rest in (("x", "train", 7), ("sha", "val", 7), ("sha", "train", 6))]
    monkeypatch.setattr(rows_key, "code_sha256", lambda: "another build")
    keys.append(key())
    monkeypatch.undo()
    assert key() == same
    assert len(set(keys)) == len(keys)
    assert None not in keys
    monkeypatch.setattr(type(tokens.tokenizer), "__module__", "elsewhere.tokenizer")
    assert key() is None


def write_and_die(folder, rows):
    kept = KeptRows(folder, np.array([3, 3]), 1 << 20)
    kept.add(0, [0, 1, 2], rows, 9)
    os.write(kept._open()[2], b"half of")
    os._exit(9)


def test_a_killed_writer_leaves_nothing_bad(epoch, tmp_path, data, card, tokens):
    _, builder = builder_for(data, card, tokens)
    from toy_narrator import SECONDS, STORY, D, T

    frames = np.random.default_rng(0).normal(size=(10, T, D)).astype(np.float16)
    rows = builder.training_rows(STORY, builder.plans(STORY, frames, SECONDS), [0, 2, 3])
    process = multiprocessing.get_context("fork").Process(target=write_and_die, args=(tmp_path / "k", rows))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    kept = KeptRows(tmp_path / "k", np.array([3, 3]), 1 << 20)
    assert kept.tokens(0) == 9
    assert kept.tokens(1) is None
    assert [row.ids for row in kept.rows(0, STORY.id, [1, 2])] == [row.ids for row in rows[1:]]
    assert kept.rows(1, STORY.id, [0]) is None
    kept.add(1, [0, 2], [rows[0], rows[2]], 4)
    assert [row.ids for row in kept.rows(1, STORY.id, [0, 2])] == [rows[0].ids, rows[2].ids]
    assert kept.rows(1, STORY.id, [0, 1]) is None
    entry = (tmp_path / "k" / "index").read_bytes()
    assert len(entry) >= 2 * COUNT.size
