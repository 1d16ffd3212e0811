"""A product's page as text: of HTML only what is visible; scripts, styles and hidden parts never."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from vn.errors import InputError
from vn.io.files import read_text

UNSEEN = {
    *("script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "select", "textarea"),
    *("canvas", "audio", "video", "datalist"),
}
VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"),
}
# Elements within a line; all others begin and end one.
INLINE = {
    *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label"),
    *("mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr", "img"),
}
# An element that ends when another of its kind begins, as HTML allows without an end tag.
IMPLIED = {"p", "li", "dt", "dd", "tr", "td", "th", "option"}
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?!\.?\d)|opacity\s*:\s*0(?!\.?\d)", re.IGNORECASE
)
_HTML = re.compile(r"<!doctype\s+html|<(?:html|body|head|div|p|span|script|table|ul|h[1-6])\b", re.IGNORECASE)


def page_text(file: Path) -> str:
    """The text of a page: HTML, or text and YAML as they are; lines without blanks around them, none empty.

    Raises:
        InputError: it cannot be read, or has no text.
    """
    text = read_text(file)
    if file.suffix.lower() in (".html", ".htm", ".xhtml") or _HTML.search(text[:4000]):
        text = visible_text(text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    text = "\n".join(line for line in lines if line)
    if not text:
        raise InputError("has no text", file=file)
    return text


def visible_text(html: str) -> str:
    r"""What a page shows, as lines.

    >>> visible_text("<p>One<script>two()</script> <b>three</b><p hidden>four<p>five")
    'One three\nfive'
    """
    parser = _Visible()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Visible(HTMLParser):
    """Collects visible text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._open: list[tuple[str, bool]] = []  # elements, and whether each is unseen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in IMPLIED and self._open and self._open[-1][0] == tag:
            self._open.pop()
        if tag not in INLINE and tag not in UNSEEN:
            self.parts.append("\n")
        if tag not in VOID:
            self._open.append((tag, tag in UNSEEN or _is_hidden(dict(attrs))))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content; in HTML the slash means nothing unless it never has content."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and those in it that were left open."""
        places = [i for i, (name, _) in enumerate(self._open) if name == tag]
        if places:
            del self._open[places[-1] :]
        if tag not in INLINE and tag not in UNSEEN:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Text, seen or not."""
        if not any(unseen for _, unseen in self._open):
            self.parts.append(re.sub(r"\s+", " ", data))


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    return (
        "hidden" in attributes
        or (attributes.get("aria-hidden") or "").lower() == "true"
        or bool(_HIDDEN.search(attributes.get("style") or ""))
    )
