"""The cache is bounded, forgets the least recently used first, and several processes may use it at once."""

import fcntl
import multiprocessing
import os
import random
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_disk import SmallDisk

from vn.errors import InputError
from vn.io.file_cache import FileCache, Held, held


def used(folder):
    return sum(p.stat().st_size for p in folder.glob("[0-9a-f][0-9a-f]/*") if not p.name.endswith(".lock"))


def age(cache, key, seconds):
    at = time.time() - seconds
    os.utime(cache.path(key), (at, at))


def test_what_was_put_is_there(tmp_path):
    cache = FileCache(tmp_path, 1000)
    assert cache.get("a") is None
    cache.put("a", b"content")
    assert cache.get("a") == b"content"
    cache.drop("a")
    assert cache.get("a") is None


def test_names_tell_nothing(tmp_path):
    FileCache(tmp_path, 1000).put("https://host/data:0:7", b"content")
    assert not any("host" in str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(0, 400), max_size=40), most=st.integers(0, 1000))
def test_it_never_has_more_than_it_may(tmp_path_factory, sizes, most):
    folder = tmp_path_factory.mktemp("cache")
    cache = FileCache(folder, most)
    for number, size in enumerate(sizes):
        cache.put(str(number), bytes(size))
        assert used(folder) <= most
        assert (cache.get(str(number)) is not None) == (size <= most)


def test_the_least_recently_used_goes_first(tmp_path):
    cache = FileCache(tmp_path, 1000)
    for number, key in enumerate("abcdefghij"):
        cache.put(key, bytes(100))
        age(cache, key, 1000 - number)
    assert cache.get("a") is not None  # used again, so that b is the oldest
    cache.put("k", bytes(100))
    assert [key for key in "abcdefghijk" if cache.get(key) is None] == ["b", "c"]


def test_a_copy_in_use_stays(tmp_path):
    cache = FileCache(tmp_path, 300)
    cache.put("a", bytes(100))
    age(cache, "a", 1000)
    with held(cache.path("a")):
        for key in "bcdef":
            cache.put(key, bytes(100))
        assert cache.path("a").exists()
    for key in "gh":
        cache.put(key, bytes(100))
    assert not cache.path("a").exists()


def test_a_copy_that_is_removed_before_it_is_held_is_not_held(tmp_path, monkeypatch):
    cache, taken = FileCache(tmp_path, 300), Held()
    cache.put("a", bytes(100))
    lock = fcntl.flock

    def late(file, kind):
        cache.path("a").unlink(missing_ok=True)  # by another process, between the opening and the lock
        lock(file, kind)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        assert not taken.add(cache.path("a"))
    cache.put("a", bytes(100))
    assert taken.add(cache.path("a"))
    assert taken.add(cache.path("a"))
    for key in "bcdef":
        cache.put(key, bytes(100))
    assert cache.get("a") == bytes(100)


def test_a_copy_whose_time_cannot_be_set_is_still_a_copy(tmp_path, monkeypatch):
    cache = FileCache(tmp_path, 300)
    cache.put("a", b"content")

    def refuse(path):
        raise PermissionError(path)  # it is another user's

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.get("a") == b"content"


def test_a_count_that_is_wrong_after_a_kill_is_mended(tmp_path):
    cache = FileCache(tmp_path, 1000)
    cache.put("a", bytes(100))
    (tmp_path / "total").write_text("999999")
    cache.put("b", bytes(100))
    assert cache.get("a")
    assert cache.get("b")
    (tmp_path / "total").write_text("broken")
    cache.put("c", bytes(800))
    assert used(tmp_path) <= 1000


def test_a_file_that_cannot_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data.cache_gb"):
        FileCache(tmp_path, 1000).add("a", 1001, lambda file: file.write(b""))


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def fails(file):
        file.write(b"half")
        raise KeyboardInterrupt

    cache = FileCache(tmp_path, 1000)
    with pytest.raises(KeyboardInterrupt):
        cache.add("a", 4, fails)
    assert used(tmp_path) == 0


def test_a_disk_that_is_full_stops_the_cache_and_nothing_else(tmp_path, caplog):
    disk = SmallDisk(tmp_path / "disk", 64)
    with disk as folder:
        cache = FileCache(folder, 1 << 30)
        for number in range(20):
            with cache.fetching(str(number)):
                cache.put(str(number), random.Random(number).randbytes(10_000))
        kept = [n for n in range(20) if cache.get(str(n)) is not None]
        assert kept
        assert len(kept) < 20
        assert all(cache.get(str(n)) == random.Random(n).randbytes(10_000) for n in kept)
        assert not list(folder.rglob("*.partial"))
        with pytest.raises(InputError, match="No space left on device"):
            cache.add("whole", 60_000, lambda file: file.write(bytes(60_000)))
    assert sum("nothing more is kept" in record.getMessage() for record in caplog.records) == 1


def content(key):
    return random.Random(key).randbytes(200 + key % 700)


def use(folder, seed, fetched):
    cache, order = FileCache(folder, 20_000), random.Random(seed)
    for _ in range(300):
        key = order.randrange(60)
        with cache.fetching(str(key)):
            data = cache.get(str(key))
            if data is None:
                fetched.put(key)
                cache.put(str(key), content(key))
        assert data is None or zlib.crc32(data) == zlib.crc32(content(key))


def test_processes_share_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    fetched = context.Queue()
    workers = [context.Process(target=use, args=(tmp_path, seed, fetched)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert used(tmp_path) <= 20_000
    assert not list(tmp_path.rglob("*.lock"))
    assert not list(tmp_path.rglob("*.partial"))


def fetch_once(folder, fetched):
    cache = FileCache(folder, 20_000)
    with cache.fetching("one"):
        if cache.get("one") is None:
            fetched.put(1)
            cache.put("one", b"content")


def test_only_one_of_several_processes_fetches(tmp_path):
    context = multiprocessing.get_context("spawn")
    fetched = context.Queue()
    workers = [context.Process(target=fetch_once, args=(tmp_path, fetched)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert fetched.get(timeout=10) == 1
    assert fetched.empty()
