"""What vn uses of other libraries beyond what they document: a mark for the tests of it, and a look at vn's source."""

import ast
import functools
import platform
import re
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in sorted((ROOT / "vn").rglob("*.py"))}
# Of named tuples, of os, and a field of released config.json files: not private in spite of the underscore.
DOCUMENTED = {"_asdict", "_exit", "_name_or_path"}
USED: dict[str, tuple[str, ...]] = {}  # test -> words of vn's source


def uses(library, *words, breaks):
    """Mark a test of an undocumented use.

    Args:
        library: the distribution; ``python`` for the standard library.
        words: how the use is spelled in vn's source.
        breaks: what goes wrong in vn if the library changes there.
    """

    def mark(test):
        USED[test.__name__] = words

        @functools.wraps(test)
        def checked(*args, **options):
            try:
                return test(*args, **options)
            except Exception as error:
                files = sorted({str(f) for f, text in SOURCES.items() for word in words if spelled(word, text)})
                known = platform.python_version() if library == "python" else version(library)
                what = f"{library} {known} has changed {', '.join(words)}, used in {', '.join(files)}"
                raise AssertionError(f"{what}; what breaks: {breaks}") from error

        return checked

    return mark


def spelled(word, text):
    """Whether a word is in a text, and not merely the beginning or end of another one."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)" if word.isidentifier() else re.escape(word), text) is not None


def foreign_names():
    """The private names that vn takes from other libraries, documented ones aside."""
    found = [_private_names(ast.parse(text)) for text in SOURCES.values()]
    taken, own = (set().union(*names) for names in zip(*found, strict=True))
    return taken - own - DOCUMENTED


def _private_names(tree):
    """Names with a leading underscore that a module takes from elsewhere, and those that it defines itself."""
    taken, own = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own.add(node.target.id)
        elif isinstance(node, ast.Attribute):
            on_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            (own if on_self and isinstance(node.ctx, ast.Store) else taken).add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] != "vn":
            taken |= {alias.name for alias in node.names}
            taken |= set((node.module or "").split("."))
        elif isinstance(node, ast.keyword) and node.arg:
            taken.add(node.arg)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            taken.add(str(node.slice.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("hasattr", "getattr", "setattr", "get"):
                taken |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}

    def private(names):
        return {name for name in names if re.fullmatch(r"_[a-z]\w*|_[A-Z]+|__compatible_ops__", name)}

    return private(taken), private(own)
