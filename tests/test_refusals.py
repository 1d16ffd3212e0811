"""Bad input is refused, and help is printed, before a heavy library is imported: in one process for all commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys

HEAVY = ("torch", "transformers", "lightning", "sklearn", "peft", "wandb")
ALL = ("prepare", "narrate", "score", "compare", "sweep", "rate", "export", "import-released", "doctor", "baseline")
HELP = [
    *([command, "--help"] for command in (*ALL, "demo", "experiments")),
    *(["rate", which, "--help"] for which in ("make", "merge")),
    *(["baseline", which, "--help"] for which in ("chat", "retrieval", "verbalize")),
]
REFUSED = [
    *([command] for command in ALL),
    *([command, "--no-such-option"] for command in (*ALL, "demo", "experiments")),
    ["prepare", "none", "--reader", "stories", "--out", "out"],
    ["prepare", ".", "--reader", "none", "--out", "out"],
    ["prepare", ".", "--reader", "stories", "--out", "out", "--encoder", "none"],
    ["narrate", "none.mp4", "--product", "none.yaml", "--run", "none", "--out", "out"],
    ["narrate", "none.mp4", "--product", "product.yaml", "--run", "none", "--out", "out"],
    ["narrate", "video.mp4", "--product", "product.yaml", "--run", "none", "--out", "out"],
    ["narrate", "video.mp4", "--product", "product.yaml", "--run", "run", "--out", "out"],
    ["narrate", "video.mp4", "--product", "product.yaml", "--run", "run", "--out", "out", "--beams", "2"]
    + ["--temperature", "1"],
    ["narrate", "--edit", "none"],
    ["score", "none"],
    ["score", "."],
    ["score", "run"],
    ["score", "run", "--corpus", "none"],
    ["score", "run", "--table", "table.doc"],
    ["score", "run", "--tokenisation", "none", "--sentences", "none", "--judge", "none"],
    ["score", "run", "--metric", "no_such_module:name", "--sentences", "none", "--judge", "none"],
    ["compare", "none", "other"],
    ["compare", "run"],
    ["sweep", "none.yaml"],
    ["sweep", "product.yaml"],
    ["rate", "make", "none", "--out", "out"],
    ["rate", "merge", "none"],
    ["export", "none", "--to", "peft"],
    ["export", "run", "--to", "merged", "--out", "out"],
    ["export", "run", "--push", "no name"],
    ["import-released", "none", "--base-model", "none", "--out", "out"],
    ["import-released", ".", "--base-model", "none", "--out", "out"],
    ["doctor", "none"],
    ["doctor", "run"],
    ["doctor", "."],
    ["baseline", "none"],
    ["baseline", "chat", "--data", "none", "--out", "out"],
    ["baseline", "retrieval", "--data", "none", "--out", "out"],
    ["demo", "--size", "none"],
    ["experiments", "none"],
]
CALLS = """\
import contextlib, io, json, sys
from vn.cli import main
heavy, calls = json.load(sys.stdin)
for words in calls:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(words)
    print(json.dumps([words, code, said.getvalue(), [name for name in heavy if name in sys.modules]]))
"""


def called(calls, folder):
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    given = json.dumps([HEAVY, calls])
    ran = subprocess.run(
        [sys.executable, "-c", CALLS], cwd=folder, env=env, input=given, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_help_imports_nothing_heavy(tmp_path):
    for words, code, said, heavy in called(HELP, tmp_path):
        assert (code, said, heavy) == (0, "", []), words


def test_refusals_import_nothing_heavy(tmp_path):
    (tmp_path / "run" / "adapter").mkdir(parents=True)
    (tmp_path / "run" / "adapter" / "narrator.json").write_text("{}")
    (tmp_path / "video.mp4").write_text("no video")
    (tmp_path / "run" / "predictions.predicted.jsonl").write_text('{"video": 3}\n')
    (tmp_path / "product.yaml").write_text("title: A cup\nlanguage: en\nknowledge: []\n")
    for words, code, said, heavy in called(REFUSED, tmp_path):
        assert (code, heavy) == (2, []), (words, said)
        assert f"vn {words[0]}" in said, words
