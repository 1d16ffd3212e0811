"""N-grams of all training narrations: tokenised many stories at a time, and the same as one by one."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import write_data

from vn.data.manifest import Manifest
from vn.data.shards import read_story
from vn.llm.ngrams import count
from vn.train import training_ngrams as module
from vn.train.training_ngrams import AHEAD, training_ngrams


@pytest.fixture
def learnt(make, tmp_path):
    """A narrator's row builder, and a data folder in a data module's place."""
    folder = write_data(tmp_path / "data", train=(9, 8))
    manifest = Manifest.load(folder)
    return make().builder, SimpleNamespace(folder=folder, entries=manifest.samples)


def stories(data):
    return [read_story(data.folder / entry.shard, entry) for entry in data.entries("train")]


@pytest.mark.parametrize("together", [1, 5, 17, 64])
def test_they_are_those_of_each_text_alone(learnt, monkeypatch, together):
    builder, data = learnt
    alone = count([ids for story in stories(data) for ids in builder.written_ids([story])])
    monkeypatch.setattr(module, "TOGETHER", together)
    found = training_ngrams(builder, data)
    np.testing.assert_array_equal(found.keys, alone.keys)
    np.testing.assert_array_equal(found.says, alone.says)
    assert len(found.keys) > 20


def test_a_story_that_cannot_be_read_is_left_out(learnt, caplog):
    builder, data = learnt
    gone = data.entries("train")[3]
    kept = [story for story in stories(data) if story.id != gone.key]
    shard = data.folder / gone.shard
    content = bytearray(shard.read_bytes())
    content[gone.offset + 512] ^= 0x40  # the brace that begins the story
    shard.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        found = training_ngrams(builder, data)
    assert f"not in the n-grams for drafts: 1 videos, the first: {shard}: {gone.key}" in caplog.text
    expected = count(builder.written_ids(kept))
    np.testing.assert_array_equal(found.keys, expected.keys)
    np.testing.assert_array_equal(found.says, expected.says)


def test_each_story_is_announced_once_a_few_ahead(learnt, monkeypatch):
    builder, data = learnt
    order = []

    def read(shard, entry):
        order.append(("read", entry.key))
        return read_story(shard, entry)

    monkeypatch.setattr(module, "announce", lambda shard, entry, whole: order.append(("announced", entry.key)))
    monkeypatch.setattr(module, "read_story", read)
    training_ngrams(builder, data)
    keys = data.entries("train").keys()
    for what in ("announced", "read"):
        assert [key for kind, key in order if kind == what] == keys
    ahead = [order.index(("read", key)) - order.index(("announced", key)) for key in keys]
    assert min(ahead) > 0
    assert order[: AHEAD + 1] == [*(("announced", key) for key in keys[:AHEAD]), ("read", keys[0])]
