"""The folder for what is made once on a machine and used by all projects: converted models, LAVIS' environment."""

from pathlib import Path

CACHE = Path("~/.cache/vn").expanduser()
