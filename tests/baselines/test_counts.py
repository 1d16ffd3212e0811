"""Counts of videos: those of an unfinished one do not count, whichever thread writes it; and when they are kept."""

import json
import threading

import pytest

from vn.baselines.counts import Counts, of_one_video
from vn.baselines.run_folder import RunFolder


def test_what_an_unfinished_video_counted_does_not_count():
    first, second = Counts("faults"), Counts()
    first.add("faults")

    @of_one_video()
    def interrupted():
        first.add("faults", 5)
        second.add("empty")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (first.report(), second.report()) == ({"faults": 1}, {})
    with of_one_video():
        first.add("faults", 5)
        second.add("empty")
        assert first.report() == {"faults": 1}
    assert (first.report(), second.report()) == ({"faults": 6}, {"empty": 1})


def test_threads_count_their_own_videos():
    counts, both = Counts(), threading.Barrier(2, timeout=60)

    def work(good):
        try:
            with of_one_video():
                both.wait()
                for _ in range(1000):
                    counts.add("good" if good else "bad")
                both.wait()
                assert good
        except AssertionError:
            pass

    threads = [threading.Thread(target=work, args=(good,)) for good in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.report() == {"good": 1000}


def test_costs_are_kept_at_first_and_at_the_end_and_seldom_between(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("vn.baselines.run_folder.time.monotonic", lambda: now[0])
    folder, counts = RunFolder(tmp_path), Counts("clips")
    kept = lambda: json.loads((tmp_path / "cost.json").read_text())["clips"]  # noqa: E731
    for at, wanted in ((100.0, 1), (100.4, 1), (100.9, 1), (101.0, 4), (101.5, 4)):
        now[0] = at
        counts.add("clips")
        folder.count(counts.report)
        assert kept() == wanted
    folder.count(counts.report, at_once=True)
    assert kept() == 5
