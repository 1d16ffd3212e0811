import re
import subprocess
import sys

import pytest

from vn.cli import COMMANDS, main


def test_help_is_quick_and_imports_nothing_heavy():
    """Few modules, torch and its kin not among them: what takes time is to import."""
    code = (
        "import sys; before = len(sys.modules); from vn.cli import main; main(['--help']);"
        "print([m for m in ('torch', 'lightning', 'transformers', 'numpy', 'av', 'yaml') if m in sys.modules],"
        " len(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    heavy, count = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]"
    assert int(count) < 100


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
