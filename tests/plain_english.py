"""Finds turns of phrase that `vn` does not use: eight patterns, in prose alone (docstrings, comments, messages, pages).

`python tests/plain_english.py [FOLDER]` prints what is found, and how much of each.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_COUNTED = (
    "lines?|rows?|tokens?|files?|labels?|frames?|pictures?|words?|characters?|videos?|clips?|steps?|samples?|numbers?|"
    "units?|points?|times?|seeds?|runs?|folders?|calls?|threads?|process(?:es)?|bytes|MB|GB|ms|once|twice|bars?|rates?|"
    "entry|entries|colou?rs?|texts?|pieces?|columns?|sentences?|passes|pass|hours?|names?|spans?"
)
_PER = (
    "clip|video|frame|story|step|run|seed|point|variant|shard|character|second|token|setting|row|metric|sample|rank|"
    "split|epoch|batch|process|page|line|source|layer|machine|minute|file|product|shot|word"
)
PATTERNS = {
    "a rate without 'per'": rf"\b(?:{_COUNTED}) an? (?:{_PER})\b",
    "an argument that begins with 'of'": r"(?:^|\n)\s*`*\w+`*(?:, `*\w+`*)*: of\b|^of\b(?! course)",
    "stands, lies": r"\b(?:stands?|stood|standing|lies|lie|lying|lain)\b(?!-in| in for|alone)",
    "'where' for 'if'": r"\b[Ww]here (?:there|no\b|none|nobody|nothing|that is|it (?:is not|has)|they are not|one is)",
    "is no": r"(?<![Tt]here )\b(?:is|are|was|were|as) no (?!longer|more|less|other|matter|one\b|-)\w+",
    "told, said, hears": r"\b(?:told|said|hears?|heard)\b",
    "old words": r"\b(?:anew|all else|but for|so many|likeliest|dearest|reckon(?:s|ed|ing)?)\b",
    "picture, image": r"\b[Pp]ictures?\b(?!:)|\b[Ii]mages?\b(?! encoder| embedding| model|-text)",
}
# Texts that are data: the demo's narrations, prompts and the paper's own words.
DATA = re.compile(
    r"vn/demo/(?:english|english_prose|chinese|chinese_prose|prose|phrases|vocabulary|scenes|props|sprites|canvas)\w*\.py|"
    r"vn/templates/.*|vn/score/paper\.yaml|vn/score/judge\.yaml|docs/(?:CHANGELOG|EXPERIMENTS)\.md"
)


class Found(NamedTuple):
    """A turn of phrase, and where it is."""

    file: str
    line: int
    pattern: str
    text: str


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """The pieces of a file that people read, with their lines."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and " " in token.string):
                body = re.sub(r'^\w*("""|\'\'\'|"|\')|("""|\'\'\'|"|\')$|^# ?', "", token.string)
                yield token.start[0], without_code(body)
    elif file.suffix == ".md":
        code = re.compile(r"```.*?```|^:::.*?$", re.DOTALL | re.MULTILINE)  # the last are names of modules
        yield 1, without_code(code.sub(lambda found: "\n" * found[0].count("\n"), text))
    elif file.suffix in (".yaml", ".cfg", ".sh"):
        yield from ((n, line.partition("#")[2]) for n, line in enumerate(text.splitlines(), 1))
    else:  # a page: HTML and JavaScript
        yield from (
            (n, re.sub(r"<[^>]*>|\bimages?/|\.image\b", "", line)) for n, line in enumerate(text.splitlines(), 1)
        )


def without_code(text: str) -> str:
    """A text without what is between backticks, quoted examples and doctests."""
    text = re.sub(r"``[^`\n]*``|`[^`\n]*`", lambda code: "`" * (len(code[0]) > 0), text)
    return re.sub(r"^\s*>>>.*$", "", text, flags=re.MULTILINE)


def find(root: Path) -> list[Found]:
    """All such turns of phrase in the package, its documents and its experiments."""
    places = ["vn", "docs", "experiments", "sweeps", "README.md", "PAPER.md", "CONTRIBUTING.md", "SECURITY.md"]
    endings = (".py", ".md", ".yaml", ".html", ".js", ".sh")
    found = []
    for place in places:
        path = root / place
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in (f for f in files if f.is_file() and f.suffix in endings and "__pycache__" not in f.parts):
            name = file.relative_to(root).as_posix()
            if DATA.fullmatch(name):
                continue
            for line, text in prose(file):
                for pattern, expression in PATTERNS.items():
                    for match in re.finditer(expression, text):
                        at = line + text.count("\n", 0, match.start() + len(match[0]) - len(match[0].lstrip()))
                        found.append(Found(name, at, pattern, " ".join(match[0].split())))
    return found


if __name__ == "__main__":
    everything = find(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    for each in everything:
        print(f"{each.file}:{each.line}: {each.pattern}: {each.text}")
    for name, count in Counter(each.pattern for each in everything).most_common():
        print(f"{count:5} {name}", file=sys.stderr)
    print(f"{len(everything):5} in all", file=sys.stderr)
