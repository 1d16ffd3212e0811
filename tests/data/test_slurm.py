"""``vn prepare --over slurm``: the scripts that it writes, run as SLURM would run them."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hold import LONGEST, environment
from many import HERE, contents, words

from vn import cli
from vn.data.engines.slurm import parse_part
from vn.errors import InputError

# A stand-in for the scheduler: runs a job at once, an array's jobs one after another, and notes what it was asked.
SBATCH = """\
#!/bin/bash
echo "$*" >> "$SBATCH_LOG"
script="${@: -1}"
range=$(sed -n 's/^#SBATCH --array=0-//p' "$script")
if [ -n "$range" ]; then
    for task in $(seq 0 "$range"); do SLURM_ARRAY_TASK_ID=$task bash "$script" > "log-$task" 2>&1; done
else
    bash "$script" > log-manifest 2>&1
fi
echo "4711;cluster"
"""
ODD = 'it\'s $HOME & `x` "y";'  # a folder's name that only quoting survives


@pytest.fixture
def submit(tmp_path, control):
    """Submits a script; gives what the scheduler was asked."""
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)

    def run(script: Path) -> list[str]:
        log = tmp_path / "sbatch.log"
        path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
        own = environment(PYTHONPATH=path, PATH=f"{sbatch.parent}:{os.environ['PATH']}", SBATCH_LOG=str(log))
        done = subprocess.run(["bash", str(script)], env=own, capture_output=True, text=True, timeout=500, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return log.read_text().splitlines()

    return run


def script_of(printed: str) -> Path:
    (line,) = [line for line in printed.splitlines() if line.strip().startswith("bash ")]
    done = subprocess.run(
        ["bash", "-c", line.replace("bash ", "printf %s ", 1)], capture_output=True, text=True, timeout=60
    )
    return Path(done.stdout)


def test_the_array_writes_the_same_bytes(source, control, whole, tmp_path, monkeypatch, submit, capsys):
    """From a folder, and with paths, whose names only quoting survives."""
    odd = tmp_path / ODD
    odd.mkdir()
    shutil.copytree(source, odd / "of $USER")
    monkeypatch.chdir(odd)
    command = words("of $USER", f"out {ODD}", "--over", "slurm:2", "--threads", 1, "--jobs", 1)
    assert cli.main(command) == 0
    script = script_of(capsys.readouterr().out)
    assert script.parent == odd / f"out {ODD}" / ".prepare" / "slurm"
    before = len(control.log())
    asked = submit(script)
    assert asked == ["--parsable array.sbatch", "--dependency=afterany:4711 manifest.sbatch"]
    logs = {name: (script.parent / f"log-{name}").read_text() for name in ("0", "1", "manifest")}
    assert "Part 0/2: encoded" in logs["0"]
    assert "Part 1/2: encoded" in logs["1"]
    assert "Nothing to do: the data are complete." in logs["manifest"]
    assert len({process for process, _ in control.log()[before:]}) == 2, "each part is a process, the last one is idle"
    assert cli.main(words("of $USER", "one")) == 0
    assert contents(odd / f"out {ODD}") == contents(odd / "one")
    assert {name for name in whole if name.endswith(".tar")} <= set(contents(odd / "one"))


def test_a_lost_job_is_made_up_for_by_the_last_one(source, control, whole, tmp_path, submit, capsys):
    command = words(source, tmp_path / "out", "--over", "slurm")
    assert cli.main(command) == 0
    script = script_of(capsys.readouterr().out)
    parts = re.findall(r"--array=0-(\d+)", (script.parent / "array.sbatch").read_text())
    assert parts == [str(len([name for name in whole if name.endswith(".tar")]) - 1)]
    control.set("kill-once", 5)
    submit(script)
    assert contents(tmp_path / "out") == whole
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_parts_share_a_folder_and_other_runs_are_refused(source, control, whole, tmp_path, start, capsys):
    out = tmp_path / "out"
    control.set("hold", 9)
    before = len(control.log())
    parts = [words(source, out, "--part", f"{n}/3", "--threads", 1) for n in range(3)]
    held = [start(part) for part in parts]
    one = holder(held, control, 9, before)
    for process in held:
        if process is not one:
            _, error = process.communicate(timeout=300)
            assert process.returncode == 0, error
    number = held.index(one)
    capsys.readouterr()
    assert cli.main(words(source, out)) == 2
    error = capsys.readouterr().err
    assert re.search(r"vn prepare --part \d/3 \(process \d+\) is at work in this folder", error)
    assert cli.main(parts[number]) == 2
    error = capsys.readouterr().err
    assert f"vn prepare --part {number}/3 (process {one.pid}) is at work in this folder" in error
    assert not (out / "manifest.json").exists()
    one.send_signal(signal.SIGKILL)
    one.communicate(timeout=300)
    control.unset("hold")
    assert cli.main(parts[number]) == 0
    assert cli.main(words(source, out, "--part", "manifest", "--overwrite")) == 0
    assert contents(out) == whole
    assert not list(out.rglob("*.lock"))


def holder(processes, control, frames, before):
    """The process that is held at the video with that number of frames."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        at_it = {process for process, count in control.log()[before:] if count == frames}
        for process in processes:
            if process.pid in at_it:
                return process
        time.sleep(0.01)
    raise AssertionError("nobody came to it")


@pytest.mark.parametrize("text", ["", "3", "3/3", "-1/2", "1/2/3", "a/b", "1/0", "Manifest"])
def test_a_part_that_is_none(text):
    with pytest.raises(InputError, match="expected K/N with K from 0 to N-1"):
        parse_part(text)


@pytest.mark.parametrize("text", ["there", "ray:", "slurm:", "slurm:0", "slurm:x", "ray2", ""])
def test_an_engine_that_is_none(source, control, tmp_path, capsys, text):
    assert cli.main(words(source, tmp_path / "out", "--over", text)) == 2
    assert f"--over: expected here, ray, ray:ADDRESS, slurm or slurm:N, got {text!r}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
