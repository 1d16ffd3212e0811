"""What is known when a baseline is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vn.data.manifest import Manifest
from vn.errors import Findings
from vn.io.disk_cache import DiskCache
from vn.io.remote import Folder
from vn.story import Domain, Language, WordRangeRule


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is to be written, for what a baseline says before it sends anything to a vendor.

    Attributes:
        videos: number of videos.
        clips: number of their clips that are narrated.
        frames: number of their frames at one per second; estimated from the clips' times if there are no shards.
        examples: number of clips, at most, of training stories that are shown as examples.
    """

    videos: int = 0
    clips: int = 0
    frames: int = 0
    examples: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when a baseline is opened.

    Attributes:
        language: language of the stories.
        domain: their domain.
        words: how word ranges are computed.
        cache: keeps what was asked, by hash of system, prompt and input; in the run folder.
        findings: takes warnings.
        data: the data folder; None if only stories and videos are given.
        manifest: its manifest; None likewise.
        videos: folder of the videos, if it is given; frames of a video come from `BaselineVideo.content` anyway.
        seed: random seed of whatever is drawn.
        amount: how much is to be written; if a storyline is both predicted and given, each video is written twice.
    """

    language: Language
    domain: Domain
    words: WordRangeRule
    cache: DiskCache
    findings: Findings
    data: Folder | None = None
    manifest: Manifest | None = None
    videos: Path | None = None
    seed: int = 0
    amount: Amount = field(default_factory=Amount)
