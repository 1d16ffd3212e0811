"""What documents, docstrings and comments refer to exists: headings, paper sections, names of ours, files."""

import ast
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("vn", "tests", "benchmarks", "docs", "experiments", "sweeps")
SUFFIXES = (".py", ".md", ".yaml", ".yml", ".cfg", ".toml", ".html", ".js", ".css", ".sh")
FILES = [
    file
    for folder in (*FOLDERS, ".")
    for file in sorted((ROOT / folder).rglob("*") if folder != "." else ROOT.iterdir())
    if file.is_file() and file.suffix in SUFFIXES
]
TEXTS = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in FILES}
DATED = ("CHANGELOG.md", "EXPERIMENTS.md", "benchmarks/BENCHMARKS.md")  # what was, under the names that it had
DOCUMENTS = [name for name in TEXTS if name.endswith(".md") and name not in DATED]
ANCHORED = ("docs/method.md", "docs/design.md")

# The sections of the paper (Yang et al. 2024), and how many tables and figures it has.
SECTIONS = {
    *("1", "2", "3", "3.1", "3.2", "3.3", "4", "4.1", "4.2", "4.3", "5", "5.1", "5.2", "5.3", "6"),
    *("A", "A.1", "A.2", "A.3", "A.4", "A.5", "A.6", "A.7"),
}
TABLES, FIGURES = 6, 13

MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(TEXTS[name])
    for name, file in zip(TEXTS, FILES, strict=True)
    if name.startswith("vn/") and file.suffix == ".py"
}


def prose(text: str) -> str:
    """A Markdown text without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def headings(text: str) -> list[str]:
    return re.findall(r"^#{1,6} (.+)$", prose(text), flags=re.MULTILINE)


def github_slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def mkdocs_slug(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@cache
def anchors(name: str) -> set[str]:
    return {github_slug(heading) for heading in headings(TEXTS[name])}


def line_of(name: str, place: int) -> str:
    return f"{name}:{TEXTS[name].count(chr(10), 0, place) + 1}"


def found(pattern: str, names: Iterable[str] = TEXTS) -> Iterator[tuple[str, re.Match[str]]]:
    """Every match of a pattern in the files, with its place."""
    for name in names:
        yield from ((line_of(name, match.start()), match) for match in re.finditer(pattern, TEXTS[name]))


# -- the two documents ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANCHORED)
def test_every_heading_has_an_anchor_of_its_own(name):
    own = headings(TEXTS[name])
    slugs = [github_slug(heading) for heading in own]
    assert slugs == [mkdocs_slug(heading) for heading in own]
    assert len(set(slugs)) == len(slugs)


def test_references_to_the_documents_reach_a_heading():
    references = list(found(r"\b(docs/(?:method|design)\.md)#([\w-]*)"))
    assert [f"{place}: {m[0]}" for place, m in references if m[2] not in anchors(m[1])] == []
    assert len(references) > 40


def test_links_between_documents_reach_a_heading():
    dead = []
    for name in DOCUMENTS:
        for place, m in found(r"\]\(([\w./-]+\.md)?(?:#([\w-]+))?\)", [name]):
            file = (ROOT / name).parent / m[1] if m[1] else ROOT / name
            target = Path(os.path.relpath(file, ROOT)).as_posix()
            if target not in TEXTS or (m[2] and m[2] not in anchors(target)):
                dead.append(f"{place}: {m[0]}")
    assert dead == []


def test_the_layers_are_those_that_are_tested():
    """docs/design.md#layers has a row for each layer of tests/test_borders.py, with the same parts."""
    table = TEXTS["docs/design.md"].split("## Layers")[1].split("\n## ")[0]
    rows = [re.sub(r"\(.*?\)", "", line) for line in table.splitlines() if line.startswith("|")][2:]
    layers = ast.literal_eval(TEXTS["tests/test_borders.py"].split("\nLAYERS = ")[1].split("\n)\n")[0] + ")")
    assert [sorted(re.findall(r"`(\w+)`", row)) for row in rows] == [sorted(layer) for layer in layers]


def test_nothing_refers_to_documents_that_are_not_here():
    unquoted = [f"{place}: {m[0]}" for place, m in found(r"\b(?:spec|design)(?:'s)?\s+[\"“]|\bspec\.md")]
    elsewhere = [f"{place}: {m[0]}" for place, m in found(r"(?<!docs/)(?<!\]\()\b(?:method|design)\.md\b")]
    own = ("docs/", "mkdocs.yml", "tests/test_references.py")  # where names are relative
    assert unquoted + [each for each in elsewhere if not each.startswith(own)] == []


# -- the paper --------------------------------------------------------------------------------------------------------

SECTION = r"(?:A(?:\.\d+)?|\d+(?:\.\d+)?)\b"


def test_sections_of_the_paper_exist():
    pattern = rf"(?i:\bpaper,?\s+sections?)\s+({SECTION}(?:(?:,|,?\s+and)\s+{SECTION})*)"
    named = [(place, section) for place, m in found(pattern) for section in re.findall(SECTION, m[1])]
    assert [f"{place}: {section}" for place, section in named if section not in SECTIONS] == []
    assert len(named) > 20


