"""``subtitles``: an SRT or VTT file beside the video, instead of a recogniser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from vn.annotate.speech.recogniser import TimedWord
from vn.annotate.speech.spread import spread
from vn.errors import Findings, InputError
from vn.io.hashes import hash_file
from vn.story import Language
from vn.subtitles.read_srt import read_srt
from vn.subtitles.read_vtt import read_vtt

ENDINGS = (".srt", ".vtt")
_MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|<\d[\d:.]*>|\{\\[^}]*\}")  # tags, times within a cue, those of ASS
_NOT_SPOKEN = re.compile(
    r"\[[^\]]*\]|【[^】]*】|♪[^♪]*♪?|^ *[(（][^)）]*[)）]"
)  # [music], and (laughs) at the beginning


class SubtitleFiles:
    """Reads the words of a video from the subtitles beside it.

    Example:
        ``kettle.mp4`` has ``kettle.srt``, ``kettle.en.srt`` or ``kettle.vtt``.
    """

    name = "subtitles"
    key = "subtitles 1"

    def file_of(self, video: Path, language: Language) -> Path | None:
        """The subtitles of a video: those of the language first; None if there are none."""
        for ending in ENDINGS:
            for name in (f"{video.stem}.{language}{ending}", f"{video.stem}{ending}"):
                if (video.parent / name).is_file():
                    return video.parent / name
        return None

    def key_of(self, video: Path, language: Language) -> str:
        """A hash of a video's subtitles; empty if there are none."""
        file = self.file_of(video, language)
        return "" if file is None else hash_file(file)

    def words(self, video: Path, language: Language, findings: Findings) -> list[TimedWord]:
        """The words of a video, spread over their cues.

        Raises:
            InputError: there are no subtitles beside it, or they cannot be read.
        """
        file = self.file_of(video, language)
        if file is None:
            raise InputError(f"has no {' or '.join(ENDINGS)} beside it", file=video)
        cues = sorted(read_vtt(file) if file.suffix == ".vtt" else read_srt(file), key=lambda cue: cue[0])
        words: list[TimedWord] = []
        for start, end, lines in cues:
            if end < start:
                findings.add(f"a cue ends at {end:g} s, before it starts at {start:g} s; it is left out", file=file)
                continue
            words += spread(_spoken(lines), start, end)
        return words


def _spoken(lines: Sequence[str]) -> str:
    """The text of a cue on one line, with a blank before it, without markup and what is not spoken."""
    text = _MARKUP.sub("", " ".join(lines))
    return " " + " ".join(_NOT_SPOKEN.sub(" ", text).split())
