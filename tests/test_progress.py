import sys

import vn.progress
from vn.progress import progress


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is(capsys, monkeypatch):
    now = iter([0.0, 4.0, 11.0, 12.0, 30.0])
    monkeypatch.setattr(vn.progress.time, "monotonic", lambda: next(now))
    with progress("clips", 4) as step:
        for _ in range(4):
            step()
    assert capsys.readouterr().err.splitlines() == ["clips: 2 of 4 after 11 s", "clips: 4 of 4 after 30 s"]


def test_in_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("clips", 2) as step:
        step()
        step()
    assert "clips: " not in capsys.readouterr().err