def test_the_claims_name_sections_tables_and_figures_of_the_paper():
    rows = claims()
    dead = []
    for claim, _, _ in rows:
        tables, figures = (
            [int(n) for group in re.findall(rf"{kind}s? (\d+(?:[-, ]+\d+)*)", claim) for n in re.findall(r"\d+", group)]
            for kind in ("Table", "Figure")
        )
        sections = re.findall(rf"(?<![\w.-]){SECTION}", re.sub(r"(?:Table|Figure|footnote)s? [\d, -]+", "", claim))
        dead += [claim for n in tables if n > TABLES] + [claim for n in figures if n > FIGURES]
        dead += [claim for section in sections if section not in SECTIONS]
        assert tables or figures or sections or claim == "released", claim
    assert dead == []


# -- names of ours ----------------------------------------------------------------------------------------------------


@cache
def names_in(module: str) -> dict[str, ast.AST]:
    """What a module binds at its top, by name; names that it makes on demand (by ``__getattr__``) included."""
    bound: dict[str, ast.AST] = {}
    tree = MODULES[module]
    lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
    for node in tree.body:
        bound |= bindings(node)
        if lazy and isinstance(node, ast.Assign | ast.AnnAssign):
            texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
            bound |= {text: node for text in texts if isinstance(text, str)}
    return bound


def bindings(node: ast.AST) -> dict[str, ast.AST]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name: node}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {part.id: node for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name: node for alias in node.names}
    if isinstance(node, ast.If | ast.Try):
        return {name: each for part in node.body for name, each in bindings(part).items()}
    return {}


def members(class_: ast.ClassDef, module: str) -> set[str]:
    """Methods and attributes of a class and of its bases, as far as these are ours."""
    own = {name for node in class_.body for name in bindings(node)}
    for node in ast.walk(class_):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.add(node.attr)
    for base in class_.bases:
        if isinstance(base, ast.Name):
            home, node = module, names_in(module).get(base.id)
            if isinstance(node, ast.ImportFrom) and node.module in MODULES:
                home, node = node.module, names_in(node.module).get(base.id)
            if isinstance(node, ast.ClassDef):
                own |= members(node, home)
    return own


@cache
def groups() -> set[str]:
    """Names such as ``vn.encoders`` that our code has as strings: the groups of entry points."""
    texts = (node.value for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"vn\.[a-z_]+", text)}


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours, something in one, or a group of entry points."""
    if name in groups():
        return True
    parts = name.split(".")
    length = max(n for n in range(len(parts) + 1) if n == 0 or ".".join(parts[:n]) in MODULES)
    if length == 0:
        return False
    module, rest = ".".join(parts[:length]), parts[length:]
    if not rest:
        return True
    node = names_in(module).get(rest[0])
    if isinstance(node, ast.ImportFrom) and len(rest) > 1 and node.module in MODULES:
        return exists(f"{node.module}.{'.'.join(rest)}")
    if node is None or len(rest) == 1:
        return node is not None
    return len(rest) == 2 and isinstance(node, ast.ClassDef) and rest[1] in members(node, module)


def docstrings(module: str) -> Iterator[str]:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value  # of an attribute


def test_names_in_docstrings_exist():
    named = [
        (module, name)
        for module in MODULES
        for text in docstrings(module)
        for name in re.findall(r"`(vn(?:\.\w+)+)", text)
    ]
    assert [f"{module}: {name}" for module, name in named if not exists(name)] == []
    assert len(named) > 100


def test_names_in_documents_exist():
    named = [(place, m[1]) for place, m in found(r"`(vn(?:\.\w+)+)", DOCUMENTS)]
    assert [f"{place}: {name}" for place, name in named if not exists(name)] == []
    assert len(named) > 80


def test_files_in_documents_exist():
    pattern = r"`((?:vn|benchmarks|experiments|sweeps|docs|tests)/[\w./*-]+)"
    named = [(place, m[1]) for place, m in found(pattern, DOCUMENTS)]
    assert [f"{place}: {name}" for place, name in named if not any(ROOT.glob(name.rstrip("/")))] == []
    assert len(named) > 10


def claims() -> list[tuple[str, str, str]]:
    """The rows of PAPER.md's table of claims: the paper's section, what it says, where that is."""
    table = TEXTS["PAPER.md"].split("## Claim -> function")[1].split("\n## ")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines() if "|" in line]
    return [(row[0], row[1], row[2]) for row in rows[2:]]


def test_short_names_of_the_claims_exist():
    """A cell says ``vn.story.Story`` and then ``WordRange``: a module, class or function of ours, or a file."""
    tops = {name for module in MODULES for name in names_in(module)}
    dead = []
    for _, _, where in claims():
        for text in re.findall(r"`([^`]+)`", where):
            if re.fullmatch(r"[\w-]+\.yaml", text):
                known = any(file.name == text for file in FILES)
            elif re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", text) and not text.startswith("vn."):
                known = text in tops or any(
                    exists(f"{module}.{text}") or module.endswith(f".{text}") for module in MODULES
                )
            else:
                continue  # a dotted name, a path, or a command
            dead += [] if known else [text]
    assert dead == []
