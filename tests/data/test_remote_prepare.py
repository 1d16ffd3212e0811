"""``vn prepare --out s3://``: the bytes of a local folder, resumed after a kill from any machine, by one or by two."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hold import environment
from rendered_videos import counting_video
from s3_server import BUCKET, s3, s3_server  # noqa: F401 (fixtures)
from test_prepare import contents, world  # noqa: F401 (fixture)

from vn import cli
from vn.data.manifest import Manifest
from vn.data.shards import read_sample, verify
from vn.errors import InputError
from vn.io import cache, remote
from vn.io.remote import RemoteFile, open_folder

HERE = Path(__file__).parent
pytestmark = pytest.mark.usefixtures("colour")


def arguments(world, out, *more):  # noqa: F811
    source = ["prepare", str(world / "s"), "--reader", "stories", "--encoder", "colour"]
    return [*source, "--videos", str(world / "videos"), "--out", str(out), "--shard-size", "2", *more]


def prepare(world, out, *more):  # noqa: F811
    return cli.main(arguments(world, out, *more))


@pytest.fixture
def url(s3, tmp_path):  # noqa: F811
    return f"s3://{BUCKET}/{tmp_path.name}"


def there(server, url):
    """What a user gets, byte by byte."""
    objects = server.objects(url.removeprefix(f"s3://{BUCKET}/"))
    return {name: data for name, data in objects.items() if not name.startswith(".prepare/")}


def scratch_files(tmp_path):
    return [path for path in (tmp_path / "cache-of-the-user" / "prepare").rglob("*") if path.is_file()]


def test_the_bytes_of_a_local_folder(world, url, s3, tmp_path, capsys):  # noqa: F811
    assert prepare(world, world / "data") == 0
    assert prepare(world, url) == 0
    shown = capsys.readouterr().out
    assert f"{url}/manifest.json" in shown
    assert f"--data.folder {url} " in shown
    files = {
        f.relative_to(world / "data").as_posix(): f.read_bytes() for f in (world / "data").rglob("*") if f.is_file()
    }
    assert there(s3, url) == {name: data for name, data in files.items() if not name.startswith(".prepare/")}
    assert verify(open_folder(url)) == 5
    assert not scratch_files(tmp_path)
    assert prepare(world, url) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_stock_webdataset_reads_what_was_written(world, url, s3, tmp_path):  # noqa: F811
    import webdataset

    assert prepare(world, url) == 0
    files = [tmp_path / name for name in there(s3, url) if name.endswith(".tar")]
    for file in files:
        file.write_bytes(there(s3, url)[file.name])
    keys = [sample["__key__"] for sample in webdataset.WebDataset(sorted(map(str, files)), shardshuffle=False)]
    assert sorted(keys) == [f"v{number}" for number in range(7)]


class Killed(BaseException):
    """Ends a run as a kill would, between two requests."""


def test_a_run_that_was_killed_at_any_request_is_continued_elsewhere(world, url, s3, tmp_path, monkeypatch):  # noqa: F811
    """Each attempt is on another machine: nothing is left of the one before but what is in the store."""
    assert prepare(world, world / "data") == 0
    whole = contents(world / "data")
    plain = RemoteFile._retried
    attempts = 0
    while True:
        attempts += 1
        left = [3 * attempts]

        def request(self, send, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return plain(self, send)

        monkeypatch.setattr(RemoteFile, "_retried", request)
        monkeypatch.setattr(cache, "CACHE", tmp_path / f"machine-{attempts}")
        try:
            assert prepare(world, url) == 0
            break
        except Killed:
            objects = there(s3, url)
            assert "manifest.json" not in objects
            assert all(data == whole[name] for name, data in objects.items() if name in whole)
    assert attempts > 5
    assert {name: data for name, data in there(s3, url).items() if name in whole} == whole


HANGS = """
import sys, time
import colour_encoder
from vn.cli import main
from vn.io.remote import RemoteFile

colour_encoder.register()
plain, seen = RemoteFile.put, []

def put(self, path):
    seen.append(path)
    if len(seen) == 3:
        print("two are there", flush=True)
        time.sleep(600)
    return plain(self, path)

