"""The help of the Lightning commands, kept as text: making it imports Lightning and all that its types name."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from typing import Any, TextIO

from vn.environment import help_variables
from vn.io.code_cache import CodeCache

ASKED = (["--help"], ["-h"])  # in longer command lines another part may be wrong, or asked for first


def shown(command: str, code: CodeCache, show: Callable[[], int]) -> int:
    """Print a command's help, as kept if it is.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        code: what is kept.
        show: makes and prints the help; the interpreter exits at its end.

    Returns:
        The exit code.
    """
    name = _name(command)
    if (text := code.get(name)) is not None:
        sys.stdout.write(text)
        return 0
    plain = sys.stdout
    copy = _Copy(plain)
    sys.stdout = copy
    try:
        return show()
    except SystemExit as exit:
        if exit.code in (0, None):
            code.put(name, "".join(copy.texts))
        raise
    finally:
        sys.stdout = plain


def _name(command: str) -> str:
    """The file of a help: another width, language or colour is another text."""
    traits = repr((shutil.get_terminal_size().columns, sys.stdout.isatty(), sorted(help_variables().items())))
    return f"{command}-{hashlib.sha256(traits.encode(errors='surrogateescape')).hexdigest()[:16]}.txt"


class _Copy:
    """Standard output that also keeps what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        """Write, and keep."""
        self.texts.append(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
