"""The end of a command's process, on real ones: fast, but nothing that Python's own end does is missing."""

import gzip
import os
import subprocess
import sys
import time
import zipfile

import pytest

RUN = "import sys\nfrom vn.process import run\n"


def python(code, *, before="", stdout=subprocess.PIPE, **options):
    """Run Python code that ends with `vn.process.run`."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": ""}
    words = [sys.executable, "-c", f"{before}\n{RUN}{code}"]
    return subprocess.run(words, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=100, **options)


# Says whether the interpreter takes its modules apart: an object of a module is deleted then.
TORN = "import os\nclass Torn:\n    def __del__(self, write=os.write): write(1, b'torn down')\ntorn = Torn()\n"


@pytest.mark.parametrize("code", [0, 1, 2, 130, 143])
def test_the_exit_code_arrives_without_a_teardown(code):
    done = python(f"{TORN}print('said', end=' ')\nrun(lambda: {code})")
    assert (done.returncode, done.stdout, done.stderr) == (code, "said ", "")


def test_vn_itself_ends_without_a_teardown():
    """Its modules import logging, which has an exit handler of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['vn', '-V']\n{TORN}from vn.cli import program; program()"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("vn ")
    assert "torn down" not in done.stdout


@pytest.mark.parametrize(
    ("opened", "text", "read"),
    [
        ("open(name, 'w')", "text", lambda file: file.read_text()),
        ("open(name, 'wb')", b"text", lambda file: file.read_text()),
        ("gzip.open(name, 'wt')", "text", lambda file: gzip.decompress(file.read_bytes()).decode()),
        ("zipfile.ZipFile(name, 'w').open('a', 'w')", b"text", lambda file: zipfile.ZipFile(file).read("a").decode()),
    ],
    ids=["text", "bytes", "gzip", "zip"],
)
def test_what_nobody_has_closed_is_written_as_well(tmp_path, opened, text, read):
    """A plugin may leave its log open: Python closes it at its end."""
    code = f"""
import gzip, zipfile
name = {str(tmp_path / "file")!r}
def main():
    global file
    file = {opened}
    file.write({text!r})
    return 3
run(main)
"""
    done = python(code)
    assert (done.returncode, done.stderr) == (3, "")
    assert read(tmp_path / "file") == "text"


def test_an_uncaught_error_ends_as_python_ends():
    done = python(f"{TORN}run(lambda: 1 // 0)")
    assert (done.returncode, done.stdout) == (1, "torn down")
    assert "ZeroDivisionError" in done.stderr


def test_handlers_run_last_first_and_before_the_end():
    code = "import atexit\natexit.register(print, 'first')\natexit.register(print, 'second')\nrun(lambda: 3)"
    done = python(code)
    assert (done.returncode, done.stdout) == (3, "second\nfirst\n")


def test_a_handler_that_was_there_before_still_runs():
    """As those of tools that measure coverage; the process then ends as slowly as ever."""
    done = python(f"{TORN}run(lambda: 3)", before="import atexit\natexit.register(print, 'measured')")
    assert (done.returncode, done.stdout) == (3, "measured\ntorn down")


def test_temporary_files_logs_databases_and_threads_are_complete(tmp_path):
    code = f"""
import logging, sqlite3, tempfile, threading, time, weakref
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import MemoryHandler
from pathlib import Path
here = Path({str(tmp_path)!r})
def main():
    global folder, handler, database, pool, finalizer
    folder = tempfile.TemporaryDirectory(dir=here)
    handler = MemoryHandler(1000, target=logging.FileHandler(here / "log"))
    logging.getLogger("vn").addHandler(handler)
    logging.getLogger("vn").warning("logged")
    database = sqlite3.connect(here / "file.sqlite")
    database.execute("CREATE TABLE entries (value)")
    database.execute("INSERT INTO entries VALUES (1)")
    database.commit()
    pool = ThreadPoolExecutor()
    pool.submit(lambda: (time.sleep(0.2), (here / "pool").touch()))
    threading.Thread(target=lambda: (time.sleep(0.3), (here / "thread").touch())).start()
    return 0
run(main)
"""
    done = python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert {file.name for file in tmp_path.iterdir()} == {"log", "file.sqlite", "pool", "thread"}
    assert (tmp_path / "log").read_text() == "logged\n"


def test_child_processes_end_too(tmp_path):
    """Daemonic workers, as loaders have them, are stopped, and what they shared is removed."""
    code = f"""
import multiprocessing, os, time
from multiprocessing import shared_memory
from pathlib import Path
def work():
    time.sleep(300)
def main():
    global memory
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=work, daemon=True)
    worker.start()
    memory = shared_memory.SharedMemory(create=True, size=64)
    Path({str(tmp_path)!r}, "pids").write_text(f"{{worker.pid}} {{memory.name}}")
    return 5
run(main)
"""
    done = python(code)
    assert done.returncode == 5
    pid, name = (tmp_path / "pids").read_text().split()
    assert not os.path.exists(f"/proc/{pid}")
    for _ in range(100):  # its tracker is a process of its own
        if not os.path.exists(f"/dev/shm/{name}"):
            break
        time.sleep(0.1)
    assert not os.path.exists(f"/dev/shm/{name}")


def test_a_forked_child_ends_as_python_does():
    code = f"""
{TORN}
import os
def main():
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    return 4
run(main)
"""
    done = python(code)
    assert (done.returncode, done.stdout) == (4, "torn down")  # the child's


def test_output_to_a_full_disk_is_an_error():
    with open("/dev/full", "w") as full:
        done = python("run(lambda: print('x') or 0)", stdout=full)
    assert done.returncode == 120
    assert "No space left on device" in done.stderr


def test_a_closed_pipe_is_an_error_as_ever():
    read, write = os.pipe()
    os.close(read)
    done = python("run(lambda: print('x') or 0)", stdout=write)
    os.close(write)
    assert done.returncode == 120
    assert "BrokenPipeError" in done.stderr


def test_what_libraries_print_in_c_arrives():
    done = python("import ctypes\nrun(lambda: ctypes.CDLL(None).puts(b'from C') and 0)")
    assert done.stdout == "from C\n"


def test_imports_collect_nothing_and_restore_what_was_set():
    code = """
import gc
from vn.process import importing
seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
def main():
    with importing():
        assert not gc.isenabled()
        import colorsys
        kept = [[] for _ in range(100_000)]
    assert gc.isenabled() and not seen and gc.get_freeze_count() > 100_000
    gc.disable()
    with importing():
        pass
    assert not gc.isenabled()
    return 0
run(main)
"""
    assert python(code).returncode == 0


def test_in_another_programs_process_its_objects_stay_collectable():
    import gc

    from vn.process import importing, is_own

    before = gc.get_freeze_count()
    with importing():
        pass
    assert gc.get_freeze_count() == before
    assert not is_own()


def test_vn_ends_with_its_exit_codes():
    words = [sys.executable, "-m", "vn.cli"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def code(*args, **options):
        return subprocess.run([*words, *args], env=env, capture_output=True, timeout=100, **options).returncode

    assert code("--version") == 0
    assert code("nonsense") == 2
    assert code("score", "no-such-run") == 2
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*words, "score", "--help"], env=env, **pipe) as vn:
        head = subprocess.run(["head", "-1"], stdin=vn.stdout, capture_output=True, text=True, timeout=100)
        vn.stdout.close()
        assert vn.wait(100) in (0, 1)
        assert vn.stderr.read() == b""
    assert head.stdout.startswith("usage: vn score")
