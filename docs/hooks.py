"""The docs site: the repository's top files as pages, links between all pages, and code names linked to the API.

Markdown files link each other by their places in the repository, so that they can be read there too. Here each link
goes to the target's page; one to a file that has no page, such as a program, becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[1]
# Files outside docs/ -> their pages.
ADDED = {
    "README.md": "index.md",
    "benchmarks/BENCHMARKS.md": "BENCHMARKS.md",
    **{f"{name}.md": f"{name}.md" for name in ("PAPER", "EXPERIMENTS", "CHANGELOG", "CONTRIBUTING", "SECURITY")},
}
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
GUIDE = re.compile(r"\bdocs/(?P<page>[\w-]+\.md)(?P<anchor>#[\w-]+)?")
NAME = re.compile(r"<code>(vn(?:\.\w+)+)</code>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name headings as the sites that host repositories do, so that one link works there and here."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository's top as pages."""
    for name, page in ADDED.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    home = posixpath.dirname(_place(page.file.src_uri))
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]  # a column with one entry

    def linked(match: re.Match[str]) -> str:
        target, mark, anchor = match["target"].partition("#")
        if "://" in target or not target:
            return match[0]
        place = posixpath.normpath(posixpath.join(home, target))
        uri = ADDED.get(place, place.removeprefix("docs/"))
        if place not in ADDED and not place.startswith("docs/"):
            assert (ROOT / place).exists(), f"{page.file.src_uri} links to {target}, which does not exist"
            return match["text"]
        there = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"{match['image']}[{match['text']}]({there}{mark}{anchor})"

    lines, fenced = [], False
    for part in re.split(r"(?m)^(?=[ \t]*(?:```|~~~))", markdown):
        # Each part but the first begins with a fence; every second one is code.
        lines.append(part if fenced else LINK.sub(linked, part))
        fenced = not fenced
    return "".join(lines)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link names of ours, `vn.story.Story`, to the API pages, and places such as docs/method.md#loss to the guide."""

    def linked(match: re.Match[str]) -> str:
        there = files.get_file_from_path(match["page"])
        if there is None:
            return match[0]
        anchor = match["anchor"] or ""
        return f'<a href="{there.url_relative_to(page.file)}{anchor}">{match["page"].removesuffix(".md")}{anchor}</a>'

    html = GUIDE.sub(linked, html)
    return NAME.sub(r'<autoref identifier="\1" optional><code>\1</code></autoref>', html)


def _place(uri: str) -> str:
    """The place in the repository that a page was made from."""
    return next((name for name, page in ADDED.items() if page == uri), f"docs/{uri}")
