"""A griffe extension: docstrings as the docs site shows them, without changing them in the source."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

# A run of doctest lines: a prompt, and everything up to the next blank line.
DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n *\S.*)*", re.MULTILINE)
PAIR = re.compile(r"^(?P<indent> +)(?P<one>\w+), (?P<two>\w+): (?P<text>.*)$", re.MULTILINE)


class Docstrings(Extension):
    """Doctests become code; one line for two arguments becomes a line for each."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is None:
            return
        text = PAIR.sub(r"\g<indent>\g<one>: \g<text>\n\g<indent>\g<two>: \g<text>", obj.docstring.value)
        if not re.search(r"^Examples:$", text, re.MULTILINE):  # such a section griffe reads itself
            text = DOCTEST.sub(r"\g<indent>```pycon\n\g<0>\n\g<indent>```", text)
        obj.docstring.value = text
