"""The examples in docstrings of all of vn are true; those of `vn.__all__` run in test_python_api.py."""

import doctest
import importlib
from pathlib import Path

import pytest

import vn

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "vn").rglob("*.py"))
}
WITH_EXAMPLES = [name for name, text in MODULES.items() if ">>> " in text]


def examples(name: str) -> list[doctest.DocTest]:
    """All docstrings of a module that have examples."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), name)
    return [each for each in found if each.examples]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name):
    public = {f"{home}.{each}" for each, home in vn._HOMES.items()}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in examples(name):
        if example.name not in public:
            runner.run(example)
    assert runner.failures == 0


def test_none_is_missed():
    """Each prompt in the source is in the docstring of something that a module has."""
    found = {name: sum(len(each.examples) for each in examples(name)) for name in WITH_EXAMPLES}
    assert found == {name: MODULES[name].count(">>> ") for name in WITH_EXAMPLES}
