"""``vn prepare --jobs``: the same bytes from any number of processes, whatever happens to them."""

import os
import pickle
import signal
import threading
from pathlib import Path

import pytest
from hold import wait_for
from hypothesis import given
from hypothesis import strategies as st
from many import BAD, contents, two_under_way, wait_until_gone, words

from vn import cli
from vn.data.engine_options import share
from vn.data.manifest import Manifest
from vn.data.read_ahead import processors_each
from vn.data.torch_threads import one_thread_each
from vn.environment import cores
from vn.errors import InputError


@pytest.mark.parametrize(("jobs", "threads"), [(1, 3), (2, 1), (2, 2), (3, 1)])
def test_any_number_of_processes_and_threads_gives_the_same_bytes(source, control, whole, tmp_path, jobs, threads):
    before = len(control.log())
    assert cli.main(words(source, tmp_path / "out", "--jobs", jobs, "--threads", threads)) == 0
    assert contents(tmp_path / "out") == whole
    processes = {process for process, _ in control.log()[before:]}
    assert (processes == {os.getpid()}) == (jobs == 1)
    assert len(processes) <= jobs
    warnings = Manifest.load(tmp_path / "out").warnings
    assert any("clips[1].end: ends at 99 s, but the video has 5 s" in line for line in warnings)
    assert any(line.startswith(f"left out: {source}/v{BAD}.mp4: v{BAD}: ") for line in warnings)


def test_an_error_is_the_same_sentence_from_any_process(source, control, tmp_path, capsys):
    lines = set()
    for jobs in (1, 2):
        out = tmp_path / f"jobs{jobs}"
        assert cli.main([*words(source, out, "--jobs", jobs), "--max-bad", "0"]) == 2
        lines.add(capsys.readouterr().err.splitlines()[-1])
        assert not (out / "manifest.json").exists()
    (line,) = lines
    assert line.startswith(f"vn prepare: error: {source}/v{BAD}.mp4: v{BAD}: ")


@pytest.mark.parametrize(
    ("jobs", "threads", "videos", "each"),
    [(1, 1, 8, 1), (1, 4, 8, 1), (2, 2, 8, 1), (1, 4, 1, 4), (2, 2, 1, 4), (1, 1, 1, 1)],
)
def test_a_video_has_its_share_of_the_threads(source, control, tmp_path, jobs, threads, videos, each):
    """Never more than were asked for, and all of them if it is alone."""
    stories = tmp_path / "stories"
    stories.mkdir()
    for number in range(videos):
        (stories / f"v{number}.json").symlink_to(source / f"v{number}.json")
    options = ["--videos", source, "--jobs", jobs, "--threads", threads]
    assert cli.main(words(stories, tmp_path / "out", *options)) == 0
    assert set(control.processors()) == {each}


def test_a_system_that_does_not_count_the_processors_of_a_process(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS
    assert cores() == os.cpu_count()
    assert processors_each() == os.cpu_count()


def test_torch_has_one_thread_for_each_video():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen = []
    try:
        with one_thread_each():
            thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
            thread.start()
            thread.join()
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 3]


@given(st.lists(st.text(max_size=1000), min_size=4, max_size=4))
def test_an_error_arrives_as_it_was_sent(parts):
    message, file, sample, field = parts
    error = InputError(message, file=file, sample=sample, field=field)
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is InputError
    assert (str(arrived), arrived.args) == (str(error), error.args)


def test_a_process_that_is_killed_is_named_and_replaced(source, control, whole, tmp_path, start):
    out = tmp_path / "out"
    control.set("hold", 5)
    before = len(control.log())
    process = start(words(source, out, "--jobs", 2, "--threads", 1))
    wait_for(process, lambda: any(frames == 5 for _, frames in control.log()[before:]))
    victim = control.process_at(5)
    assert victim != process.pid
    os.kill(victim, signal.SIGKILL)
    control.unset("hold")
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert f"the process {victim} was killed by signal 9 while it encoded v3; another one takes its place" in error
    assert contents(out) == whole
    assert not list((out / ".prepare").glob("*.partial"))


def test_a_video_that_ends_its_process_once_is_encoded_by_another(source, control, whole, tmp_path, capfd):
    control.set("kill-once", 4)
    assert cli.main(words(source, tmp_path / "out", "--jobs", 2, "--threads", 2)) == 0
    assert "was killed by signal 9 while it encoded v" in capfd.readouterr().err
    assert contents(tmp_path / "out") == whole


