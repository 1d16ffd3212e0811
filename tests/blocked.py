"""Runs commands of ``vn`` in this process with some libraries out of reach, and prints how each ended as JSON.

python blocked.py LIBRARY,LIBRARY,... < commands, one per line, as JSON lists
"""

import contextlib
import io
import json
import sys


class Blocker:
    """A finder that comes first and finds that these are not there."""

    def __init__(self, names):
        self.names = set(names)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def run(argv):
    from vn.cli import main

    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = main(argv)
        except Exception as raised:
            return {"code": None, "out": out.getvalue(), "error": repr(raised)}
    return {"code": code, "out": out.getvalue(), "error": error.getvalue()}


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker(sys.argv[1].split(",")))
    print(json.dumps([run(json.loads(line)) for line in sys.stdin]))
