"""Hashes of videos that are kept: files are read again exactly when they may have changed."""

import hashlib
import os
import time

import pytest

from vn.annotate import hashed as kept
from vn.annotate.hashed import SETTLED, hashed
from vn.annotate.stage import RawVideo
from vn.io.disk_cache import DiskCache


@pytest.fixture
def read(monkeypatch):
    """The files that are read."""
    files = []

    def hash_file(path):
        files.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(kept, "hash_file", hash_file)
    return files


@pytest.fixture
def later(monkeypatch):
    """A clock that is past the time within which a file may change unnoticed."""
    now = time.time
    monkeypatch.setattr(kept.time, "time", lambda: now() + 2 * SETTLED)


def video(file, content=None):
    if content is not None:
        file.write_bytes(content)
    return RawVideo(file.stem, file, "", "en")


def hashes(videos, cache):
    return [entry.video.sha256 for entry in hashed(videos, cache)]


def test_a_file_is_read_again_only_if_it_changed(tmp_path, read, later):
    videos = [video(tmp_path / name, name.encode()) for name in ("a.mp4", "b.mp4")]
    cache = DiskCache(tmp_path / "cache.sqlite")
    expected = [hashlib.sha256(each.file.read_bytes()).hexdigest() for each in videos]
    assert hashes(videos, cache) == hashes(videos, cache) == expected
    assert read == ["a.mp4", "b.mp4"]
    times = os.stat(videos[0].file)
    video(tmp_path / "a.mp4", b"A.mp4")  # as long as before
    os.utime(videos[0].file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as cp -p leaves it
    assert hashes(videos, cache) == [hashlib.sha256(b"A.mp4").hexdigest(), expected[1]]
    assert read == ["a.mp4", "b.mp4", "a.mp4"]
    os.replace(videos[1].file, videos[0].file)
    assert hashes(videos[:1], cache) == expected[1:]


def test_a_file_that_was_changed_just_now_is_read_each_time(tmp_path, read):
    videos, cache = [video(tmp_path / "a.mp4", b"1")], DiskCache()
    first = hashes(videos, cache)
    video(tmp_path / "a.mp4", b"2")
    assert hashes(videos, cache) != first
    assert read == ["a.mp4"] * 2


def test_a_file_that_grows_while_it_is_read_is_not_kept(tmp_path, monkeypatch, later):
    grown = video(tmp_path / "a.mp4", b"1")

    def hash_file(path):
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        with open(path, "ab") as file:
            file.write(b"2")
        return found

    cache = DiskCache()
    monkeypatch.setattr(kept, "hash_file", hash_file)
    assert hashes([grown], cache) == [hashlib.sha256(b"1").hexdigest()]
    assert hashes([grown], cache) == [hashlib.sha256(b"12").hexdigest()]


def test_a_file_that_cannot_be_read_is_named(tmp_path, later):
    there, gone = video(tmp_path / "a.mp4", b"1"), video(tmp_path / "gone.mp4")
    entries = hashed([gone, there], DiskCache())
    assert entries[0].error == f"{gone.file}: No such file or directory"
    assert entries[1].error is None
