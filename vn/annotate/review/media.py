"""Where pages and Label Studio find the videos."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from vn.errors import InputError
from vn.io.paths import relative

URL = re.compile(r"(https?://[^\s/?#'\";,<>]+)?/?[^\s'\";,<>]*")


class Media:
    """The places of videos, as files relative to a folder or as URLs.

    Args:
        folder: folder of the pages; files are named relative to it.
        files: all videos; with a URL, they are named relative to the folder that has them all.
        url: URL of that folder; None: no URL.

    Attributes:
        source: the source that a page's content security policy allows for media.

    Raises:
        InputError: the URL is none.
    """

    def __init__(self, folder: Path, files: Sequence[Path], url: str | None) -> None:
        self._folder = folder
        self._url = url
        self.source = "'self' file:"
        if url is None:
            return
        if not url or not URL.fullmatch(url) or not url.startswith(("http://", "https://", "/")):
            raise InputError(f"expected http(s)://HOST/... or /PATH, got {url!r}", field="--media-url")
        parts = urlsplit(url)
        self.source = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
        self._common = Path(os.path.commonpath([os.path.abspath(file.parent) for file in files] or ["/"]))

    def place(self, file: Path) -> str:
        """The path or URL of a video."""
        if self._url is None:
            return quote(relative(file, self._folder))
        name = quote(Path(os.path.abspath(file)).relative_to(self._common).as_posix())
        return self._url + ("" if self._url.endswith(("/", "=")) else "/") + name
