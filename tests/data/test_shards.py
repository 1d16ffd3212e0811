"""Shards, thumbnails and manifest: deterministic, readable by others, and every damage is named."""

import dataclasses
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset as wds
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import as_format_1, write_manifest

from vn.data.manifest import Manifest
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.data.shard_writer import ShardWriter
from vn.data.shards import _finite, read_sample, read_story, read_thumbs, verify
from vn.data.thumbs import HEIGHT, JPEG_WIDTH, split_strip, strip, thumbnail
from vn.errors import InputError
from vn.story import Clip, Knowledge, Story, parse_labels
from vn.story_reader import parse_story

T, D = 2, 3
STORY = Story(
    "key-0",
    "防晒衣",
    "zh",
    "ad",
    (Knowledge("外观", ("白色", "收腰")),),
    (Clip(0, 2.5, parse_labels("外观设计"), "白色收腰款。"), Clip(2.5, 4)),
)


def sample(number: int, frames: int, thumbs: bool = True):
    random = np.random.default_rng(number)
    features = random.standard_normal((frames, T, D)).astype(np.float16)
    pictures = [np.full((HEIGHT, 40, 3), 10 * n + number, np.uint8) for n in range(frames)] if thumbs else None
    return dataclasses.replace(STORY, id=f"key-{number}"), features, np.arange(frames, dtype=np.float32), pictures


def write(path: Path, samples) -> ShardEntry:
    with path.open("wb") as file:
        writer = ShardWriter(file, path.name, 0)
        for each in samples:
            writer.add(*each)
        return writer.close()


def manifest_of(entry: ShardEntry) -> Manifest:
    return Manifest(
        encoder={"id": "e", "settings": {"fps": 1.0}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=True,
        tokens=T,
        width=D,
        statistics={"mean": np.array([0.1, -2.0, 1 / 3]), "std": np.array([1.0, 0.5, 1e-6])},
        language="zh",
        domain="ad",
        splits={"train": [entry], "val": [], "test": []},
        warnings=["a warning: 防晒"],
    )


@pytest.fixture
def data(tmp_path) -> tuple[Path, list[SampleEntry]]:
    """A folder with a manifest and a shard of three samples."""
    entry = write(tmp_path / "train-00000.tar", [sample(0, 3), sample(1, 1, thumbs=False), sample(2, 5)])
    manifest_of(entry).save(tmp_path)
    return tmp_path, list(entry.samples)


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5), thumbs=st.booleans())
def test_what_is_read_is_what_was_written(tmp_path_factory, lengths, thumbs):
    path = tmp_path_factory.mktemp("shard") / "train-00000.tar"
    samples = [sample(n, frames, thumbs) for n, frames in enumerate(lengths)]
    entry = write(path, samples)
    assert entry.bytes == path.stat().st_size
    for given_sample, found in zip(samples, entry.samples, strict=True):
        story, frames, seconds = read_sample(path, found)
        assert story == given_sample[0] == read_story(path, found)
        np.testing.assert_array_equal(frames, given_sample[1])
        np.testing.assert_array_equal(seconds, given_sample[2])
        assert (frames.dtype, seconds.dtype) == (np.float16, np.float32)
        shown = read_thumbs(path, found)
        assert (shown is None) == (not thumbs)
        for picture, original in zip(shown or [], given_sample[3] or [], strict=True):
            assert np.abs(picture.astype(int) - original).max() < 12


def test_the_same_samples_give_the_same_bytes(tmp_path):
    samples = [sample(n, 3) for n in range(3)]
    entries = [write(tmp_path / name, samples) for name in ("a.tar", "b.tar")]
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert entries[0].sha256 == entries[1].sha256
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert [m.name.split(".", 1)[1] for m in members[:4]] == ["json", "frames.npy", "seconds.npy", "thumbs.jpg"]
    assert members[0].offset == entries[0].samples[0].offset
    assert members[4].offset == entries[0].samples[1].offset


@pytest.mark.oracle
def test_stock_webdataset_reads_every_shard(data):
    folder, entries = data
    read = list(wds.WebDataset(str(folder / "train-00000.tar"), shardshuffle=False).decode())
    assert [r["__key__"] for r in read] == [e.key for e in entries]
    for found, entry in zip(read, entries, strict=True):
        story, frames, seconds = read_sample(folder / entry.shard, entry)
        assert parse_story(found["json"]) == story
        np.testing.assert_array_equal(found["frames.npy"], frames)
        np.testing.assert_array_equal(found["seconds.npy"], seconds)


def test_entries_tell_what_the_order_needs(data):
    entry = data[1][0]
    assert (entry.clips, entry.narrated, entry.frames, entry.seconds) == (2, 1, 3, 4.0)
    assert entry.characters == len("防晒衣" + "外观" + "白色收腰" + "外观设计" + "白色收腰款。")


