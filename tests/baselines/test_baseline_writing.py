"""Stories side by side: what is kept, what ends the work, and in which thread."""

import threading

import numpy as np
import pytest
from small_video import write_video

from vn.baselines import content
from vn.baselines.writing import write_each
from vn.errors import Findings, InputError
from vn.io.retries import Unreachable


def collect(jobs, write, workers):
    """What `write_each` kept, in the order of the jobs; and the threads that kept it."""
    kept, threads = {}, set()

    def keep(job, result):
        assert job not in kept
        kept[job] = str(result) if isinstance(result, InputError) else result
        threads.add(threading.current_thread())

    try:
        write_each(jobs, write, keep, workers)
    finally:
        assert threads <= {threading.current_thread()}
    return kept


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_each_job_is_kept_once_whatever_its_end(workers):
    def write(job):
        if job % 5 == 2:
            raise InputError("is bad", sample=str(job))
        return job * 10

    kept = collect(range(20), write, workers)
    assert kept == {n: f"{n}: is bad" if n % 5 == 2 else n * 10 for n in range(20)}
    assert collect([], write, workers) == {}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [Unreachable("nobody is there"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_what_is_no_fault_of_a_job_ends_the_work(workers, error):
    begun = []

    def write(job):
        begun.append(job)
        if job == 4:
            raise error
        return job

    with pytest.raises(type(error)):
        collect(range(100), write, workers)
    assert 4 in begun
    assert workers > 1 or begun == [0, 1, 2, 3, 4]


def test_what_is_finished_when_the_work_is_interrupted_is_kept():
    """The second job is written while the first one is kept, which is where Ctrl-C comes."""
    both, kept = threading.Barrier(2), []

    def write(job):
        both.wait(timeout=60)
        return job

    def keep(job, result):
        kept.append(job)
        if len(kept) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_each([1, 2], write, keep, 2)
    assert sorted(kept) == [1, 2]


def test_frames_are_one_per_second_and_not_too_large(tmp_path, monkeypatch):
    video = write_video(tmp_path / "v.mp4", 5)
    frames, seconds = content.frames_of(video, Findings(), "v")
    assert seconds.tolist() == [0, 1, 2, 3, 4]
    assert {frame.shape for frame in frames} == {(32, 32, 3)}
    monkeypatch.setattr(content, "LONGEST_SIDE", 16)
    small, _ = content.frames_of(video, Findings(), "v")
    assert {frame.shape for frame in small} == {(16, 16, 3)}
    for large, one in zip(frames, small, strict=True):
        assert np.abs(large.mean((0, 1)) - one.mean((0, 1))).max() < 2
