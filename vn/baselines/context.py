"""What is known when a baseline is opened."""

from __future__ import annotations

from dataclasses import dataclass

from vn.data.manifest import Manifest
from vn.errors import Findings
from vn.io.disk_cache import DiskCache
from vn.io.remote import Folder
from vn.story import Domain, Language, WordRangeRule


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when a baseline is opened.

    Attributes:
        language: language of the stories.
        domain: their domain.
        words: how word ranges are computed.
        cache: keeps what was asked, by hash of system, prompt and input; in the run folder.
        findings: takes warnings.
        data: the data folder; None if stories and videos are given instead.
        manifest: its manifest; None likewise.
    """

    language: Language
    domain: Domain
    words: WordRangeRule
    cache: DiskCache
    findings: Findings
    data: Folder | None = None
    manifest: Manifest | None = None
