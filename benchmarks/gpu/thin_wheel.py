"""Leaves libraries out of a wheel, and corrects its list of files: a wheel for one CUDA version only.

python thin_wheel.py bitsandbytes-*.whl --keep 'libbitsandbytes_(cpu|cuda130).so'
"""

from __future__ import annotations

import argparse
import re
import zipfile
from pathlib import Path


def thin(wheel: Path, keep: str) -> None:
    """Keep only the shared libraries whose file name matches, in place; same bytes each time."""
    kept = []
    with zipfile.ZipFile(wheel) as old:
        for info in old.infolist():
            name = Path(info.filename).name
            if not name.endswith(".so") or re.fullmatch(keep, name):
                kept.append((info, old.read(info)))
    libraries = [info.filename for info, _ in kept if info.filename.endswith(".so")]
    if not libraries:
        raise SystemExit(f"{wheel}: no library matches {keep}")
    names = {info.filename for info, _ in kept}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for info, content in kept:
            if info.filename.endswith(".dist-info/RECORD"):
                lines = [x for x in content.decode().splitlines() if x.split(",")[0].strip('"') in names]
                content = ("\n".join(lines) + "\n").encode()
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)
    print(f"{wheel.name}: {', '.join(sorted(Path(x).name for x in libraries))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--keep", required=True, help="a regular expression for names of shared libraries")
    arguments = parser.parse_args()
    thin(arguments.wheel, arguments.keep)
