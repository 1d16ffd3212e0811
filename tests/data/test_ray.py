"""``vn prepare --over ray`` on a real cluster of one machine: the same bytes, whatever ends meanwhile."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from deadly_encoder import VARIABLE, Control
from hold import LONGEST, environment, wait_for
from many import HERE, contents, is_running, two_under_way, wait_until_gone, words

from vn import cli
from vn.data.encoders import encoder_entry
from vn.data.engines.ray_cluster import work
from vn.data.prepare import PrepareSettings, make_plan, prepare
from vn.data.readers import read
from vn.errors import Findings

needs_ray = pytest.mark.skipif(shutil.which("ray", path=str(Path(sys.executable).parent)) is None, reason="no ray")
TOKEN = "of-these-tests-alone-0123456789"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of one machine with one CPU, so that shards are written one after another; gives address and folder."""
    folder = tmp_path_factory.mktemp("cluster")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = folder / "control"
    own = environment(
        PYTHONPATH=os.pathsep.join([str(HERE), *filter(None, sys.path)]),
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=TOKEN,
        **{VARIABLE: str(control)},
    )
    options = ["--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--disable-usage-stats"]
    options += ["--include-dashboard=false", "--block"]
    ray = str(Path(sys.executable).parent / "ray")
    process = subprocess.Popen(
        [ray, "start", *options], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + LONGEST
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    yield f"127.0.0.1:{port}", control
    mine = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=300)
    for each in mine:
        if is_running(each):
            os.kill(each, signal.SIGKILL)


@pytest.fixture
def control(cluster, monkeypatch):
    """Of the encoder, in the folder that the cluster's workers know."""
    shutil.rmtree(cluster[1], ignore_errors=True)
    control = Control(cluster[1])
    monkeypatch.setenv(VARIABLE, str(control.folder))
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # as the cluster, which is on loopback alone
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)))
    return control


def descendants(process: int) -> set[int]:
    found = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | descendants(child)
    return found


def over(cluster, source, out, *more):
    return words(source, out, "--over", f"ray:{cluster[0]}", *more)


def finish(process):
    _, error = process.communicate(timeout=500)
    assert process.returncode == 0, error
    return error


@needs_ray
class TestOnACluster:
    def test_the_same_bytes(self, source, cluster, control, whole, tmp_path, start):
        before = len(control.log())
        process = start(over(cluster, source, tmp_path / "out"))
        error = finish(process)
        assert contents(tmp_path / "out") == whole
        workers = {worker for worker, _ in control.log()[before:]}
        assert process.pid not in workers
        assert "8/8" in error
        assert "(raylet)" not in error
        before = len(control.log())
        finish(start(over(cluster, source, tmp_path / "out")))
        assert len(control.log()) == before, "nothing is left to do"

    def test_a_worker_that_is_killed_is_replaced(self, source, cluster, control, whole, tmp_path, start):
        control.set("hold", 5)
        before = len(control.log())
        process = start(over(cluster, source, tmp_path / "out"))
        wait_for(process, lambda: any(frames == 5 for _, frames in control.log()[before:]))
        os.kill(control.process_at(5), signal.SIGKILL)
        control.unset("hold")
        error = finish(process)
        assert "died (WorkerCrashedError); another one takes its place" in error
        assert contents(tmp_path / "out") == whole
        assert not list((tmp_path / "out").rglob("*.partial"))

    def test_a_shard_that_ends_every_worker(self, source, cluster, control, tmp_path, start):
        control.set("kill", 7)
        process = start(over(cluster, source, tmp_path / "out"))
        _, error = process.communicate(timeout=500)
        assert process.returncode == 2, error
        assert "its worker died 4 times (WorkerCrashedError); the same command goes on from here" in error
        assert not (tmp_path / "out" / "manifest.json").exists()

    def test_a_killed_driver_goes_on(self, source, cluster, control, whole, tmp_path, start, capsys):
        out = tmp_path / "out"
        control.set("hold", 9)
        before = len(control.log())
        process = start(over(cluster, source, out))
        wait_for(process, lambda: any(frames == 9 for _, frames in control.log()[before:]) and two_under_way(out))
        assert cli.main(words(source, out)) == 2
        assert f"vn prepare (process {process.pid}) is at work in this folder" in capsys.readouterr().err
        process.kill()
        process.communicate(timeout=300)
        control.unset("hold")
        done = {file.name for file in out.glob("*.tar")}
        before = len(control.log())
        finish(start(over(cluster, source, out)))
        assert contents(out) == whole
        assert len(control.log()) - before < 8, "what was complete is used"
        assert done

    def test_a_video_that_the_worker_cannot_see(self, source, cluster, control, tmp_path, start):
        own = tmp_path / "source"
        shutil.copytree(source, own)
        error = self.while_held(own, cluster, control, tmp_path, start, (own / "v5.mp4").unlink)
        where = f"vn prepare: error: on the worker {socket.gethostname()}: {own}/v5.mp4: v5: "
        assert f"{where}is not there: all machines must see the videos" in error

    def test_a_worker_that_cannot_write(self, source, cluster, control, tmp_path, start):
        out = tmp_path / "out"
        error = self.while_held(source, cluster, control, tmp_path, start, (out / "val-00000.tar" / "x").mkdir)
        where = f"vn prepare: error: on the worker {socket.gethostname()}: {out}/val-00000.tar: "
        assert f"{where}cannot be written: Is a directory" in error

    def while_held(self, source, cluster, control, tmp_path, start, act):
        """Something happens after the shards were planned; gives what a run says that fails for it."""
        control.set("hold", 2)  # in the first shard
        before = len(control.log())
        process = start(over(cluster, source, tmp_path / "out", "--shard-size", 1))
        wait_for(process, lambda: any(frames == 2 for _, frames in control.log()[before:]))
        (act(parents=True) if act.__name__ == "mkdir" else act())
        control.unset("hold")
        _, error = process.communicate(timeout=500)
        assert process.returncode == 2, error
        assert not (tmp_path / "out" / "manifest.json").exists()
        return error

    def test_more_threads_than_any_machine_has(self, source, cluster, control, tmp_path, start):
        process = start(over(cluster, source, tmp_path / "out", "--threads", 3))
        _, error = process.communicate(timeout=500)
        assert process.returncode == 2
        assert "--threads: expected at most 1, the CPUs of the largest machine, got 3" in error


