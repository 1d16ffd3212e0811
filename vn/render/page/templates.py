"""The templates of pages, what they say in each language, and the hashes that let only their own scripts run."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.io.files import read_yaml
from vn.story import Language
from vn.version import __version__

FOLDER = Path(__file__).parent


@functools.cache
def texts(language: Language) -> Mapping[str, Any]:
    """What the pages show besides the stories' own texts.

    >>> texts("en")["words"], texts("zh")["words"]
    ('words', '字')
    """
    found: Mapping[str, Any] = read_yaml(FOLDER / "texts.yaml")[language]
    return found


def render(name: str, language: Language, style: str = "", **values: Any) -> str:
    """A page.

    Args:
        name: the template is ``NAME.html``, its script ``NAME.js``.
        language: language of the page.
        style: rules after those that all pages share.
        values: what the template needs.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (FOLDER / "style.css").read_text("utf-8") + style
    script = (FOLDER / f"{name}.js").read_text("utf-8")
    return environment.get_template(f"{name}.html").render(
        t=texts(language),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        version=__version__,
        **values,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
