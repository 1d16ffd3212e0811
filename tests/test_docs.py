"""README, guide and site: links, commands and make targets lead somewhere, and the site builds without a warning."""

import argparse
import configparser
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import vn
from vn.cli import COMMANDS, LIGHTNING

ROOT = Path(__file__).parents[1]
TOP = ("README", "PAPER", "EXPERIMENTS", "CHANGELOG", "CONTRIBUTING", "SECURITY")
PAGES = [*(ROOT / f"{name}.md" for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
MARKDOWN = [*PAGES, ROOT / "benchmarks" / "BENCHMARKS.md", ROOT / "tests" / "kept" / "README.md"]
FENCED = re.compile(r"^[ \t]*```.*?^[ \t]*```", re.MULTILINE | re.DOTALL)


def name_of(file):
    return file.relative_to(ROOT).as_posix()


def prose(file):
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", lambda code: "x" * len(code[0]), FENCED.sub("", file.read_text(encoding="utf-8")))


def anchors(file):
    """The anchors of a page's headings, as sites that host repositories name them: a second one of a name gets -1."""
    found, counts = set(), {}
    for heading in re.findall(r"^#+ +(.*)$", FENCED.sub("", file.read_text(encoding="utf-8")), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{counts[slug]}" if slug in counts else slug)
        counts[slug] = counts.get(slug, 0) + 1
    return found


def commands(text):
    """The lines of its code blocks that call `vn`, without comments, put together where they are continued."""
    for block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"vn [a-z]", line):
                yield shlex.split(line, comments=True)[1:]


def nav_files(entries):
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from nav_files(value) if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def site():
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("file", MARKDOWN, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (file.parent / path).resolve() if path else file
        assert there.exists(), f"{name_of(file)} links to {target}"
        assert there.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(there), f"{name_of(file)} links to {target}"


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_commands_on_a_page_can_be_parsed(file):
    for name, *words in commands(file.read_text(encoding="utf-8")):
        assert name in COMMANDS, f"{name_of(file)}: vn {name}"
        if COMMANDS[name][0] == LIGHTNING:  # parsed by LightningCLI, from many keys
            continue
        parser = argparse.ArgumentParser(prog=f"{name_of(file)}: vn {name}")
        parser.set_defaults(words=words)
        importlib.import_module(COMMANDS[name][0]).add_arguments(parser)
        parser.parse_args(words)


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for file in [*MARKDOWN, ROOT / ".github" / "workflows" / "ci.yml", ROOT / ".pre-commit-config.yaml"]:
        text = file.read_text(encoding="utf-8")
        named = re.findall(r"`[^`\n]+`|^ *(?:- run: |)make .*$", text, re.MULTILINE)
        for words in re.findall(r"\bmake ([a-z][a-z -]*)", "\n".join(named)):
            assert set(words.split()) <= targets, f"{name_of(file)}: make {words}"


def test_the_readme_names_every_command():
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    named = {
        word.removeprefix("vn ") for row in re.findall(r"^\|(.*?)\|", table, re.M) for word in row.split("`")[1::2]
    }
    assert named == set(COMMANDS) - {"voice"}  # which is on docs/voice.md alone


def test_the_pages_of_the_site_are_the_files(site):
    in_nav = list(nav_files(site["nav"]))
    added = {f"{name}.md" for name in TOP if name != "README"} | {"index.md", "BENCHMARKS.md"}
    assert len(in_nav) == len(set(in_nav))
    assert set(in_nav) == added | {file.relative_to(ROOT / "docs").as_posix() for file in (ROOT / "docs").rglob("*.md")}


def test_the_api_pages_name_modules_that_exist():
    for file in (ROOT / "docs" / "api").glob("*.md"):
        for name in re.findall(r"^::: ([\w.]+)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            place = ROOT / name.replace(".", "/")
            assert place.with_suffix(".py").exists() or (place / "__init__.py").exists(), f"{name_of(file)}: {name}"


class TestCitation:
    @pytest.fixture(scope="class")
    def citation(self):
        return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

    def test_it_has_what_version_1_2_0_of_the_format_requires(self, citation):
        assert citation["cff-version"] == "1.2.0"
        assert all(isinstance(citation[key], str) and citation[key] for key in ("message", "title", "version"))
        assert citation["type"] == "software"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", citation["date-released"])
        for work in (citation, *citation["references"]):
            assert work["title"]
            assert work["authors"]
            assert all(set(a) <= {"name", "family-names", "given-names"} and all(a.values()) for a in work["authors"])
        (paper,) = citation["references"]
        assert paper["type"] == "article"

    def test_it_is_of_this_version_and_these_authors(self, citation):
        (owner,) = re.findall(r"^Copyright \(c\) \d+, (.+)$", (ROOT / "LICENSE").read_text(encoding="utf-8"), re.M)
        config = configparser.ConfigParser()
        config.read(ROOT / "setup.cfg")
        assert citation["version"] == vn.__version__
        assert citation["authors"] == [{"name": owner}]
        assert config["metadata"]["author"] == owner
        assert config["metadata"]["license"] == citation["license"]

    def test_the_readme_cites_the_same_paper(self, citation):
        (paper,) = citation["references"]
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        assert paper["url"] in readme
        assert f"title   = {{{paper['title']}}}" in readme
        names = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in paper["authors"])
        assert f"author  = {{{names}}}" in readme


def test_the_changelog_has_each_heading_once_and_this_version_with_a_date():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    titles = [version.partition("\n")[0] for version in versions]
    assert titles[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(vn.__version__)}\] - \d{{4}}-\d\d-\d\d", titles[1])
    for version in versions:
        headings = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert len(headings) == len(set(headings))
        assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = {file.relative_to(tmp_path).as_posix(): file.read_text("utf-8") for file in tmp_path.rglob("*.html")}
    assert {"index.html", "PAPER.html", "scores.html", "api/metrics.html"} <= set(pages)
    for name, page in pages.items():
        for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page):
            assert "//" not in re.sub(r'rel="canonical"', "", tag), f"{name}: {tag}"
        assert "@import" not in page
    assert 'href="api/visual.html#vn.visual.memory.consolidate"' in pages["PAPER.html"]
    assert 'id="vn.metrics.bleu.bleu"' in pages["api/metrics.html"]
    assert 'href="../method.html#memory-consolidation"' in pages["api/visual.html"]
    assert 'src="demo.png"' in pages["index.html"]
    assert (tmp_path / "demo.png").exists()
