"""What may import what: read from the source, with no import run."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "vn").rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
LONGEST = 400  # lines of a file

# From the ground up: each layer may import those before it, and nothing of its own or a later one.
LAYERS = (
    ("environment", "errors", "version"),
    ("extras",),
    ("braces", "io", "model_card", "overlap", "plugins", "process", "progress", "renamed", "shipped", "timecode"),
    ("endpoints", "hub", "run_paths", "story", "template", "tokenizer"),
    ("prompt", "story_reader", "visual", "voice"),
    ("settings", "story_file", "written"),
    ("card", "data", "metrics"),
    ("llm", "ordered", "score", "subtitles"),
    ("narrator", "compare", "run_folder"),
    ("parts",),
    ("adapter", "generation"),
    ("baselines", "order", "render"),
    ("annotate", "doctor", "export", "narrate", "train"),
    ("rate", "released", "stats", "studio", "sweep", "experiments_command"),
    ("demo",),
    ("cli",),
)
LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer}
# They call commands as a user would: the demo all of them, a baseline that is a narrator of ours fit and test.
ALLOWED_UP = {("demo", "cli"), ("baselines", "cli")}


def imports(name: str) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


IMPORTS = {name: sorted(set(imports(name))) for name in MODULES}


def part(name: str) -> str:
    """The part of the package that a module is in: ``vn.data.video`` is in ``data``."""
    return name.split(".")[1] if "." in name else ""


def arrows() -> Iterator[tuple[str, str]]:
    """Every import of one module of ours by another."""
    for name, targets in IMPORTS.items():
        yield from ((name, target) for target in targets if target in MODULES and target != name)


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_part_has_a_layer():
    assert {part(name) for name in MODULES} - {""} == set(LEVEL)


def test_modules_import_in_no_circle():
    graph = {name: {target for source, target in arrows() if source == name} for name in MODULES}
    assert circle(graph) == []


def test_parts_import_in_no_circle():
    graph: dict[str, set[str]] = {}
    for source, target in arrows():
        if part(source) != part(target) and part(target):
            graph.setdefault(part(source), set()).add(part(target))
    assert circle(graph) == []


def test_no_arrow_goes_up():
    up = {
        (source, target)
        for source, target in arrows()
        if part(source)
        and part(target)
        and part(source) != part(target)
        and LEVEL[part(source)] <= LEVEL[part(target)]
        and (part(source), part(target)) not in ALLOWED_UP
    }
    assert up == set()


def test_only_train_imports_lightning():
    found = {name for name, targets in IMPORTS.items() if any(t.split(".")[0] == "lightning" for t in targets)}
    assert found
    assert {part(name) for name in found} == {"train"}


def test_other_systems_are_imported_by_the_few_commands_that_name_them_and_only_then():
    """A module that is itself only imported for them may import them at its top."""
    alone = {"vn.narrate.other_system"}
    users = {s for s, t in arrows() if part(t) == "baselines" and part(s) != "baselines"}
    assert users == alone | {"vn.narrate.command", "vn.sweep.dry_run"}
    targets = {t for _, t in arrows() if part(t) == "baselines"} | alone
    for name in users - alone | {source for source, target in arrows() if target in alone}:
        tops = [node for node in TREES[name].body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not targets & {f"{node.module}" for node in tops if isinstance(node, ast.ImportFrom)}, name


@pytest.mark.parametrize("low", ["data", "metrics", "story", "prompt", "visual"])
def test_the_lower_parts_know_nothing_of_training_models_or_comparing(low):
    found = {(s, t) for s, t in arrows() if part(s) == low and part(t) in ("train", "llm", "compare", "score")}
    assert found == set()


@pytest.mark.parametrize("low", ["story", "template", "prompt"])
def test_the_domain_needs_no_torch(low):
    heavy = {"torch", "lightning", "transformers", "peft"}
    assert {t for name in MODULES if part(name) == low for t in IMPORTS[name] if t.split(".")[0] in heavy} == set()


def test_environment_variables_are_read_in_one_file():
    found = {name for name, path in MODULES.items() if re.search(r"\bos\.(environ|getenv|putenv)", path.read_text())}
    assert found == {"vn.environment"}


def test_no_file_is_too_long():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lengths.items() if count > LONGEST} == {}
