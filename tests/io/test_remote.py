"""Remote files have the bytes of local ones, through faults of the server, the way and the disk."""

import hashlib
import logging
import os
import pickle
import shutil
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import D, write_data
from range_server import Fault, RangeServer
from s3_server import BUCKET, s3, s3_server  # noqa: F401 (fixtures)
from small_disk import SmallDisk

from vn.cli import main
from vn.data.feature_statistics import Sums, statistics
from vn.data.manifest import Manifest
from vn.data.shards import announce, read_sample, read_seconds, read_story, read_thumbs, verify
from vn.errors import InputError
from vn.io.remote import RemoteFolder, fetch, open_folder, read_range
from vn.io.retries import Patience, Unreachable

HASTY = Patience(attempts=5, first=0.01, longest=0.05, timeout=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_data(tmp_path_factory.mktemp("data"), thumbs=True)
    manifest, sums = Manifest.load(folder), Sums.zero(D)
    for entry in manifest.samples("train"):
        sums.add(read_sample(folder / entry.shard, entry)[1])
    manifest.statistics = statistics(sums)
    manifest.save(folder)
    return folder


def far(server, tmp_path, patience=HASTY, **options):
    """The folder behind a server, with its manifest."""
    opened = open_folder(server.url, cache_folder=tmp_path / "cache", patience=patience, **options)
    return opened, Manifest.load(opened)


def samples(manifest):
    return [entry for split in manifest.splits for entry in manifest.samples(split)]


def assert_same_sample(here, there, entry):
    ours, theirs = read_sample(here / entry.shard, entry), read_sample(there / entry.shard, entry)
    assert ours[0] == theirs[0]
    assert np.array_equal(ours[1], theirs[1])
    assert np.array_equal(ours[2], theirs[2])


def assert_same_data(here, there, manifest):
    for entry in samples(manifest):
        assert_same_sample(here, there, entry)
        assert read_story(here / entry.shard, entry) == read_story(there / entry.shard, entry)
        assert np.array_equal(read_seconds(here / entry.shard, entry), read_seconds(there / entry.shard, entry))
        for ours, theirs in zip(
            read_thumbs(here / entry.shard, entry), read_thumbs(there / entry.shard, entry), strict=True
        ):
            assert np.array_equal(ours, theirs)


# -- the same bytes ---------------------------------------------------------------------------------------------------


def test_a_folder_over_http_has_what_the_local_one_has(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        assert manifest.sha256 == Manifest.load(folder).sha256
        assert_same_data(folder, there, manifest)
        assert verify(there) == 5


def test_a_folder_in_s3_has_what_the_local_one_has(folder, tmp_path, s3):  # noqa: F811
    there = open_folder(s3.put_folder(folder, tmp_path.name))
    manifest = Manifest.load(there)
    assert_same_data(folder, there, manifest)
    assert verify(there) == 5
    assert there.names() == sorted(path.name for path in folder.iterdir())


def test_a_second_reading_asks_for_nothing_and_another_process_neither(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        for entry in samples(manifest):
            read_sample(there / entry.shard, entry)
        asked = server.shards_asked()
        again, _ = far(server, tmp_path)
        for entry in samples(manifest):
            assert_same_sample(folder, again, entry)
            read_story(again / entry.shard, entry)
        assert server.shards_asked() == asked  # only the manifest, which may have changed


@settings(max_examples=20)
@given(start=st.integers(0, 60_000), size=st.integers(1, 30_000))
def test_any_range_is_that_of_the_file(folder, tmp_path_factory, start, size):
    name = Manifest.load(folder).splits["train"][2].file
    whole = (folder / name).read_bytes()
    with RangeServer(folder) as server:
        there, _ = far(server, tmp_path_factory.mktemp("cache"))
        if start < len(whole):
            assert (there / name).read_range(start, size) == whole[start : start + size]
            assert read_range(folder / name, start, size) == whole[start : start + size]


def test_a_path_is_what_it_was(folder):
    assert open_folder(folder) is folder
    assert open_folder(str(folder)) == folder
    assert fetch(folder / "manifest.json") == folder / "manifest.json"


def test_a_fetched_file_is_asked_for_once_if_its_hash_is_known(folder, tmp_path):
    data = (folder / "val-00000.tar").read_bytes()
    with RangeServer(folder) as server:
        there = open_folder(server.url, cache_folder=tmp_path / "cache", patience=HASTY)
        for _ in range(2):
            path = (there / "val-00000.tar").fetch(hashlib.sha256(data).hexdigest(), len(data))
            assert path.read_bytes() == data
        assert len(server.asked) == 1
        with pytest.raises(InputError, match="does not match the manifest's checksum"):
            (there / "val-00000.tar").fetch(hashlib.sha256(b"other").hexdigest(), 1 << 20)


def test_what_is_announced_is_fetched_meanwhile_and_once(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        entries = samples(manifest)
        for _ in range(3):
            for entry in entries:
                announce(there / entry.shard, entry, whole=True)
        for entry in entries:
            assert_same_sample(folder, there, entry)
            read_story(there / entry.shard, entry)
        assert len(server.shards_asked()) == len(entries)


def test_several_reads_run_at_a_time(folder, tmp_path):
    together, most, lock = [0], [0], threading.Lock()

    def busy(asked):
        if asked.range is None:
            return None
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        deadline = time.monotonic() + 20
        while most[0] < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        with lock:
            together[0] -= 1
        return None

    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        server.fault = busy
        for entry in samples(manifest):
            announce(there / entry.shard, entry, whole=True)
        for entry in samples(manifest):
            read_sample(there / entry.shard, entry)
    assert most[0] >= 2


def test_what_fails_ahead_is_raised_where_it_is_read(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with RangeServer(copy) as server:
        there, manifest = far(server, tmp_path)
        (copy / "train-00001.tar").unlink()
        entries = manifest.samples("train")
        for entry in entries:
            announce(there / entry.shard, entry, whole=True)
        for entry in entries:
            if entry.shard == "train-00001.tar":
                with pytest.raises(InputError, match=rf"train-00001.tar: {entry.key}: no such file"):
                    read_sample(there / entry.shard, entry)
            else:
                read_sample(there / entry.shard, entry)


def test_a_folder_that_is_pickled_reads_on(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        entry = manifest.samples("train")[0]
        announce(there / entry.shard, entry, whole=True)
        read_sample(there / entry.shard, entry)
        assert_same_sample(folder, pickle.loads(pickle.dumps(there)), entry)


def test_a_forked_process_reads_on(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        first, second = manifest.samples("train")[:2]
        announce(there / first.shard, first, whole=True)
        read_sample(there / first.shard, first)
        child = os.fork()
        if not child:
            announce(there / second.shard, second, whole=True)
            story, _, _ = read_sample(there / second.shard, second)
            os._exit(0 if story.id == second.key else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert_same_sample(folder, there, second)


# -- faults of the server and the way ---------------------------------------------------------------------------------


def test_a_storm_of_503_is_waited_out(folder, tmp_path):
    def storm(asked):
        return Fault(status=(503, 429, 500, 502)[asked.number % 4]) if asked.number % 5 else None

    with RangeServer(folder, fault=storm) as server:
        there, manifest = far(server, tmp_path)
        assert_same_data(folder, there, manifest)


def test_a_storm_without_end_is_one_sentence(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        entry = manifest.samples("train")[0]
        server.fault = lambda asked: Fault(status=503)
        with pytest.raises(Unreachable) as error:
            read_sample(there / entry.shard, entry)
    message = (
        f"{server.url}/{entry.shard}: cannot be reached: the server answers 503 Service Unavailable (5 attempts in "
    )
    assert str(error.value).startswith(message)


def test_a_server_that_asks_to_wait_is_waited_for(folder, tmp_path):
    times = []

    def busy(asked):
        if asked.range:
            times.append(time.monotonic())
        return Fault(status=503, headers={"Retry-After": "1"}) if len(times) == 1 else None

    with RangeServer(folder, fault=busy) as server:
        there, manifest = far(server, tmp_path, Patience(attempts=3, first=0.01, longest=2))
        entry = manifest.samples("train")[0]
        read_sample(there / entry.shard, entry)
    assert times[1] - times[0] >= 1


def test_a_body_that_is_cut_is_asked_for_again(folder, tmp_path):
    with RangeServer(folder, fault=lambda asked: Fault(cut=0.6) if asked.number % 2 else None) as server:
        there, manifest = far(server, tmp_path)
        assert_same_data(folder, there, manifest)
        assert verify(there) == 5


@pytest.mark.parametrize(
    "fault", [Fault(pause=30), Fault(pause=0.05, piece=8)], ids=["stops sending", "sends a few bytes at a time"]
)
def test_a_read_that_is_too_slow_is_given_up_and_sent_again(folder, tmp_path, fault):
    patience = Patience(attempts=3, first=0.01, timeout=0.5, slowest=1e9)
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path, patience)
        slow = len(server.asked)
        server.fault = lambda asked: fault if asked.number == slow else None
        entry = manifest.samples("train")[0]
        assert_same_sample(folder, there, entry)
        assert len(server.asked) == slow + 2
        server.fault = lambda asked: fault
        second = manifest.samples("train")[1]
        with pytest.raises(Unreachable, match=r"stopped sending|too slowly"):
            read_sample(there / second.shard, second)


def test_a_server_without_ranges_sends_each_shard_once(folder, tmp_path, caplog):
    with RangeServer(folder, ranges=False) as server:
        there, manifest = far(server, tmp_path)
        assert_same_data(folder, there, manifest)
        whole = [asked.name for asked in server.asked if asked.range is None and asked.name.endswith(".tar")]
        assert sorted(whole) == sorted(shard.file for shard in manifest.shards())
    assert sum("does not serve ranges" in record.getMessage() for record in caplog.records) == 1


def test_and_a_shard_that_does_not_fit_into_the_cache_is_refused(folder, tmp_path):
    with RangeServer(folder, ranges=False) as server:
        there, manifest = far(server, tmp_path, cache_gb=20e-6)
        shard = max(manifest.splits["train"], key=lambda shard: shard.bytes)
        assert shard.bytes > 20_000
        entry = shard.samples[0]
        with pytest.raises(InputError, match=r"has room for 2e-05 GB, not for a file of .* \(data.cache_gb\)"):
            read_sample(there / entry.shard, entry)


def test_an_answer_of_another_range_is_refused(folder, tmp_path):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        entry = manifest.samples("train")[1]
        server.fault = lambda asked: Fault(headers={"Content-Range": "bytes 0-99/1000"})
        with pytest.raises(InputError, match="asked for bytes from"):
            read_sample(there / entry.shard, entry)


def test_an_object_that_was_replaced_is_refused(folder, tmp_path):
    copy, other = tmp_path / "copy", write_data(tmp_path / "other", seed=9, thumbs=True)
    shutil.copytree(folder, copy)
    with RangeServer(copy) as server:
        there, manifest = far(server, tmp_path)
        for shard in other.glob("*.tar"):
            shutil.copy(shard, copy)
        for entry in samples(manifest):
            message = rf"^{server.url}/{entry.shard}: {entry.key}: (does not match the manifest's checksum|ends before)"
            with pytest.raises(InputError, match=message):
                read_sample(there / entry.shard, entry)
        with pytest.raises(InputError, match="does not match the manifest"):
            verify(there)


def test_a_bit_that_flips_on_the_way_is_noticed_and_asked_for_again(folder, tmp_path, monkeypatch):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        plain = there.store.read
        flipped = []

        def flips(name, start, size):
            data = plain(name, start, size)
            if start not in flipped:
                flipped.append(start)
                data = data[:1000] + bytes([data[1000] ^ 4]) + data[1001:]
            return data

        monkeypatch.setattr(there.store, "read", flips)
        for entry in manifest.samples("train"):
            assert_same_sample(folder, there, entry)
        assert flipped


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:-9] + b"x" + data[-8:], lambda data: b""])
def test_a_copy_that_the_disk_spoiled_is_fetched_again(folder, tmp_path, spoil):
    with RangeServer(folder) as server:
        there, manifest = far(server, tmp_path)
        entries = manifest.samples("train")
        for entry in entries:
            read_sample(there / entry.shard, entry)
        for copy in (tmp_path / "cache").glob("??/*"):
            data = copy.read_bytes()
            copy.unlink()  # the manifest's columns are mapped into memory
            copy.write_bytes(spoil(data))
        again, _ = far(server, tmp_path)
        for entry in entries:
            assert_same_sample(folder, again, entry)


def test_a_cache_on_a_full_disk_is_done_without(folder, tmp_path, caplog):
    with RangeServer(folder) as server, SmallDisk(tmp_path / "disk", 60) as disk:
        there = open_folder(server.url, cache_folder=disk / "cache", patience=HASTY)
        manifest = Manifest.load(there)
        for _ in range(2):
            assert_same_data(folder, there, manifest)
    assert sum("nothing more is kept" in record.getMessage() for record in caplog.records) == 1


def test_a_cache_that_cannot_be_written_is_named_if_it_is_needed(folder, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    message = r"the cache of remote data cannot be written: .*\(data.cache\)"
    with RangeServer(folder) as server, pytest.raises(InputError, match=message):
        Manifest.load(open_folder(server.url, cache_folder=blocked, patience=HASTY))


# -- refused ----------------------------------------------------------------------------------------------------------


def test_a_folder_without_a_manifest(tmp_path, s3):  # noqa: F811
    (tmp_path / "empty").mkdir()
    with RangeServer(tmp_path / "empty") as server:
        for url in (server.url, f"{server.url}/deeper", f"s3://{BUCKET}/nothing", "s3://no-such-bucket/x"):
            with pytest.raises(InputError, match=f"^{url}: no manifest.json"):
                Manifest.load(open_folder(url, patience=HASTY))


def test_a_server_that_wants_a_password(folder, tmp_path):
    with RangeServer(folder, user="ann:pass word") as server:
        with pytest.raises(InputError, match="the server answers 403 Forbidden: give a URL with a user and password"):
            far(server, tmp_path)
        opened = open_folder(f"http://ann:pass%20word@{server.host}", cache_folder=tmp_path, patience=HASTY)
        assert str(opened) == server.url
        assert_same_data(folder, opened, Manifest.load(opened))


def test_urls_of_stores_that_are_not_installed_or_unknown(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(
        InputError, match=r"^gs://bucket/data: needs a package that is not installed: pip install gcsfs"
    ):
        open_folder("gs://bucket/data")
    with pytest.raises(InputError, match=r"expected a path, or a URL with s3://"):
        open_folder("ftp://host/data")
    with pytest.raises(InputError, match=r"^s3://bucket/data: takes no user, password or query"):
        open_folder("s3://key:secret@bucket/data")
    assert isinstance(open_folder("hf://datasets/user/name"), RemoteFolder)


def test_a_store_that_refuses_the_credentials_or_finds_none(tmp_path, s3, monkeypatch):  # noqa: F811
    url = f"s3://{BUCKET}/{tmp_path.name}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match=rf"^{url}/manifest.json: no credentials were found"):
        Manifest.load(open_folder(url, patience=HASTY))


# -- doctor -----------------------------------------------------------------------------------------------------------


def test_the_doctor_examines_a_remote_folder(folder, tmp_path, capsys, s3):  # noqa: F811
    url = s3.put_folder(folder, tmp_path.name)
    assert main(["doctor", url]) == 0
    assert f"{url}: nothing is wrong (checked: 5 shards" in capsys.readouterr().out
    data = bytearray((folder / "train-00002.tar").read_bytes())
    data[5000] ^= 1
    client = s3.client()
    client.put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/train-00002.tar", Body=bytes(data))
    client.put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/train-00009.tar", Body=b"")
    client.delete_object(Bucket=BUCKET, Key=f"{tmp_path.name}/val-00000.tar")
    assert main(["doctor", url]) == 2
    found = capsys.readouterr().err
    assert f"{url}/train-00002.tar: has changed since it was written" in found
    assert f"{url}/train-00009.tar: is in no split" in found
    assert f"{url}/val-00000.tar: no such file" in found
    assert "/tmp/vn-" not in found


@pytest.fixture(autouse=True)
def warnings_seen(caplog):
    caplog.set_level(logging.WARNING)
