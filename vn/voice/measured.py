"""What was measured of voices is kept, one JSON file per voice, language and kind of measurement."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.story import Language
from vn.voice.sentences import SENTENCES
from vn.voice.settings import kept_in
from vn.voice.speech import Voice

logger = logging.getLogger(__name__)
FORMAT = 1  # goes up when what is measured changes


class Measured:
    """One measurement of a voice in a language.

    Args:
        kind: what is measured, e.g. ``pace``.
        voice: the voice; its fingerprint is part of the file's name.
        language: the language, with its built-in sentences.
        folder: where measurements are kept, in ``measured/``; None for ``~/.cache/vn/voices``.
    """

    def __init__(self, kind: str, voice: Voice, language: Language, folder: Path | None) -> None:
        key = json.dumps([FORMAT, kind, voice.fingerprint, language, SENTENCES[language]])
        name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:32]
        self.file = kept_in(folder) / "measured" / f"{kind}-{language}-{name}.json"

    def read(self) -> dict[str, Any] | None:
        """What was kept; None if there is nothing, or it is damaged."""
        with suppress(OSError, ValueError):
            found = json.loads(self.file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return None

    def write(self, found: dict[str, Any]) -> None:
        """Keep it; if the disk does not take it, it is measured again next time."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.file, own=True) as file:
                file.write(json.dumps(found, ensure_ascii=False, indent=1).encode())
        except (OSError, InputError) as error:
            logger.warning("what was measured of the voice cannot be kept: %s", error)
