"""Signatures and options: few parameters, classes of one idea, and no flag without help."""

import argparse
import ast
import importlib
import re
from pathlib import Path

import pytest

from vn.cli import COMMANDS, LIGHTNING

ROOT = Path(__file__).parents[1]
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in (ROOT / "vn").rglob("*.py")}
MOST = 8  # parameters of a function, without self and cls
FIXED = {  # functions whose parameters another library prescribes
    ("vn/llm/attention.py", "tree_attention"): "transformers' attention interface: it calls with seven of the nine",
}
ONE_IDEA = ("NarratorModule", "StoryDataModule", "StoryWriter", "NarratorCLI")
LONGEST_CLASS = 150  # lines
PLAIN_COMMANDS = sorted(name for name, (module, _) in COMMANDS.items() if module != LIGHTNING)
LIGHTNING_COMMANDS = sorted(name for name, (module, _) in COMMANDS.items() if module == LIGHTNING)


def nodes(kind):
    """Every node of a kind in the package, with its file."""
    return [(file, node) for file, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's parameters, without self, cls, ``*args`` and ``**kwargs``."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [each.arg for each in every if each.arg not in ("self", "cls")]


def test_functions_have_few_parameters():
    functions = nodes(ast.FunctionDef | ast.AsyncFunctionDef)
    many = {(file, each.name): len(parameters(each)) for file, each in functions if len(parameters(each)) > MOST}
    assert {place: count for place, count in many.items() if place not in FIXED} == {}
    assert FIXED.keys() <= many.keys(), "an exception that is not needed any more"


@pytest.mark.parametrize("name", ONE_IDEA)
def test_large_classes_are_one_idea(name):
    (lines,) = (node.end_lineno - node.lineno + 1 for _, node in nodes(ast.ClassDef) if node.name == name)
    assert lines < LONGEST_CLASS


def without_help(parser: argparse.ArgumentParser) -> list[str]:
    """The options and arguments of a parser, and of its subcommands, that `--help` does not explain."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [f"{name} {lost}" for name, each in action.choices.items() for lost in without_help(each)]
        elif isinstance(action.help, str) and re.sub(r"\((type|default): .*\)|%\(\w+\)s", "", action.help).strip():
            continue
        else:
            found.append(action.dest)
    return found


@pytest.mark.parametrize("command", PLAIN_COMMANDS)
def test_every_option_has_help(command):
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[command][0]).add_arguments(parser)
    assert without_help(parser) == []


@pytest.mark.parametrize("command", LIGHTNING_COMMANDS)
def test_every_key_of_an_experiment_has_help(command):
    """All but Lightning's own: those of ``trainer`` have the help that its docstring gives."""
    missing = [name for name in without_help(lightning_parser(command)) if name.split(".")[0] != "trainer"]
    assert missing == []


def lightning_parser(command: str) -> argparse.ArgumentParser:
    """The parser of a command that LightningCLI builds, before it parses anything."""
    from vn.train.narrator_cli import NarratorCLI

    class Built(Exception):
        pass

    class Parser(NarratorCLI):
        def parse_arguments(self, parser, args):
            raise Built(parser)

    with pytest.raises(Built) as built:
        Parser(command, [])
    return built.value.args[0]
