"""The columns of a manifest: any samples come back as they were, lazily; damage and impossible values are named."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import change_column, write_data

from vn.data.manifest import Manifest
from vn.data.npy import npy_bytes
from vn.data.sample_files import COLUMNS
from vn.data.samples import NUMBERS, Samples, in_columns
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.errors import InputError

counts = st.integers(0, 2**40)


@st.composite
def split_of_samples(draw, prefix):
    """The shards of a split: any sizes, empty ones too; entries that a shard of their size could have."""
    shards = []
    for number in range(draw(st.integers(0, 4))):
        samples, offset = [], 0
        for sample in range(draw(st.integers(0, 4))):
            size = draw(st.integers(1, 2**40))
            clips = draw(st.integers(0, size))
            key = f"{prefix}{number}-{sample}_" + draw(st.text("aZ09_-", max_size=170))
            samples.append(
                SampleEntry(
                    key=key,
                    offset=offset,
                    bytes=size,
                    clips=clips,
                    narrated=draw(st.integers(0, clips)),
                    frames=draw(st.integers(1, size)),
                    seconds=draw(st.floats(0, 1e299) | st.integers(0, 2**40).map(float)),
                    characters=draw(st.integers(0, size)),
                    shard=f"{prefix}-{number}.tar",
                    shard_index=number,
                    crc32=draw(st.none() | st.integers(0, 2**32 - 1)),
                )
            )
            offset += size
        shards.append(ShardEntry(f"{prefix}-{number}.tar", draw(st.text("0af", max_size=64)), offset, tuple(samples)))
    return shards


splits = st.fixed_dictionaries({split: split_of_samples(split) for split in ("train", "val", "test")})


def manifest_of(shards):
    numbers = {"mean": np.zeros(1), "std": np.ones(1)}
    encoder = {"id": "e", "settings": {}, "weights_sha256": None}
    return Manifest(encoder, 0.9, True, 1, 1, numbers, "en", "ad", splits=shards)


@given(splits)
@settings(max_examples=60, deadline=None)
def test_any_samples_come_back(tmp_path_factory, shards):
    folder = tmp_path_factory.mktemp("data")
    saved = manifest_of(shards)
    saved.save(folder)
    read = Manifest.load(folder)
    assert read.sha256 == saved.sha256
    for split, given_shards in shards.items():
        entries = [entry for shard in given_shards for entry in shard.samples]
        for manifest in (saved, read):
            samples = manifest.samples(split)
            assert (list(samples), len(samples)) == (entries, len(entries))
            assert [samples[n] for n in range(len(entries))] == entries
            assert [samples[-n] for n in range(1, len(entries) + 1)] == entries[::-1]
            assert list(manifest.splits[split]) == given_shards
            assert samples.keys() == [entry.key for entry in entries]
            for name in (*NUMBERS, "shard_index"):
                of_entries = [getattr(entry, name) for entry in entries]
                assert samples.column(name).tolist() == [-1 if value is None else value for value in of_entries]
        assert all(type(entry.seconds) is float and type(entry.clips) is int for entry in samples)
        for start, stop in ((0, 2), (1, None), (1, 3), (2, 1), (5, 9)):
            assert list(samples[start:stop]) == entries[start:stop]
    again = folder / "again"
    again.mkdir()
    read.save(again)
    assert (again / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


@pytest.fixture
def data(tmp_path):
    """A data folder with three shards of 2, 1 and 3 videos, a val split of one and no test split."""
    return write_data(tmp_path / "data", train=(2, 1, 3), val=1, test=0)


def refused(folder):
    with pytest.raises(InputError) as error:
        Manifest.load(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


class TestDamagedFiles:
    @pytest.mark.parametrize("name", COLUMNS)
    def test_a_column_that_is_missing_cut_empty_or_replaced_is_named(self, data, name):
        file = data / "samples" / f"{name}.npy"
        good = file.read_bytes()
        random = np.random.default_rng(0)
        spoiled = bytearray(good)
        spoiled[int(random.integers(len(good)))] ^= 1 << int(random.integers(8))
        for wrong in (good[:-1], good[: len(good) // 2], b"", good + b"\0", bytes(spoiled), npy_bytes(np.arange(3))):
            file.write_bytes(wrong)
            assert refused(data).startswith(f"{file}: does not match manifest.json (another sha256)")
        file.unlink()
        assert refused(data) == f"{file}: No such file or directory"
        file.mkdir()
        assert refused(data) == f"{file}: Is a directory"

    @pytest.mark.parametrize("name", COLUMNS)
    def test_a_column_of_another_kind_is_named_even_if_it_has_the_hash(self, data, name):
        file = re.escape(str(data / "samples" / f"{name}.npy"))
        count = len(np.load(data / "samples" / f"{name}.npy"))
        for wrong, message in (
            (lambda a: a.astype(np.float32), "expected one row of .*, got .*<f4"),
            (
                lambda a: a.astype(a.dtype.newbyteorder(">")) if a.dtype != np.uint8 else a.astype("i1"),
                "expected one row",
            ),
            (lambda a: a.reshape(-1, 1), rf"expected one row of .*, got \[{count}, 1\]"),
            (lambda a: a[0], r"expected one row of .*, got \[\]"),
            (lambda a: np.append(a, a[-1:]), "expected|does not divide"),
            (lambda a: npy_bytes(a)[:-1], "damaged .*cut short"),
            (lambda a: b"", "damaged .*not an .npy file"),
            (lambda a: b"hello" * 100, "damaged .*not an .npy file"),
            (lambda a: npy_bytes(a).replace(b"descr", b"descx"), "damaged .*header"),
        ):
            whole = {each.name: each.read_bytes() for each in (data / "samples").iterdir()}
            kept = (data / "manifest.json").read_bytes()
            change_column(data, name, wrong)
            message = message if name != "key" or "does not" not in message else "key_at.npy: does not divide"
            place = file if "key_at" not in message else re.escape(str(data / "samples")) + "/"
            assert re.match(f"{place}:? ?.*{message}", refused(data)), (name, refused(data))
            (data / "manifest.json").write_bytes(kept)
            for each, content in whole.items():
                (data / "samples" / each).write_bytes(content)

    def test_no_pickles(self, data):
        change_column(data, "clips", lambda a: a)
        file = data / "samples" / "clips.npy"

        def pickled(column):
            np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
            return file.read_bytes()

        change_column(data, "clips", pickled)
        assert "clips.npy: damaged (it holds Python objects" in refused(data)


def put(value, at=3):
    def change(column):
        column = column.copy()
        column[at] = value
        return column

    return change


class TestImpossibleValues:
    """Sample 3 of the folder is train-2-0."""

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            *[(name, -3, "cannot be -3") for name in NUMBERS if name != "seconds"],
            ("seconds", -3, "cannot be -3.0"),
            *[(name, 2**62, f"cannot be {2**62}") for name in NUMBERS if name != "seconds"],
            ("crc32", 2**32, f"cannot be {2**32}"),
            ("seconds", np.nan, "cannot be nan"),
            ("seconds", np.inf, "cannot be inf"),
            ("frames", 0, "cannot be 0"),
            ("narrated", 10**4, "10000 are more than its clips"),
            ("frames", 10**9, "1000000000 are more than its bytes can hold"),
            ("clips", 10**9, "1000000000 are more than its bytes can hold"),
            ("characters", 10**9, "1000000000 are more than its bytes can hold"),
            ("offset", 2**62 - 1, f"{2**62 - 1} and its bytes are beyond the end of its shard"),
        ],
    )
    def test_are_refused_with_file_sample_and_field(self, data, name, value, message):
        change_column(data, name, put(value))
        assert refused(data) == f"{data / 'samples' / name}.npy: train-2-0: {name}: {message}"

    def test_the_first_of_many_is_named(self, data):
        change_column(data, "frames", lambda a: -np.arange(len(a)) - 1)
        assert "frames.npy: train-0-0: frames: cannot be -1" in refused(data)

    def test_bytes_beyond_the_shard(self, data):
        change_column(data, "bytes", put(10**9))
        assert "offset.npy: train-2-0: offset: " in refused(data)

    @pytest.mark.parametrize("letter", [b"/", b".", b"\0", b" ", b"\xe9", b"\n"])
    def test_a_key_with_another_letter(self, data, letter):
        change_column(data, "key", put(letter[0], 3 * len("train-0-0") + 2))
        error = refused(data)
        assert error.startswith(f"{data / 'samples' / 'key.npy'}: tr")
        assert "is not a video's key: an id has letters, digits" in error

    @pytest.mark.parametrize(
        "change",
        [
            lambda at: at[::-1].copy(),
            lambda at: at + 1,
            put(-5, 2),
            put(2**63 - 1, 2),
            put(0, 1),
            lambda at: np.zeros_like(at),
            lambda at: at * 2,
        ],
    )
    def test_keys_that_are_not_divided(self, data, change):
        change_column(data, "key_at", change)
        assert refused(data).startswith(f"{data / 'samples' / 'key_at.npy'}: does not divide samples/key.npy into keys")

    def test_a_key_that_is_too_long(self, tmp_path):
        folder = write_data(tmp_path / "one", train=(1,), val=0, test=0)
        for length, bad in ((200, False), (201, True)):
            change_column(folder, "key", lambda a, length=length: np.full(length, ord("a"), np.uint8))
            change_column(folder, "key_at", lambda a, length=length: np.array([0, length]))
            if bad:
                assert "200 of them at most" in refused(folder)
            else:
                assert Manifest.load(folder).samples("train").keys() == ["a" * 200]

    def test_a_key_that_two_samples_have_even_in_two_splits(self, data):
        train, val = b"train-0-0", b"train-2-1"
        change_column(data, "key", lambda a: np.frombuffer(a.tobytes().replace(val, train), np.uint8))
        assert refused(data) == f"{data / 'samples' / 'key.npy'}: train-0-0: appears twice"
        keys = [*(b"abcde"[i : i + 1] for i in range(5)), b"zz", b"zz"]
        change_column(data, "key", lambda a: np.frombuffer(b"".join(keys), np.uint8))
        change_column(data, "key_at", lambda a: np.cumsum([0, *map(len, keys)]))
        assert "key.npy: zz: appears twice" in refused(data)


class TestSharing:
    def test_a_pickle_has_no_sample_and_opens_the_folder_again(self, tmp_path):
        folder = write_data(tmp_path / "many", train=(40, 3), val=1, test=1)
        samples = Manifest.load(folder).samples("train")
        for part in (samples, samples[3:7], samples[9:9]):
            pickled = pickle.dumps(part)
            assert b"train-0-3" not in pickled
            assert len(pickled) < 600 + len(str(folder))
            assert list(pickle.loads(pickled)) == list(part)
        pickled = pickle.dumps(samples)
        change_column(folder, "clips", lambda a: a + 1)
        with pytest.raises(InputError, match=r"manifest\.json: has changed since this command began"):
            pickle.loads(pickled)

    def test_samples_that_are_in_no_folder_are_pickled_as_they_are(self):
        entry = SampleEntry("a", 0, 9, 1, 1, 1, 2.5, 3, "x.tar", 0, None)
        samples, _ = in_columns([ShardEntry("x.tar", "", 9, [entry])])
        assert list(pickle.loads(pickle.dumps(samples))) == [entry]

    def test_columns_are_mapped_read_only_and_entries_are_not_kept(self, data):
        samples = Manifest.load(data).samples("train")
        assert isinstance(samples, Samples)
        assert samples[0] is not samples[0]
        with pytest.raises(ValueError, match="read-only"):
            samples.column("frames")[0] = 1
        for name in NUMBERS:
            base = samples.column(name)
            while isinstance(base, np.ndarray):
                base = base.base
            assert "mmap" in type(base if not isinstance(base, memoryview) else base.obj).__name__

    def test_a_manifest_that_is_open_stays_whole_while_the_folder_is_made_again(self, data):
        manifest = Manifest.load(data)
        before = list(manifest.samples("train"))
        write_data(data, train=(1,), val=0, test=0, seed=3)
        assert list(manifest.samples("train")) == before
        assert len(Manifest.load(data).samples("train")) == 1
