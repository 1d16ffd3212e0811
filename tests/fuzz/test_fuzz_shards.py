"""Shards, manifests and released features: read by offset, by the data module's order, and through ``vn prepare``."""

import dataclasses
import io
import json
import math
import random
import shutil
import tarfile
import tempfile
import warnings

import mutate
import numpy as np
import pytest
from hypothesis import strategies as st
from made_up import as_format_1, change_column, write_data, write_manifest
from place import one_line, sizes
from test_fuzz_annotations import ESYNC, prepare

from vn.data.encoders import EncoderSettings, load_encoder
from vn.data.manifest import Manifest
from vn.data.order import Schedule
from vn.data.sample_files import COLUMNS
from vn.data.shards import read_sample, read_story, read_thumbs, verify
from vn.data.token_estimates import estimated_videos
from vn.errors import Findings, InputError


@pytest.fixture
def whole(place):
    """A data folder of made-up videos."""
    return write_data(place.folder / "data", train=(3,), val=1, test=1)


def read_all(folder, manifest) -> int:
    """Read every sample in every way; each is a whole one or refused by name. Gives how many were refused."""
    refused = 0
    for split in ("train", "val", "test"):
        for entry in manifest.samples(split):
            shard = folder / entry.shard
            for read in (read_sample, read_story, read_thumbs):
                got, error = attempt(lambda shard=shard, entry=entry, read=read: read(shard, entry))
                if error:
                    refused += 1
                    one_line(error, (shard,))
                    assert entry.key in error
                elif read is read_sample:
                    story, frames, seconds = got
                    assert story.id == entry.key
                    assert len(story.narrated) == entry.narrated
                    assert np.isfinite(frames).all()
                    assert len(frames) == len(seconds) == entry.frames
    return refused


def attempt(work):
    """What it gives and None, or None and why it was refused."""
    try:
        return work(), None
    except InputError as error:
        return None, str(error)


@sizes(50, 1000)
def test_shards(fuzz, place, whole, count):
    manifest = Manifest.load(whole)
    shard = whole / "train-00000.tar"
    good = shard.read_bytes()
    entry = manifest.samples("train")[1]

    def check(data: bytes) -> mutate.Outcome:
        shard.write_bytes(data)
        _, error = attempt(lambda: verify(whole))
        assert str(shard) in error if error else data == good, "another shard was taken for the manifest's"
        with place.unchanged():
            return "refusal" if read_all(whole, manifest) else "result"

    fuzz("shard: read", check, [good], count, data=remade(good, entry))


def remade(good: bytes, entry) -> st.SearchStrategy[bytes]:
    """The shard with one sample's members renamed, of another type, or with other content, still a whole tar."""
    names = st.sampled_from(
        [*(f"{entry.key}.{e}" for e in ("json", "frames.npy", "seconds.npy", "thumbs.jpg", "x")), *mutate.TEXTS]
    )
    odd = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, tarfile.CHRTYPE)
    kinds = st.sampled_from([tarfile.REGTYPE] * 4 + list(odd))
    arrays = st.sampled_from([npy(a) for a in ARRAYS])
    stories = mutate.mutated([json.loads(_member(good, f"{entry.key}.json"))]).map(mutate.as_json)
    contents = st.one_of(arrays, stories, st.binary(max_size=2000))
    size = st.none() | st.sampled_from(["0", "7" * 11, "x"])
    change = st.tuples(st.integers(0, 2), st.none() | names, kinds, st.none() | contents, size)
    return st.tuples(change, st.integers(0, 2)).map(lambda drawn: _rewrite(good, entry, *drawn))


