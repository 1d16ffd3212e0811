"""What a server, a bucket or old data may have that no example has: refused at once, or read as it should be."""

import json
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from made_up import as_format_1, write_data, write_manifest
from range_server import Fault, RangeServer
from s3_server import BUCKET, s3, s3_server  # noqa: F401 (fixtures)

from vn.data.manifest import Manifest
from vn.data.remote_state import open_state
from vn.data.shards import read_sample
from vn.errors import InputError
from vn.io import cache
from vn.io.remote import open_folder
from vn.io.retries import Patience, Unreachable

SLOW = Patience(attempts=2, first=100, longest=100, timeout=20)  # a request that is repeated stops the test


@pytest.fixture
def folder(tmp_path):
    return write_data(tmp_path / "data")


def without_checksums(folder):
    """The data as they were before samples had checksums."""
    manifest = as_format_1(folder)
    for split in manifest["splits"].values():
        for shard in split["shards"]:
            for sample in shard["samples"]:
                del sample["crc32"]
    write_manifest(folder, manifest)


def test_old_samples_are_read_from_one_copy_of_their_shard_that_is_not_kept_open(folder, tmp_path):
    without_checksums(folder)
    with RangeServer(folder) as server:
        there = open_folder(server.url, cache_folder=tmp_path / "cache", patience=SLOW)
        entries = Manifest.load(there).samples("train")
        before = len(os.listdir("/proc/self/fd"))
        for entry in entries:
            ours, theirs = read_sample(folder / entry.shard, entry), read_sample(there / entry.shard, entry)
            assert ours[0] == theirs[0]
            assert ours[1].tobytes() == theirs[1].tobytes()
        assert len(server.shards_asked()) == len({entry.shard for entry in entries})
        assert len(os.listdir("/proc/self/fd")) <= before + 1  # the connection


def test_a_cache_forgets_whole_shards_by_their_use_too(folder, tmp_path):
    without_checksums(folder)
    with RangeServer(folder) as server:
        there = open_folder(server.url, cache_folder=tmp_path / "cache", patience=SLOW)
        shard = Manifest.load(there).splits["train"][0]
        read_sample(there / shard.file, shard.samples[0])
        copy = there.cache.path(shard.sha256)
        os.utime(copy, (1, 1))
        read_sample(there / shard.file, shard.samples[1])
        assert copy.stat().st_mtime > 1


def test_what_a_server_has_sent_is_not_taken_for_another_ones(folder, tmp_path):
    """A manifest may state any checksum of a shard: also that of somebody else's."""
    other = write_data(tmp_path / "other", seed=9)
    with RangeServer(folder) as server, RangeServer(other) as hostile:
        options = {"cache_folder": tmp_path / "cache", "patience": SLOW}
        good, bad = open_folder(server.url, **options), open_folder(hostile.url, **options)
        shard = Manifest.load(good).splits["train"][0]
        good.expect([(shard.file, shard.sha256, shard.bytes)])
        bad.expect([(shard.file, shard.sha256, shard.bytes)])
        assert (bad / shard.file).read_range(0, 1000) == (other / shard.file).read_bytes()[:1000]
        assert (good / shard.file).read_range(0, 1000) == (folder / shard.file).read_bytes()[:1000]


def test_no_bytes_are_no_request(folder, tmp_path):
    with RangeServer(folder) as server:
        there = open_folder(server.url, cache_folder=tmp_path / "cache", patience=SLOW)
        shard = Manifest.load(there).splits["train"][0]
        assert (there / shard.file).read_range(shard.bytes, 100) == b""
        assert not server.shards_asked()


class Endless(BaseHTTPRequestHandler):
    """Answers any range with the right header and bytes without end; /circle with a redirect to itself."""

    def do_GET(self):
        if self.path.startswith("/circle"):
            self.send_response(302)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206)
        self.send_header("Content-Range", self.headers["Range"].replace("bytes=", "bytes ") + "/1000000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def endless():
    server = HTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_body_longer_than_its_range_is_refused(endless, tmp_path):
    there = open_folder(f"http://{endless}", cache_folder=tmp_path, patience=SLOW)
    with pytest.raises(InputError, match=r"a.tar: the server sends more than the 100 bytes of the range"):
        (there / "a.tar").read_range(0, 100)


def test_redirects_in_a_circle_are_not_repeated(endless, tmp_path):
    there = open_folder(f"http://{endless}/circle", cache_folder=tmp_path, patience=SLOW)
    with pytest.raises(InputError, match=r"manifest.json: the server redirects in a circle"):
        Manifest.load(there)


def test_a_refused_certificate_is_not_asked_for_again(tmp_path, monkeypatch):
    requests = pytest.importorskip("requests")

    def refuse(*args, **kwargs):
        try:
            raise ssl.SSLCertVerificationError("self-signed certificate")
        except ssl.SSLError as error:
            raise requests.exceptions.SSLError(error) from error

    monkeypatch.setattr(requests.Session, "request", refuse)
    there = open_folder("https://host.example/data", cache_folder=tmp_path, patience=SLOW)
    with pytest.raises(InputError, match=r"manifest.json: the server's certificate is not accepted"):
        Manifest.load(there)


def test_a_file_of_unknown_size_that_trickles_is_given_up(folder, tmp_path):
    hasty = Patience(attempts=1, timeout=0.5, slowest=1e6)
    with RangeServer(folder, fault=lambda asked: Fault(pause=0.05, piece=8)) as server:
        there = open_folder(server.url, cache_folder=tmp_path, patience=hasty)
        with pytest.raises(Unreachable, match=r"the server sends too slowly: [0-9]+ bytes in "):
            Manifest.load(there)


def test_the_size_of_an_error_page_is_not_that_of_a_file(folder, tmp_path):
    with RangeServer(folder, fault=lambda asked: Fault(status=405)) as server:
        there = open_folder(server.url, cache_folder=tmp_path, patience=SLOW)
        with pytest.raises(InputError, match=r"manifest.json: the server answers 405"):
            (there / "manifest.json").size()


def test_a_bucket_that_does_not_exist_is_named_before_anything_is_encoded(tmp_path, s3, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    state = open_state("s3://no-such-bucket/x", {"a": 1})
    message = r"^s3://no-such-bucket/x: cannot be written: there is no such bucket"
    with pytest.raises(InputError, match=message), state.claim():
        pass


def test_an_object_that_marks_a_folder_is_no_file_in_it(tmp_path, s3, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    s3.client().put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/", Body=b"")  # as the console's "Create folder"
    url = f"s3://{BUCKET}/{tmp_path.name}"
    assert open_folder(url).names() == []
    with open_state(url, {"a": 1}).claim():
        pass
    there = open_folder(url) / ".prepare/configuration.json"
    assert json.loads(there.read_new()) == {"a": 1}


def test_a_part_that_is_at_work_already_is_named_by_its_url(tmp_path, s3, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cache, "CACHE", tmp_path)
    url = f"s3://{BUCKET}/{tmp_path.name}"
    message = rf"^{url}/.prepare/part-1-of-3: vn prepare --part 1/3 \(process {os.getpid()}\) is at work"
    states = [open_state(url, {"a": 1}) for _ in range(3)]
    with (
        states[0].join(1, 3),
        states[1].join(0, 3),
        pytest.raises(InputError, match=message),
        states[2].join(1, 3),
    ):
        pass
