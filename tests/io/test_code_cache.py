"""Texts of the code: found again while nothing has changed that they may depend on, and never after."""

import os
import subprocess
import sys

import pytest

from vn.io.code_cache import KEPT, CodeCache


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with a module in a folder of its own."""
    folder = tmp_path / "site" / "made_up_package"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("A = 1\n")
    (folder / "inner" / "module.py").write_text("B = 1\n")
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


@pytest.fixture
def cache(package, tmp_path):
    return lambda: CodeCache([package.name], tmp_path / "kept")


def test_a_text_is_found_again_as_it_was(cache):
    assert cache().get("help.txt") is None
    text = "usage: ü\n\n" + "x" * 5000
    cache().put("help.txt", text)
    assert cache().get("help.txt") == text
    assert cache().get("other.txt") is None


def edit(package):
    """The same size and the same time of the last change."""
    file = package / "inner" / "module.py"
    before = file.stat()
    file.write_text("B = 2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        edit,
        lambda package: (package / "inner" / "new.py").touch(),
        lambda package: (package / "inner" / "module.py").unlink(),
        lambda package: (package.parent / "plugin-1.0.dist-info").mkdir(),
        lambda package: (package / "__init__.py").rename(package.parent / "made_up_package.py"),
    ],
    ids=["edited", "added", "removed", "installed", "moved"],
)
def test_a_change_of_the_code_hides_it(cache, package, change):
    cache().put("help.txt", "text")
    change(package)
    assert cache().get("help.txt") is None


def test_an_entry_point_that_changes_in_place_hides_it(cache, package):
    points = package.parent / "plugin-1.0.dist-info" / "entry_points.txt"
    points.parent.mkdir()
    points.write_text("[vn.projectors]\na = x:Y\n")
    cache().put("help.txt", "text")
    points.write_text("[vn.projectors]\nb = x:Y\n")
    assert cache().get("help.txt") is None


def test_another_folder_to_import_from_hides_it(cache, tmp_path, monkeypatch):
    cache().put("help.txt", "text")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert cache().get("help.txt") is None


def test_what_is_no_code_does_not_matter(cache, package):
    cache().put("help.txt", "text")
    (package / "notes.txt").touch()
    (package / "__pycache__").mkdir()
    assert cache().get("help.txt") == "text"


def test_code_that_changed_meanwhile_is_not_what_was_imported(cache, package):
    """A text that may be of the old code or of the new one is not kept under either."""
    before = cache()
    edit(package)
    before.put("help.txt", "text")
    assert before.get("help.txt") is None
    assert cache().get("help.txt") is None


@pytest.mark.parametrize("damage", [b"", b"no digest", b"0" * 64 + b"\ntext"])
def test_a_damaged_file_is_as_none_and_replaced(cache, damage):
    kept = cache()
    kept.put("help.txt", "text")
    (kept.folder / "help.txt").write_bytes(damage)
    assert kept.get("help.txt") is None
    kept.put("help.txt", "text")
    assert kept.get("help.txt") == "text"


def test_every_truncation_is_as_none(cache):
    kept = cache()
    kept.put("help.txt", "a text of some length")
    whole = (kept.folder / "help.txt").read_bytes()
    for size in range(len(whole)):
        (kept.folder / "help.txt").write_bytes(whole[:size])
        assert kept.get("help.txt") is None


def test_where_nothing_can_be_written_nothing_is_kept(package, tmp_path):
    (tmp_path / "file").touch()
    kept = CodeCache([package.name], tmp_path / "file")
    kept.put("help.txt", "text")
    assert kept.get("help.txt") is None


def test_old_states_are_forgotten(package, tmp_path):
    for number in range(KEPT + 3):
        (package / f"module_{number}.py").touch()
        kept = CodeCache([package.name], tmp_path / "kept")
        kept.put("help.txt", "text")
        os.utime(kept.folder, (number, number))
    assert len(list((tmp_path / "kept").iterdir())) == KEPT
    assert kept.get("help.txt") == "text"


def test_processes_that_write_at_once_leave_a_whole_text(package, tmp_path):
    code = (
        "import sys; from pathlib import Path; from vn.io.code_cache import CodeCache\n"
        f"kept = CodeCache(['{package.name}'], Path(sys.argv[1]))\n"
        "for _ in range(10):\n"
        "    kept.put('help.txt', 'x' * 20000)\n"
        "    assert kept.get('help.txt') in (None, 'x' * 20000)\n"
        "assert kept.get('help.txt') == 'x' * 20000\n"
    )
    path = os.pathsep.join(filter(None, sys.path))
    words = [sys.executable, "-c", code, str(tmp_path / "kept")]
    processes = [subprocess.Popen(words, env={**os.environ, "PYTHONPATH": path}) for _ in range(3)]
    assert [process.wait(timeout=100) for process in processes] == [0, 0, 0]
