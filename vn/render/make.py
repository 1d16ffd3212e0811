"""A narrated story as a video that speaks: see `render_story`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.data.video import VideoReader
from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.hashes import hash_file
from vn.io.lock import claim
from vn.render.burn import Burner, find_font
from vn.render.editors import kinds_there
from vn.render.encode import Encoder
from vn.render.made_from import files_of, key_of, still_there
from vn.render.mux import Film, write_film
from vn.render.report import FORMAT, NAME, clips_of, read_report, write_report
from vn.render.settings import Asked, RenderSettings, filled
from vn.render.sound import Sound
from vn.render.speaking import FOLDER, ClipReport, lines_of, placed, silent, speak
from vn.render.story import Narrated, check_inputs, check_place, check_times, read_narrated, remember
from vn.render.subtitle_times import shown
from vn.subtitles.cues import srt, vtt

if TYPE_CHECKING:
    from vn.voice.speech import Voice

FILM, PAGE = "story.mp4", "story.html"
SUBTITLES = ("story.srt", "story.vtt")
METHOD = 1  # raised if the same input gives another film


@dataclass(frozen=True, slots=True)
class Rendered:
    """What `render_story` did.

    Attributes:
        folder: the output folder.
        title: title of the story.
        report: the content of its ``render.json``.
        clips: the narrated clips.
        made: names of the files that were written; empty if nothing had changed.
        findings: the warnings.
    """

    folder: Path
    title: str
    report: dict[str, Any]
    clips: Sequence[ClipReport]
    made: Sequence[str]
    findings: Findings


@dataclass(frozen=True, slots=True)
class Shape:
    """A video as it is shown.

    Attributes:
        start: when its first frame is shown, in seconds.
        length: when its last frame ends, in seconds.
        width: width of the frames, after rotation.
        height: height of the frames.
        rate: numerator and denominator of the frames per second.
    """

    start: float
    length: float
    width: int
    height: int
    rate: tuple[int, int]


def render_story(story: Path, out: Path | None, settings: RenderSettings, voice: Voice | None) -> Rendered:
    """Render a story: its film, the subtitles, a WAV file per clip, a report, the page, and files for editors.

    Only what has changed since the last rendering into the same folder is spoken and made again.

    Args:
        story: a ``story.json`` or its folder.
        out: the output folder; None: that of the story. No other process may be at work there.
        settings: what is asked for.
        voice: who speaks; None: nobody, so the film has the video's own sound and the subtitles.

    Raises:
        InputError: the story, its video or the voice is at fault, or the folder cannot be written.
    """
    findings = Findings()
    narrated = read_narrated(story, findings)
    out = narrated.file.parent if out is None else out
    asked = filled(settings, narrated.data, narrated.file, "none" if voice is None else voice.name)
    shape = shape_of(narrated.video)
    check_times(narrated, shape.length, findings)
    with claim(out, "vn render"):
        check_place(narrated, out)
        check_inputs(narrated, out / FILM, "" if voice is None else voice.name, out / FOLDER)
        return _Rendering(narrated, shape, asked, settings, voice, out, findings).run()


def shape_of(video: Path) -> Shape:
    """Read a video's header and first frame.

    Raises:
        InputError: the file is missing, or is not a video that can be decoded.
    """
    reader = VideoReader(video)
    frames = reader.frames()
    try:
        height, width = reader.picture(next(frames)[1]).shape[:2]
        start, length = reader.start, reader.duration
    finally:
        frames.close()  # type: ignore[attr-defined]
    if length is None:
        for _ in reader.frames():
            pass
        length = reader.end
    return Shape(start, length, width, height, (reader.rate.numerator, reader.rate.denominator))


@dataclass(slots=True)
class _Rendering:
    """One call of `render_story`; its arguments are described there."""

    narrated: Narrated
    shape: Shape
    asked: Asked
    settings: RenderSettings
    voice: Voice | None
    out: Path
    findings: Findings
    made: list[str] = field(default_factory=list)
    _film_warnings: list[str] = field(default_factory=list)

    def run(self) -> Rendered:
        old = read_report(self.out) or {}
        keys = old.get("made_from") or {}
        files = keys.get("files")
        spoken_key, film_key = self._keys()
        clips = self._spoken(old, spoken_key)
        names = [FILM, *SUBTITLES]
        if keys.get("film") == film_key and still_there(self.out, files, names):
            about = {name: old.get(name) for name in ("sound", "streams")}
            self._film_warnings = keys.get("film_warnings") or []
        else:
            about = self._film(clips)
        remember(self.narrated, self.asked, self.out, self.findings)  # what failed is not remembered
        whole = hash_file(self.out / "story.json")
        editors = kinds_there(self.out, old.get("editors"))
        wanted = set(self.settings.editors)
        page_is_there = keys.get("story") == whole and (self.out / PAGE).is_file()
        if not self.made and page_is_there and wanted <= {*editors}:
            return Rendered(self.out, self.narrated.story.title, old, clips, (), self.findings)
        editors = sorted({*wanted, *editors})
        wavs = [each.file for each in clips if each.file is not None]
        report = self._report(clips, about)
        report["editors"] = editors
        made_from = {"speech": spoken_key, "film": film_key, "story": whole, "film_warnings": self._film_warnings}
        report["made_from"] = {**made_from, "files": files_of(self.out, [*names, *wavs])}
        _remove_old(self.out, keys.get("files"), wavs)
        write_report(self.out, report)
        self.made.append(NAME)
        self._page_and_editors(editors)
        return Rendered(self.out, self.narrated.story.title, report, clips, self.made, self.findings)

    def _keys(self) -> tuple[str, str]:
        """Hashes of all that decides on the speech, and on the film."""
        narrated, asked, voice = self.narrated, self.asked, self.voice
        lines = lines_of(narrated, self.shape.length)
        who = None if voice is None else [voice.name, voice.fingerprint]
        speech = key_of(METHOD, lines, narrated.story.language, who, asked.overflow)
        font = None if asked.font is None or not asked.burn else hash_file(_font(asked.font))
        film = key_of(
            *(METHOD, speech, hash_file(narrated.video), narrated.story.title),
            *(asked.original_volume, asked.burn, font),
        )
        return speech, film

    def _spoken(self, old: dict[str, Any], key: str) -> list[ClipReport]:
        if self.voice is None:
            return silent(self.narrated, self.shape.length)
        keys = old.get("made_from") or {}
        clips = clips_of(old) if keys.get("speech") == key else None
        wavs = [each.file for each in clips or () if each.file is not None]
        if clips and still_there(self.out, keys.get("files"), wavs):
            spoken = {each.clip: each for each in clips}
            return [spoken.get(each.clip, each) for each in silent(self.narrated, self.shape.length)]
        clips = speak(self.narrated, self.voice, self.asked, self.settings, self.shape.length, self.out)
        self.made += [each.file for each in clips if each.file is not None]
        return clips

    def _film(self, clips: Sequence[ClipReport]) -> dict[str, Any]:
        """Write film and subtitles; what the report says of them."""
        narrated, asked, findings = self.narrated, self.asked, Findings()
        story = narrated.story
        lines = shown(clips, story.language, self.shape.height > self.shape.width)
        burner = None
        if asked.burn:
            texts = ["".join(text) for _, _, text in lines]
            burner = Encoder(narrated.video, Burner(lines, find_font(story.language, asked.font, texts)))
        sound = Sound(narrated.video, placed(clips, self.out), asked.original_volume, self.shape.length, findings)
        film = Film(
            *(narrated.video, story.title, story.language, lines, sound.blocks if sound.exists else None),
            *(self.voice is not None, burner),
        )
        why = write_film(film, self.out / FILM)
        write_text(self.out / SUBTITLES[0], srt(lines))
        write_text(self.out / SUBTITLES[1], vtt(lines))
        self.made += [FILM, *SUBTITLES]
        loud = sound.loudness
        loudness = (
            None if loud is None else {"integrated": round(loud.integrated, 1), "true_peak": round(loud.true_peak, 1)}
        )
        streams = {"video": "copied"} if why is None else {"video": "encoded", "why": why}
        self._film_warnings = findings.lines
        return {
            "sound": {"original_volume": asked.original_volume, "loudness": loudness},
            "streams": streams,
        }

    def _report(self, clips: Sequence[ClipReport], about: dict[str, Any]) -> dict[str, Any]:
        shape, voice = self.shape, self.voice
        warnings = [*self.findings.lines, *self._film_warnings]
        for each in clips:
            if each.over > 0:
                warnings.append(f"clips[{each.clip}].narration: the voice is {each.over:.1f} s too long")
        return {
            "format": FORMAT,
            "video": FILM,
            "language": self.narrated.story.language,
            "duration": round(shape.length, 3),
            "width": shape.width,
            "height": shape.height,
            "fps": list(shape.rate),
            "start": round(shape.start, 3),
            "voice": None if voice is None else _about(voice),
            **about,
            "clips": [each.to_dict() for each in clips if each.file is not None],
            "warnings": warnings,
        }

    def _page_and_editors(self, editors: Sequence[str]) -> None:
        from vn.render.page import write_page

        self.made.append(write_page(self.out).name)
        if editors:
            from vn.render.editors import write_editors

            self.made += [path.name for path in write_editors(self.out, editors)]


def _about(voice: Voice) -> dict[str, str]:
    """A voice for the report, which is handed on: nothing of a command's arguments, nor of a folder's path."""
    from vn.voice.names import recorded_name

    name = recorded_name(voice.name)
    return {"name": name, "fingerprint": voice.fingerprint if name == voice.name else key_of(voice.fingerprint)}


def _font(font: Path) -> Path:
    if not font.is_file():
        raise InputError("no such font", file=font, field="--font")
    return font


def _remove_old(folder: Path, files: Any, kept: Sequence[str]) -> None:
    """Remove the voices of clips that are no longer there; only files that an earlier rendering has written."""
    for name in files if isinstance(files, dict) else ():
        if name.startswith("voice/") and "/" not in name[6:] and name not in kept:
            with contextlib.suppress(OSError):
                (folder / name).unlink()