RemoteFile.put = put
sys.exit(main(sys.argv[1:]))
"""


def test_a_process_that_is_killed_is_continued(world, url, s3, tmp_path):  # noqa: F811
    own = environment(PYTHONPATH=os.pathsep.join([str(HERE), *filter(None, sys.path)]), HOME=str(tmp_path / "home"))
    command = [sys.executable, "-c", HANGS, *arguments(world, url)]
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.kill()
        assert line == "two are there\n", process.stderr.read()[-3000:]
    assert sorted(there(s3, url)) == ["train-00000.tar", "train-00001.tar"]
    stored = s3.client().head_object(Bucket=BUCKET, Key=f"{tmp_path.name}/train-00000.tar")["LastModified"]
    assert prepare(world, url) == 0
    assert s3.client().head_object(Bucket=BUCKET, Key=f"{tmp_path.name}/train-00000.tar")["LastModified"] == stored
    assert prepare(world, world / "data") == 0
    whole = contents(world / "data")
    assert {name: data for name, data in there(s3, url).items() if name in whole} == whole


def test_another_configuration_is_refused_unless_it_may_overwrite(world, url, s3, capsys):  # noqa: F811
    assert prepare(world, url) == 0
    before = there(s3, url)
    assert prepare(world, url, "--val-share", "0.2") == 2
    error = capsys.readouterr().err
    assert f"{url}: holds data of another configuration (val_share was 0.03, now 0.2)" in error
    assert there(s3, url) == before
    assert prepare(world, url, "--shard-size", "4", "--overwrite") == 0
    assert sorted(name for name in there(s3, url) if name.endswith(".tar")) == sorted(
        f"{split}-0000{n}.tar" for split, n in (("train", 0), ("train", 1), ("val", 0), ("test", 0))
    )
    assert verify(open_folder(url)) == 4


def test_a_folder_with_other_objects_is_refused(world, url, s3, capsys):  # noqa: F811
    s3.client().put_object(Bucket=BUCKET, Key=f"{url.removeprefix(f's3://{BUCKET}/')}/notes.txt", Body=b"mine")
    assert prepare(world, url) == 2
    assert f"{url}: holds other files already (notes.txt)" in capsys.readouterr().err


def test_a_web_server_is_not_written_to(world, capsys):  # noqa: F811
    assert prepare(world, "http://ann:pass-word@127.0.0.1:9/data?sig=secret") == 2
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9/data: a folder behind a web server can only be read" in error
    assert "pass-word" not in error
    assert "secret" not in error


# -- two writers ------------------------------------------------------------------------------------------------------


def between_shards(monkeypatch, act):
    """Have something happen before the second shard of the first run is uploaded."""
    plain, seen = RemoteFile.put, []

    def put(self, path):
        seen.append(self.name)
        if len(seen) == 2:
            act()
        return plain(self, path)

    monkeypatch.setattr(remote.RemoteFile, "put", put)


def test_a_second_run_on_the_same_machine_is_refused(world, url, s3, monkeypatch, capsys):  # noqa: F811
    codes = []
    between_shards(monkeypatch, lambda: codes.append(prepare(world, url)))
    assert prepare(world, url) == 0
    assert codes == [2]
    assert f"{url}: vn prepare (process {os.getpid()}) is at work in this folder" in capsys.readouterr().err


def elsewhere(monkeypatch, tmp_path, run):
    """A run on another machine."""

    def act():
        with monkeypatch.context() as patch:
            patch.setattr(cache, "CACHE", tmp_path / "another-machine")
            run()

    return act


def test_the_same_run_on_two_machines_gives_one_sound_folder(world, url, s3, tmp_path, monkeypatch):  # noqa: F811
    codes = []
    between_shards(monkeypatch, elsewhere(monkeypatch, tmp_path, lambda: codes.append(prepare(world, url))))
    assert prepare(world, url) == 0
    assert codes == [0]
    assert prepare(world, world / "data") == 0
    whole = contents(world / "data")
    assert {name: data for name, data in there(s3, url).items() if name in whole} == whole


def test_another_run_on_another_machine_is_refused(world, url, s3, tmp_path, monkeypatch, capsys):  # noqa: F811
    codes = []
    other = elsewhere(monkeypatch, tmp_path, lambda: codes.append(prepare(world, url, "--val-share", "0.2")))
    between_shards(monkeypatch, other)
    assert prepare(world, url) == 0
    assert codes == [2]
    assert f"{url}: holds data of another configuration" in capsys.readouterr().err
    assert verify(open_folder(url)) == 5


def test_two_that_begin_in_the_same_moment_agree_on_the_first(world, url, s3, tmp_path, monkeypatch, capsys):  # noqa: F811
    """The other one's configuration appears between our look and our writing."""
    plain, codes = RemoteFile.write, []

    def write(self, data, new=False):
        if new and not codes:
            codes.append(None)
            elsewhere(monkeypatch, tmp_path, lambda: codes.append(prepare(world, url, "--val-share", "0.2")))()
        return plain(self, data, new)

    monkeypatch.setattr(RemoteFile, "write", write)
    assert prepare(world, url) == 2
    assert codes == [None, 0]
    assert "holds data of another configuration" in capsys.readouterr().err
    assert verify(open_folder(url)) == 5


def test_a_run_whose_folder_is_overwritten_by_another_stops(world, url, s3, tmp_path, monkeypatch, capsys):  # noqa: F811
    codes = []
    other = elsewhere(
        monkeypatch, tmp_path, lambda: codes.append(prepare(world, url, "--shard-size", "3", "--overwrite"))
    )
    between_shards(monkeypatch, other)
    assert prepare(world, url) == 2
    assert codes == [0]
    assert f"{url}: has other data by now: another run has replaced these" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"train-00001.tar: does not match the manifest"):  # it was on its way: noticed
        verify(open_folder(url))


def test_a_video_that_changed_is_prepared_again(world, url, s3):  # noqa: F811
    assert prepare(world, url) == 0
    before = there(s3, url)
    counting_video(world / "videos" / "v0.mp4", 26)
    assert prepare(world, url) == 0
    after = there(s3, url)
    assert {name for name in after if after[name] != before.get(name)} >= {"train-00000.tar", "manifest.json"}
    assert after["train-00001.tar"] == before["train-00001.tar"]
    manifest = Manifest.load(open_folder(url))
    for entry in manifest.samples("train"):
        read_sample(open_folder(url) / entry.shard, entry)