def test_a_video_that_ends_every_process_is_counted_and_tried_again_by_the_next_run(
    source, control, whole, tmp_path, capfd
):
    out = tmp_path / "out"
    control.set("kill", 7)
    command = words(source, out, "--jobs", 2, "--threads", 2)
    assert cli.main(command) == 2
    error = capfd.readouterr().err
    fault = f"{source}/v5.mp4: v5: the process that encoded it ended 3 times, the last time it was killed by signal 9"
    assert "2 videos cannot be used (--max-bad allows 1)" in error
    assert f"cannot be used: {fault}" in error.replace("\n", "")
    assert not (out / "manifest.json").exists()
    assert cli.main([*command, "--max-bad", "2"]) == 0
    assert f"left out: {fault}" in Manifest.load(out).warnings
    assert "v5" not in {e.key for split in ("train", "val", "test") for e in Manifest.load(out).samples(split)}
    control.unset("kill")
    assert cli.main(command) == 0
    assert contents(out) == whole


def test_ctrl_c_ends_all_processes_and_the_same_command_resumes(source, control, whole, tmp_path, start):
    out = tmp_path / "out"
    control.set("hold", 9)
    before = len(control.log())
    command = words(source, out, "--jobs", 2, "--threads", 1)
    process = start(command)
    wait_for(
        process, lambda: control.process_at(9) in {one for one, _ in control.log()[before:]} and two_under_way(out)
    )
    processes = {one for one, _ in control.log()[before:]}
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130
    lines = [line for line in error.splitlines() if line and not line.startswith(("videos ", "cannot be used", " "))]
    assert lines == ["vn prepare: interrupted"]
    wait_until_gone(processes)
    left = contents(out)
    assert left
    assert all(name.endswith(".tar") for name in left)
    control.unset("hold")
    assert cli.main(command) == 0
    assert contents(out) == whole
    assert all(whole[name] == data for name, data in left.items())


def test_ctrl_c_while_the_processes_start(source, control, tmp_path, start):
    process = start(words(source, tmp_path / "out", "--jobs", 3))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(process, lambda: len(children.read_text().split()) > 3)  # and the tracker of resources
    processes = list(map(int, children.read_text().split()))
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert (process.returncode, error) == (130, "vn prepare: interrupted\n")
    wait_until_gone(processes)


def test_the_processes_end_with_the_one_that_started_them(source, control, whole, tmp_path, start):
    out = tmp_path / "out"
    control.set("hold", 9)
    before = len(control.log())
    command = words(source, out, "--jobs", 2, "--threads", 1)
    process = start(command)
    wait_for(
        process, lambda: control.process_at(9) in {one for one, _ in control.log()[before:]} and two_under_way(out)
    )
    processes = {one for one, _ in control.log()[before:]}
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    wait_until_gone(processes)
    assert list(out.glob("*.partial"))
    control.unset("hold")
    assert cli.main(command) == 0
    assert contents(out) == whole
    assert not list(out.glob("*.partial"))


def test_a_process_that_cannot_load_the_encoder_is_no_fault_of_a_video(source, control, tmp_path, capfd):
    control.set("no-start")
    assert cli.main(words(source, tmp_path / "out", "--jobs", 2)) == 2
    error = capfd.readouterr().err
    assert error.splitlines()[-1] == "vn prepare: error: weights.pt: cannot be loaded"
    assert "cannot be used" not in error


asked = st.none() | st.integers(1, 40)


@given(asked, asked, st.integers(1, 32))
def test_processes_and_threads_together_are_never_more_than_the_cores(jobs, threads, cores):
    got, each, note = share(jobs, threads, cores)
    assert 1 <= got <= (jobs or 1)
    assert 1 <= each <= (threads or cores)
    assert got * each <= cores
    assert (note is None) == (got == (jobs or 1) and each == (threads or cores // got))
    if note:
        assert all(f"--{name} {n}" in note for name, n in (("jobs", jobs), ("threads", threads)) if n)
    elif threads is None:
        assert (each + 1) * got > cores, "no core is left idle"


def test_what_is_lowered_is_said_and_the_data_do_not_depend_on_it(source, control, whole, tmp_path, capfd):
    assert cli.main(words(source, tmp_path / "out", "--jobs", 3, "--threads", 2)) == 0
    assert "--jobs 3 with --threads 2 is more than the 4 cores: 3 with 1 each are used" in capfd.readouterr().err
    assert contents(tmp_path / "out") == whole
