"""The folder for what is made once per machine and shared by all projects: converted models, LAVIS' environment."""

from pathlib import Path

CACHE = Path("~/.cache/vn").expanduser()