def sockets(processes) -> set[str]:
    """The addresses, in hexadecimal, at which processes listen for TCP."""
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening[fields[9]] = fields[1].partition(":")[0]
    found = set()
    for process in processes:
        for file in Path(f"/proc/{process}/fd").glob("*"):
            try:
                target = os.readlink(file)
            except OSError:
                continue
            if target.startswith("socket:["):
                found |= {listening[inode] for inode in [target[8:-1]] if inode in listening}
    return found


@needs_ray
def test_a_ray_of_its_own_listens_on_loopback_and_ends_with_ctrl_c(source, control, tmp_path, start):
    control.set("hold", 2)
    process = start(words(source, tmp_path / "out", "--over", "ray"))
    wait_for(process, lambda: any(frames == 2 for _, frames in control.log()))
    processes = {process.pid} | descendants(process.pid)
    addresses = sockets(processes)
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert addresses
    assert addresses <= loopback
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "vn prepare: interrupted"
    wait_until_gone(processes)


@needs_ray
def test_no_cluster_at_the_address(source, control, tmp_path, start):
    process = start(words(source, tmp_path / "out", "--over", "ray:127.0.0.1:1"))
    _, error = process.communicate(timeout=500)
    assert process.returncode == 2
    assert "vn prepare: error: --over: no Ray cluster at 127.0.0.1:1: " in error


def test_without_ray_the_extra_is_named(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("vn.extras.is_here", lambda name: name != "ray")
    assert cli.main(words(source, tmp_path / "out", "--over", "ray")) == 2
    message = "vn prepare: error: --over ray: needs the package ray, which is not installed: "
    assert capsys.readouterr().err == f"{message}pip install 'videonarrator[ray]'\n"


def test_processes_are_not_for_ray(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("vn.extras.is_here", lambda name: True)
    assert cli.main(words(source, tmp_path / "out", "--over", "ray", "--jobs", 2)) == 2
    assert "--jobs: is for processes on one machine" in capsys.readouterr().err


@pytest.fixture
def planned(source, colour, tmp_path):
    """The task of the first shard of a folder that is claimed, as a worker gets it; Ray has no part in it."""
    stories = read("stories", source, findings=Findings())
    plan = make_plan(stories, colour, tmp_path / "out", PrepareSettings(shard_size=3, max_bad=1), Findings())
    with plan.state.claim():
        plan.open_shards(colour)
        yield plan


def test_the_task_alone_writes_what_prepare_writes(planned, colour, source, tmp_path, monkeypatch):
    monkeypatch.setattr("vn.data.engines.ray_cluster._encoder", lambda load: colour)
    wanted = (encoder_entry(colour), colour.tokens, colour.width)
    shard = planned.shards[0]
    host, record = work(shard, [None], wanted, planned.state.records, 2, os.getcwd())
    assert host == socket.gethostname()
    stories = read("stories", source, findings=Findings())
    prepare(stories, colour, tmp_path / "whole", PrepareSettings(shard_size=3, max_bad=1))
    name = f"{shard.name}.tar"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [(sample, fault) for sample, _, fault in record.outcomes()] == [(sample, None) for sample, _ in shard.videos]
    stored = tmp_path / "out" / ".prepare" / f"{shard.name}.json"
    assert json.loads(stored.read_text()) == json.loads((tmp_path / "whole" / ".prepare" / stored.name).read_text())
    # A second worker, which Ray took for lost, comes later: the first one's shard stays.
    times = (tmp_path / "out" / name).stat().st_mtime_ns
    _, again = work(shard, [None], wanted, planned.state.records, 1, os.getcwd())
    assert again.entry == record.entry
    assert (tmp_path / "out" / name).stat().st_mtime_ns == times
    assert not list((tmp_path / "out").glob("*.partial"))


def test_a_worker_of_another_run_or_machine_is_refused(planned, colour, tmp_path, monkeypatch):
    monkeypatch.setattr("vn.data.engines.ray_cluster._encoder", lambda load: colour)
    wanted = (encoder_entry(colour), colour.tokens, colour.width)
    shard, records = planned.shards[0], planned.state.records
    elsewhere = replace(records, data=tmp_path / "elsewhere")
    _, error = work(shard, [None], wanted, elsewhere, 1, os.getcwd())
    assert str(error) == f"{tmp_path}/elsewhere: is not the folder that is being prepared: all machines must see it"
    _, error = work(shard, [None], wanted, replace(records, configuration="0" * 64), 1, os.getcwd())
    assert "is not the folder that is being prepared" in str(error)
    other = {**wanted[0], "settings": {"fps": 2.0}}
    _, error = work(shard, [None], (other, *wanted[1:]), records, 1, os.getcwd())
    assert str(error).startswith("encoder.settings: made with {'fps': 2.0}")
    assert not list((tmp_path / "out").glob("*.tar"))
