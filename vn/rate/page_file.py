"""A rater's page: one HTML file that needs no network, beside the folder of media."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from vn.compare.page import script_json
from vn.io.files import read_yaml
from vn.story import Language

FOLDER = Path(__file__).with_name("page")


@functools.cache
def texts(language: Language) -> Mapping[str, Any]:
    """What the page says, with the criteria and their points.

    >>> [criterion["name"] for criterion in texts("en")["criteria"]]
    ['relevance', 'attractiveness', 'coherence']
    """
    found: Mapping[str, Any] = read_yaml(FOLDER / "texts.yaml")[language]
    return found


def render(data: Mapping[str, Any]) -> str:
    """The page.

    Args:
        data: what the page's script reads: ``kit``, ``rater``, ``content``, ``language``, ``domain``, ``stories``.
    """
    language: Language = data["language"]
    own = texts(language)
    script, style = ((FOLDER / name).read_text("utf-8") for name in ("rate.js", "rate.css"))
    return Template((FOLDER / "rate.html").read_text("utf-8")).substitute(
        lang={"zh": "zh-CN", "en": "en"}[language],
        title=html.escape(own["title"].format(rater=data["rater"])),
        script_hash=_hash(script),
        style_hash=_hash(style),
        style=style,
        script=script,
        data=script_json({**data, "texts": own}),
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