class TestDamage:
    def test_a_missing_shard(self, data):
        folder, entries = data
        (folder / "train-00000.tar").unlink()
        with pytest.raises(InputError, match=r"train-00000\.tar: key-1: No such file"):
            read_sample(folder / "train-00000.tar", entries[1])
        with pytest.raises(InputError, match=r"train-00000\.tar: No such file"):
            verify(folder)

    def test_a_shard_cut_short(self, data):
        folder, entries = data
        shard = folder / "train-00000.tar"
        shard.write_bytes(shard.read_bytes()[: entries[2].offset + 700])
        read_sample(shard, entries[1])
        with pytest.raises(InputError, match=r"train-00000\.tar: key-2: the shard is cut short"):
            read_sample(shard, entries[2])
        with pytest.raises(InputError, match=r"train-00000\.tar: key-2: damaged"):
            read_story(shard, entries[2])
        with pytest.raises(InputError, match="another sha256"):
            verify(folder)

    def test_a_header_of_noise(self, data):
        folder, entries = data
        shard = folder / "train-00000.tar"
        content = bytearray(shard.read_bytes())
        content[entries[1].offset : entries[1].offset + 512] = np.random.default_rng(0).bytes(512)
        shard.write_bytes(content)
        with pytest.raises(InputError, match=r"train-00000\.tar: key-1: damaged"):
            read_sample(shard, entries[1])

    def test_a_flipped_bit_is_found_anywhere(self, data):
        folder, entries = data
        shard, entry = folder / "train-00000.tar", entries[1]
        sound = shard.read_bytes()
        random = np.random.default_rng(0)
        for place in range(entry.offset, entry.offset + entry.bytes, 13):
            content = bytearray(sound)
            content[place] ^= 1 << int(random.integers(8))
            shard.write_bytes(content)
            with pytest.raises(InputError, match=r"train-00000\.tar.*key-1"):
                read_sample(shard, entry)
            read_sample(shard, entries[2])

    def test_data_without_checksums_reads_on(self, data):
        folder, entries = data
        manifest = as_format_1(folder)
        for one in manifest["splits"]["train"]["shards"][0]["samples"]:
            del one["crc32"]
        write_manifest(folder, manifest)
        read = Manifest.load(folder).samples("train")
        assert list(read) == [dataclasses.replace(entry, crc32=None) for entry in entries]
        read_sample(folder / "train-00000.tar", read[1])
        assert "crc32" not in read[1].to_dict()

    def test_another_key(self, data):
        folder, entries = data
        with pytest.raises(InputError, match=r"key-9: expected key-9\.json, found key-1\.json"):
            read_sample(folder / "train-00000.tar", dataclasses.replace(entries[1], key="key-9"))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda f: f.astype(np.float32),
                r"key-0: frames.npy: expected float16 of 3 frames, got float32 \[3, 2, 3\]",
            ),
            (lambda f: f[:2], "key-0: frames.npy: expected float16 of 3 frames"),
            (lambda f: f[:, 0], "key-0: frames.npy: expected float16 of 3 frames"),
            (lambda f: np.where(f == f.max(), np.float16(np.nan), f), "key-0: frames.npy: frame . holds a number"),
            (lambda f: np.where(f == f.max(), np.float16(np.inf), f), "key-0: frames.npy: frame . holds a number"),
        ],
    )
    def test_wrong_arrays(self, tmp_path, change, message):
        story, frames, seconds, _ = sample(0, 3)
        entry = write(tmp_path / "x.tar", [(story, change(frames), seconds, None)]).samples[0]
        with pytest.raises(InputError, match=message):
            read_sample(tmp_path / "x.tar", dataclasses.replace(entry, frames=3))

    def test_no_pickles(self, tmp_path):
        path = tmp_path / "x.tar"
        entry = write(path, [sample(0, 3)]).samples[0]
        file = io.BytesIO()
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        pickled = file.getvalue()
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
            contents = {"json": b"{}", "frames.npy": pickled, "seconds.npy": pickled}
            for extension, content in contents.items():
                info = tarfile.TarInfo(f"key-0.{extension}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            size = tar.offset
        with pytest.raises(InputError, match=r"key-0: frames.npy: damaged .*allow_pickle"):
            read_sample(path, dataclasses.replace(entry, bytes=size))


def test_shards_are_as_the_manifest_has_them(data):
    assert verify(data[0]) == 1


class TestThumbs:
    @pytest.mark.parametrize(("height", "width"), [(48, 64), (1080, 1920), (97, 33), (1, 1), (10, 4000)])
    def test_are_96_pixels_high(self, height, width):
        picture = thumbnail(np.zeros((height, width, 3), np.uint8))
        assert picture.shape == (96, min(384, max(1, round(96 * width / height))), 3)

    @pytest.mark.parametrize("count", [1, 2, 170, 171, 172, 345, 700])
    def test_long_videos_wrap_into_rows(self, count):
        # 384 pixels wide, 170 of them fill the width of a JPEG.
        pictures = [np.full((96, 384, 3), (n * 37) % 256, np.uint8) for n in range(count)]
        jpeg = strip(pictures)
        back = split_strip(jpeg, count)
        assert JPEG_WIDTH // 384 == 170
        assert len(back) == count
        assert max(abs(int(b[48, 192, 0]) - int(p[0, 0, 0])) for b, p in zip(back, pictures, strict=True)) < 6

    def test_a_size_that_changes_on_the_way(self):
        pictures = [np.full((96, width, 3), 90, np.uint8) for width in (128, 54)]
        assert [p.shape for p in split_strip(strip(pictures), 2)] == [(96, 128, 3)] * 2


def test_every_float16_is_finite_by_its_bits_as_by_its_value():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    assert [_finite(every[i : i + 1]) for i in range(len(every))] == np.isfinite(every).tolist()
    assert _finite(every[np.isfinite(every)])
    assert _finite(every[:0])
