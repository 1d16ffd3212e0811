import doctest
import importlib
import pkgutil

import pytest

import vn.metrics

MODULES = [info.name for info in pkgutil.iter_modules(vn.metrics.__path__)]
WITH_EXAMPLES = {"alignment", "bleu", "bootstrap", "cider", "labels", "length", "meteor", "ngrams", "repetition"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"vn.metrics.{name}"))
    assert result.failed == 0
    assert result.attempted or name not in WITH_EXAMPLES
