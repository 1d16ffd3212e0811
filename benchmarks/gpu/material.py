"""Writes how long the stories' texts are, without the texts: of VN_REAL_DATA's, else of made-up ones.

python benchmarks/gpu/material.py bundle/core/lengths.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

for folder in (Path(__file__).parents[1], Path(__file__).parents[2]):
    sys.path.insert(0, str(folder))

import stories as s  # noqa: E402


def main(file: Path) -> None:
    """Write them."""
    found, what = s.stories()
    known = {"what": what, "stories": [s.lengths_of(story) for story in found]}
    file.write_text(json.dumps(known), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
