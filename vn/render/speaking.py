"""The narrations spoken into the time of their clips, as WAV files; those of an earlier rendering are used again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.render.mix import Placed
from vn.render.settings import Asked, RenderSettings
from vn.render.story import Narrated
from vn.story import count_words
from vn.voice.wav import write_wav

if TYPE_CHECKING:
    from vn.voice.speech import Voice

FOLDER = "voice"


@dataclass(frozen=True, slots=True)
class ClipReport:
    """One narrated clip of a rendered story; times are those that a player shows, in seconds.

    Attributes:
        clip: its number, from 0.
        start: when the clip starts.
        end: when it ends.
        voice_start: when the voice starts; None without a voice.
        voice_end: when it ends.
        words: number of words (`vn.story.count_words`).
        word_range: how many it may have, if the story has that.
        speed: speed of the voice, relative to its usual one.
        over: seconds by which the voice ends after the clip; 0 if it fits.
        file: path of its WAV file in the output folder.
        text: the narration.
    """

    clip: int
    start: float
    end: float
    voice_start: float | None
    voice_end: float | None
    words: int
    word_range: tuple[int, int] | None
    speed: float | None
    over: float
    file: str | None
    text: str

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``render.json``'s clips."""
        entry = asdict(self)
        if self.word_range is None:
            del entry["word_range"]
        else:
            entry["word_range"] = list(self.word_range)
        return entry

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> ClipReport:
        """Read such an entry."""
        found = entry.get("word_range")
        return cls(**{**entry, "word_range": None if found is None else (found[0], found[1])})


def silent(narrated: Narrated, length: float) -> list[ClipReport]:
    """The narrated clips without a voice."""
    language = narrated.story.language
    return [
        ClipReport(
            *(clip, start, end, None, None, count_words(text, language), narrated.ranges[clip], None, 0.0, None, text)
        )
        for clip, start, end, text in lines_of(narrated, length)
    ]


def lines_of(narrated: Narrated, length: float) -> list[tuple[int, float, float, str]]:
    """Number, start, end and text of each narrated clip; none ends after the video."""
    clips = narrated.story.clips
    return [(i, clips[i].start, min(clips[i].end, length), clips[i].narration or "") for i in narrated.story.narrated]


def speak(
    narrated: Narrated, voice: Voice, asked: Asked, settings: RenderSettings, length: float, out: Path
) -> list[ClipReport]:
    """Speak all narrations, fit them into their clips and write their WAV files.

    What the voice has spoken before is kept for later, so only what changed is spoken.

    Args:
        narrated: the story.
        voice: who speaks.
        asked: settings.
        settings: where voices keep things, and whether a voice that seems not to know the language is used.
        length: length of the video, in seconds.
        out: the output folder.

    Raises:
        InputError: the voice does not know the language, or fails.
    """
    from vn.voice.fit import Line, fit_each
    from vn.voice.fit_settings import FitSettings
    from vn.voice.kept import KeptVoice
    from vn.voice.pace import pace_of
    from vn.voice.suits import check_suits

    language = narrated.story.language
    kept = voice if isinstance(voice, KeptVoice) else KeptVoice(voice, settings.voices)
    check_suits(kept, language, settings.force_voice, kept.folder)
    pace = None if kept.is_recorded else pace_of(kept, language, kept.folder)
    lines = [Line(*line) for line in lines_of(narrated, length)]
    reports = {each.clip: each for each in silent(narrated, length)}
    (out / FOLDER).mkdir(exist_ok=True)
    how = FitSettings(overflow=asked.overflow, end=length)
    for spoken in fit_each(lines, kept, language, pace, how):  # narrations of punctuation alone are not spoken
        file = f"{FOLDER}/{spoken.clip:03}.wav"
        write_wav(out / file, spoken.speech)
        reports[spoken.clip] = replace(
            reports[spoken.clip],
            voice_start=spoken.start,
            voice_end=spoken.end,
            speed=spoken.speed,
            over=spoken.over,
            file=file,
        )
    return [*reports.values()]


def placed(reports: Sequence[ClipReport], out: Path) -> list[Placed]:
    """The spoken clips as the mix needs them."""
    return [
        Placed(out / each.file, each.voice_start, each.voice_end - each.voice_start)
        for each in reports
        if each.file is not None and each.voice_start is not None and each.voice_end is not None
    ]