# Of other shapes, types and byte orders than frames have.
ARRAYS = [
    np.zeros((0, 2, 6), np.float16),
    np.zeros((4, 2, 6), np.float16),
    np.zeros((4, 2, 6), np.float32),
    np.full((4, 2, 6), np.nan, np.float16),
    np.zeros((4, 2, 6), ">f2"),
    np.asfortranarray(np.zeros((4, 2, 6), np.float16)),
    np.zeros((), np.float16),
    np.zeros(4, np.float32),
    np.array([b"x"]),
    np.zeros(3, [("a", "f2")]),
]


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _member(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.extractfile(name).read()


def _rewrite(good: bytes, entry, change, of: int) -> bytes:
    """Write the shard anew with a change to one member of a sample; the sample's bytes are padded to its old size."""
    which, name, kind, content, size = change
    with tarfile.open(fileobj=io.BytesIO(good)) as tar:
        members = [(m, tar.extractfile(m).read()) for m in tar.getmembers()]
    first = next(i for i, (m, _) in enumerate(members) if m.name == f"{entry.key}.json")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for i, (member, data) in enumerate(members):
            if i == first + which:
                data = data if content is None else content
                member = tarfile.TarInfo((member.name if name is None else name).replace("\x00", "?") or "?")
                member.type, member.linkname, member.size = kind, "../../x", len(data)
            try:
                tar.addfile(member, io.BytesIO(data))
            except (UnicodeEncodeError, ValueError):
                tar.addfile(tarfile.TarInfo("odd"), io.BytesIO())
    made = bytearray(out.getvalue())
    if size is not None:
        place = entry.offset + 124  # of the size in a tar header
        made[place : place + 12] = size.encode().ljust(12, b"\x00")
    return bytes(made)


def used(whole) -> None:
    """What is accepted gives an order and samples, or samples refused by name; nothing endless; and it can be saved."""
    manifest = Manifest.load(whole)
    videos = estimated_videos(manifest.samples("train"), manifest.tokens, manifest.language)
    for step in Schedule(videos, 0, 8).epoch(0):
        assert step
    read_all(whole, manifest)
    with tempfile.TemporaryDirectory() as copy:
        manifest.save(copy)
        assert Manifest.load(copy).sha256 == manifest.sha256


@sizes(60, 1200)
@pytest.mark.parametrize("format", [1, 2])
def test_manifests(fuzz, place, whole, count, format):
    file = whole / "manifest.json"
    good = as_format_1(whole) if format == 1 else json.loads(file.read_text())
    shards = {path.name: path.read_bytes() for path in whole.glob("*.tar")}

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        came = place.read(lambda: used(whole), file, whole / "samples")
        assert {path.name: path.read_bytes() for path in whole.glob("*.tar")} == shards
        return came

    fuzz(f"manifest of format {format}: read", check, [mutate.as_json(good)], count, [good])


@sizes(15, 300)
@pytest.mark.parametrize("column", COLUMNS)
def test_columns_of_samples(fuzz, place, whole, count, column):
    """With the hash that they should have, so that it is not what refuses them."""
    kept = (whole / "manifest.json").read_bytes()
    file = whole / "samples" / f"{column}.npy"
    good = np.load(file)

    def check(data: bytes) -> mutate.Outcome:
        (whole / "manifest.json").write_bytes(kept)
        file.write_bytes(npy(good))
        change_column(whole, column, lambda _: data)
        return place.read(lambda: used(whole), whole / "samples")

    numbers = (0, 1, -1, 7, 2**31, 2**62 - 1, 2**63 - 1, -(2**63), 255, 46, 1e300, math.nan, math.inf)
    values = st.lists(st.sampled_from(numbers), min_size=len(good), max_size=len(good))
    some = st.tuples(values, st.integers(0, len(good) - 1)).map(lambda d: npy(_put(good, d[0], d[1])))
    other = st.sampled_from([npy(a) for a in ARRAYS]) | st.sampled_from(HEADERS).map(lambda h: raw_npy(h, npy(good)))
    fuzz(f"column {column}: read", check, [npy(good)], count, data=some | other)


def _put(good: np.ndarray, values: list[float], begin: int) -> np.ndarray:
    """A column with other numbers from some place on, as far as its type has them."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        column = good.copy()
        column[begin : begin + 2] = np.array(values, object)[begin : begin + 2].astype(float).astype(good.dtype)
    return column


@sizes(40, 700)
@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # of Python 2 is read, with a word from NumPy
def test_released_features(fuzz, place, count):
    folder = place.folder / "features"
    folder.mkdir()
    good = npy(np.arange(12, dtype=np.float16).reshape(2, 6))
    (folder / "101_001.jpg.npy").write_bytes(good)
    file = folder / "101_002.jpg.npy"

    def read() -> None:
        encoder = load_encoder("features", EncoderSettings(features=folder))
        (batch,) = encoder.batches("101", None, Findings())
        assert batch.inputs.shape == (2, 2, 6)
        assert np.isfinite(batch.inputs).all()

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(read, file)

    others = [npy(np.ones((2, 6), np.float32)), npy(np.asfortranarray(np.ones((2, 6), np.float64)))]
    arrays = st.sampled_from(ARRAYS).map(npy)
    headers = st.sampled_from(HEADERS).map(lambda header: raw_npy(header, good))
    both = arrays | headers
    mutant = st.tuples(both, st.integers(0, 2**32)).map(lambda m: mutate.mutate_bytes(m[0], random.Random(m[1])))
    fuzz("features: read", check, [good, *others], count, data=both | mutant)


HEADERS = [
    "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1000000000000000000), }",
    "{'descr': '<f2', 'fortran_order': False, 'shape': (-2, -6), }",
    "{'descr': '<f2', 'fortran_order': False, 'shape': (1000000000, 6), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 6), }",
    "{'descr': '<f2', 'fortran_order': 0, 'shape': (2, 6), }",
    "{'descr': '<f2', 'fortran_order': False, 'shape': (2L, 6L), }",
    "{'descr': '<f2', 'fortran_order': False, 'shape': 12, }",
    "{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (2, 6), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (2, 6), }",
    "{'descr': 'x', 'fortran_order': False, 'shape': (2, 6), }",
    "((((((((((" * 100,
    "__import__('os').system('touch /tmp/x')",
    "'''",
    "",
]


def raw_npy(header: str, good: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + good[-24:]


@sizes(10, 300)
def test_released_features_through_prepare(fuzz, place, count):
    ads = place.folder / "ads.json"
    ads.write_text(json.dumps({"101.mp4": ESYNC["101.mp4"]}))
    folder = place.folder / "features"
    folder.mkdir()
    good = npy(np.arange(12, dtype=np.float16).reshape(2, 6))
    for number in (1, 3):
        (folder / f"101_{number:03d}.jpg.npy").write_bytes(good)

    def check(data: bytes) -> mutate.Outcome:
        (folder / "101_002.jpg.npy").write_bytes(data)
        return prepare(place, ads, "esyncvidstory", folder)

    fuzz("features: vn prepare", check, [good, npy(np.ones((2, 6), np.float32))], count)


@sizes(20, 300)
def test_records_of_an_interrupted_prepare(fuzz, place, count):
    """Whatever a kill or a full disk made of the records, the same command ends in the same bytes, or says why not."""
    ads = place.folder / "ads.json"
    ads.write_text(json.dumps(ESYNC))
    folder = place.folder / "features"
    folder.mkdir()
    for video in ("101", "102"):
        for number in (1, 2, 3):
            np.save(folder / f"{video}_{number:03d}.jpg.npy", np.full((2, 6), number / 7, np.float16))
    words = ["prepare", ads, "--reader", "esyncvidstory", "--encoder", "features", "--features", folder]
    words += ["--out", place.out, "--shard-size", 1, "--val-share", 0, "--threads", 1]
    assert place.vn(*words, names=(ads,)) == "result"
    whole = {path.name: path.read_bytes() for path in place.out.iterdir() if path.is_file()}
    record = place.out / ".prepare" / "train-00000.json"
    good = record.read_bytes()
    shutil.copytree(place.out, place.folder / "kept")

    def check(data: bytes) -> mutate.Outcome:
        shutil.rmtree(place.out)
        shutil.copytree(place.folder / "kept", place.out)
        (place.out / "manifest.json").unlink()
        record.write_bytes(data)
        came = place.vn(*words, names=(place.out,))
        if came == "result":
            made = Manifest.load(place.out)
            verify(place.out)
            assert read_all(place.out, made) == 0
            assert whole == {path.name: path.read_bytes() for path in place.out.iterdir() if path.is_file()}
        return came

    fuzz("records: vn prepare", check, [good], count, [json.loads(good)])


@pytest.mark.parametrize("format", [1, 2])
def test_a_manifests_shard_names_stay_in_its_folder(whole, format):
    """A path in a manifest is no way out, whether it is read or not."""
    data = as_format_1(whole) if format == 1 else json.loads((whole / "manifest.json").read_text())
    for name in ("../train-00000.tar", "/etc/passwd", "a/b.tar", "..", "x.tar\n", "train-00000.tar\x00"):
        data["splits"]["train"]["shards"][0]["file"] = name
        write_manifest(whole, data)
        with pytest.raises(InputError, match=r"manifest\.json: splits\.train: is wrong: .* is not a shard's name"):
            Manifest.load(whole)


def test_a_sample_of_another_story_is_refused(whole):
    (first, second, *_) = Manifest.load(whole).samples("train")
    with pytest.raises(InputError, match="not the shard of this manifest"):
        read_sample(whole / first.shard, dataclasses.replace(first, key=second.key))
    with pytest.raises(InputError, match="is not the story of this manifest"):
        read_sample(whole / first.shard, dataclasses.replace(first, clips=first.clips + 1))
