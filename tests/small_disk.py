"""A disk of a few kilobytes that can grow, for what happens when it is full."""

import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory of its own; skips the test where none may be mounted.

    Args:
        folder: where to mount it.
        kilobytes: its size.
    """

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(mount, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("no mount command")
        if done.returncode:
            pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")

    def grow(self, kilobytes: int) -> None:
        options = f"remount,size={kilobytes}k"
        subprocess.run(["mount", "-o", options, str(self.folder)], check=True, capture_output=True)

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True, capture_output=True)
