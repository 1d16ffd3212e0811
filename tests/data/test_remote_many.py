"""``vn prepare --out s3://`` by tasks of Ray and jobs of SLURM: the bytes of a local folder."""

import os
import stat
import subprocess
import sys

import pytest
from hold import environment
from many import HERE, contents, words
from s3_server import BUCKET, s3, s3_server  # noqa: F401 (fixtures)
from test_slurm import SBATCH

from vn import cli


@pytest.fixture
def url(s3, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return f"s3://{BUCKET}/{tmp_path.name}"


def there(server, url):
    objects = server.objects(url.removeprefix(f"s3://{BUCKET}/"))
    return {name: data for name, data in objects.items() if not name.startswith(".prepare/")}


def everything(folder):
    files = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    return {name: data for name, data in files.items() if not name.startswith(".prepare/")}


def test_tasks_of_ray(source, control, whole, url, s3, tmp_path, start):  # noqa: F811
    pytest.importorskip("ray")
    process = start(words(source, url, "--over", "ray"))
    _, error = process.communicate(timeout=500)
    assert process.returncode == 0, error
    assert there(s3, url) == everything(tmp_path / "whole")
    assert whole.keys() <= there(s3, url).keys()


def test_jobs_of_slurm(source, control, whole, url, s3, tmp_path, monkeypatch):  # noqa: F811
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(SBATCH)
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
    monkeypatch.chdir(tmp_path)
    assert cli.main(words(source, url, "--over", "slurm:2")) == 0
    own = environment(
        PYTHONPATH=os.pathsep.join([str(HERE), *filter(None, sys.path)]),
        PATH=f"{sbatch.parent}:{os.environ['PATH']}",
        SBATCH_LOG=str(tmp_path / "log"),
    )
    script = tmp_path / f"slurm-{tmp_path.name}" / "submit.sh"
    done = subprocess.run(["bash", str(script)], env=own, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert there(s3, url) == everything(tmp_path / "whole")
    assert "Nothing to do" in (script.parent / "log-manifest").read_text()
    assert contents(tmp_path / "whole") == whole
