import re
import resource
import subprocess
import sys

import pytest

from vn.cli import COMMANDS, main


def test_help_is_quick_and_imports_nothing_heavy():
    """Under a second of CPU time; torch and its kin stay out."""
    code = (
        "import sys; from vn.cli import main; main(['--help']);"
        "print([m for m in ('torch', 'lightning', 'transformers', 'numpy', 'av', 'yaml') if m in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.strip().endswith("[]")
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 1.0


def test_help_names_every_command(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    for name, (_, what) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", out, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"vn {command} " in capsys.readouterr().out


def test_an_unknown_command_is_one_line_and_exit_code_2(capsys):
    assert main(["narate", "x"]) == 2
    assert capsys.readouterr().err == "vn narate: error: no command 'narate' (did you mean 'narrate'?); see vn --help\n"
