"""The manifest: what is saved is read, in both formats; and whatever is wrong with it is named."""

import json

import numpy as np
import pytest
from made_up import as_format_1, change_column, write_data, write_manifest

from vn.data.manifest import Manifest
from vn.data.sample_files import COLUMNS
from vn.errors import InputError

SPLITS = ("train", "val", "test")


@pytest.fixture
def data(tmp_path):
    """A data folder with three shards of 2, 1 and 3 videos, a val split of one and no test split."""
    return write_data(tmp_path / "data", train=(2, 1, 3), val=1, test=0)


def files(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def save(folder, **changes):
    """Save a folder's manifest with other attributes to it."""
    manifest = Manifest.load(folder)
    for name, value in changes.items():
        setattr(manifest, name, value)
    manifest.save(folder)
    return manifest


class TestFormats:
    def test_columns_and_json_hold_the_same(self, data):
        columns = Manifest.load(data)
        as_format_1(data)
        old = Manifest.load(data)
        for split in SPLITS:
            assert list(old.samples(split)) == list(columns.samples(split))
            assert old.splits[split] == columns.splits[split]
        assert len(columns.samples("train")) == 6
        assert [[s.shard_index for s in shard.samples] for shard in old.splits["train"]] == [[0, 0], [1], [2, 2, 2]]
        assert columns.samples("other") == old.samples("other") == []

    def test_a_manifest_of_format_1_keeps_its_hash_and_its_bytes(self, data):
        as_format_1(data)
        before, manifest = files(data), Manifest.load(data)
        manifest.save(data)
        assert files(data) == before
        assert manifest.sha256 == Manifest.load(data).sha256

    def test_the_same_content_has_the_same_bytes_and_hash_anywhere(self, data, tmp_path):
        copy = write_data(tmp_path / "copy", train=(2, 1, 3), val=1, test=0)
        assert files(copy) == files(data)
        other = tmp_path / "other"
        other.mkdir()
        as_format_1(copy)
        Manifest.load(copy).save(other)
        assert (other / "manifest.json").read_bytes() == (data / "manifest.json").read_bytes()
        assert Manifest.load(other).sha256 == Manifest.load(data).sha256

    @pytest.mark.parametrize("column", COLUMNS)
    def test_every_column_counts_in_the_hash(self, data, column):
        before = Manifest.load(data).sha256
        changed = (lambda a: a[::-1]) if column == "key_at" else lambda a: a + 1
        change_column(data, column, changed)
        with_other_samples = json.loads((data / "manifest.json").read_text())["samples"]
        assert len(set(with_other_samples.values())) == len(COLUMNS)
        try:
            assert Manifest.load(data).sha256 != before
        except InputError as error:
            assert column in str(error)  # noqa: PT017 (some changes are refused)

    def test_other_content_is_written_in_the_new_format(self, data):
        as_format_1(data)
        save(data, corpus="mine")
        assert json.loads((data / "manifest.json").read_text())["format"] == 2
        assert Manifest.load(data).corpus == "mine"
        assert len(Manifest.load(data).samples("train")) == 6

    def test_statistics_and_warnings_are_read_as_they_were_written(self, data):
        numbers = np.array([0.1, -2.0, 1 / 3, 1e-6, 7.0, 5e8])
        save(data, statistics={"mean": numbers, "std": abs(numbers)}, warnings=["a warning: 防晒"])
        read = Manifest.load(data)
        np.testing.assert_array_equal(read.statistics["mean"], numbers)
        np.testing.assert_array_equal(read.statistics["std"], abs(numbers))
        assert read.warnings == ["a warning: 防晒"]

    def test_a_folder_whose_columns_are_written_but_not_its_manifest_is_unfinished(self, data):
        (data / "manifest.json").unlink()
        with pytest.raises(InputError, match="vn prepare has not finished here"):
            Manifest.load(data)

    def test_a_killed_save_leaves_an_unfinished_folder_or_the_old_one(self, data, monkeypatch):
        """Whichever file was the last to be written."""
        from vn.data import manifest, sample_files

        class Killed(Exception):
            pass

        whole = manifest.atomic_write
        for last in range(len(COLUMNS) + 1):
            left = iter([whole] * last)

            def write(path, left=left):
                return next(left, lambda path: exec_raise(Killed))(path)

            monkeypatch.setattr(manifest, "atomic_write", write)
            monkeypatch.setattr(sample_files, "atomic_write", write)
            with pytest.raises(Killed):
                save(data, corpus=f"mine {last}")
            with pytest.raises(InputError, match="has not finished here"):
                Manifest.load(data)
            monkeypatch.undo()
            write_data(data, train=(2, 1, 3), val=1, test=0)
            assert len(Manifest.load(data).samples("train")) == 6


def exec_raise(error):
    raise error


class TestWrongFields:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m.pop("tokens"), "manifest.json: tokens: is missing"),
            (lambda m: m.update(format=3), "manifest.json: format: is 3, but this version of vn reads 1 and 2"),
            (lambda m: m.update(width="3"), "manifest.json: width: is wrong: '3'"),
            (lambda m: m.update(standardise=1), "manifest.json: standardise: is wrong"),
            (lambda m: m["encoder"].pop("settings"), "manifest.json: encoder.settings: is missing"),
            (lambda m: m["statistics"].pop("std"), "manifest.json: statistics.std: is missing"),
            (lambda m: m["statistics"].update(mean=[1.0]), "statistics.mean: is wrong: expected 6 finite"),
            (lambda m: m["statistics"].update(mean=[1.0, "x", 2]), "statistics.mean: is wrong: expected numbers"),
            (lambda m: m["statistics"].update(mean=[1.0, float("nan")]), "statistics.mean: is wrong"),
            (lambda m: m["splits"].pop("val"), "manifest.json: splits.val: 'val' is missing"),
            (lambda m: m["splits"].update(test=[]), "manifest.json: splits.test: is wrong"),
            (lambda m: m["splits"]["train"]["shards"][0].pop("bytes"), "splits.train: 'bytes' is missing"),
        ],
    )
    @pytest.mark.parametrize("old", [False, True])
    def test_a_wrong_field_is_named(self, data, change, message, old):
        content = as_format_1(data) if old else json.loads((data / "manifest.json").read_text("utf-8"))
        change(content)
        write_manifest(data, content)
        with pytest.raises(InputError, match=message):
            Manifest.load(data)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda s: s[0].pop("offset"), "splits.train: 'offset' is missing"),
            (lambda s: s[1].update(key=s[0]["key"]), "splits.train: train-0-0 appears twice"),
            (lambda s: s[1].update(frames=-1), "splits.train: is wrong: train-0-1: frames cannot be -1"),
            (lambda s: s[1].update(seconds=float("nan")), "splits.train: is wrong: train-0-1: seconds cannot be nan"),
        ],
    )
    def test_a_wrong_sample_of_format_1(self, data, change, message):
        content = as_format_1(data)
        change(content["splits"]["train"]["shards"][0]["samples"])
        write_manifest(data, content)
        with pytest.raises(InputError, match=rf"manifest\.json: {message}"):
            Manifest.load(data)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m.pop("samples"), "manifest.json: samples: is missing"),
            (lambda m: m["samples"].pop("clips"), "manifest.json: samples.clips: has no sha256"),
            (lambda m: m["samples"].update(clips=7), "manifest.json: samples.clips: has no sha256"),
            (lambda m: m["samples"].update(colour="0" * 64), "samples.colour: is not a column that this version"),
            (lambda m: m["splits"]["train"]["shards"][1].update(samples=[]), "train-00001.tar cannot have"),
            (lambda m: m["splits"]["train"]["shards"][1].update(samples=-1), "cannot have -1 samples"),
            (lambda m: m["splits"]["train"]["shards"][1].update(samples=True), "cannot have True samples"),
            (
                lambda m: m["splits"]["train"]["shards"][1].update(samples=2),
                "key_at.npy: expected 9 numbers for 8 samp",
            ),
            (lambda m: m["splits"]["train"]["shards"][1].update(samples=2**61), "key_at.npy: expected"),
        ],
    )
    def test_a_wrong_head_of_columns(self, data, change, message):
        content = json.loads((data / "manifest.json").read_text("utf-8"))
        change(content)
        write_manifest(data, content)
        with pytest.raises(InputError, match=message):
            Manifest.load(data)

    def test_missing_and_broken_files(self, tmp_path):
        with pytest.raises(InputError, match="no such data folder"):
            Manifest.load(tmp_path / "none")
        with pytest.raises(InputError, match="vn prepare has not finished here"):
            Manifest.load(tmp_path)
        (tmp_path / "manifest.json").write_text("{,")
        with pytest.raises(InputError, match=r"manifest\.json: not JSON: .* line 1"):
            Manifest.load(tmp_path)
        (tmp_path / "manifest.json").write_text("[]")
        with pytest.raises(InputError, match=r"manifest\.json: expected an object"):
            Manifest.load(tmp_path)


def test_a_sample_is_found_by_its_key(data):
    manifest = Manifest.load(data)
    for split in SPLITS:
        for number, entry in enumerate(manifest.samples(split)):
            assert manifest.find(entry.key) == entry
            assert manifest.samples(split).find(entry.key) == number
    for key in ("", "train-0", "train-0-00", "rain-0-0", "训练", "train-0-9"):
        assert manifest.find(key) is None
