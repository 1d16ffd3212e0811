"""A rendered story as an OpenTimelineIO timeline: its shots, the voice, the video's own sound, and markers.

Times are whole frames of the video's exact rate, each rounded by itself, so that no error adds up. The library's own
conversion, ``RationalTime.from_seconds(...).to_frames()``, is often a frame short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

import av
from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import Clip, ExternalReference, Gap, Marker, Timeline, Track

from vn.errors import InputError
from vn.io.paths import relative
from vn.render.stored import Stored
from vn.render.stored_render import Rendered, Spoken
from vn.story import format_labels

NOT_NARRATED = "not narrated"
Url = Callable[[Path, Path], str]  # a file and the folder from which it is seen -> its URL


def relative_url(file: Path, folder: Path) -> str:
    """The URL of a file relative to a folder."""
    return quote(relative(file, folder).removeprefix("./"))


def full_url(file: Path, folder: Path) -> str:
    """The ``file://`` URL of a file."""
    return file.resolve().as_uri()


def has_timecode(rate: Fraction) -> bool:
    """Whether a frame rate has an SMPTE timecode.

    >>> has_timecode(Fraction(30000, 1001)), has_timecode(Fraction(25)), has_timecode(Fraction(25, 2))
    (True, True, False)
    """
    return bool(RationalTime.is_valid_timecode_rate(float(rate)))


def timeline_of(stored: Stored, rendered: Rendered, url: Url) -> Timeline:
    """The timeline.

    The first track has the video, cut at the shots' borders; the second the voice, a WAV file per clip; the third the
    video's own sound. Time 0 is the start of playback, which is before the first frame if the sound starts first.

    Args:
        stored: the story.
        rendered: how it was rendered.
        url: gives the URL of a file, seen from the story's folder.

    Raises:
        InputError: the video is not found.
    """
    return _Builder(stored, rendered, url).timeline()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the video, in frames; `clip` is None if it has no narration."""

    start: int
    end: int
    clip: int | None


@dataclass(frozen=True, slots=True)
class _Builder:
    stored: Stored
    rendered: Rendered
    url: Url

    def timeline(self) -> Timeline:
        story, rendered = self.stored.story, self.rendered
        timeline = Timeline(_shown(story.title), global_start_time=self.time(0))
        timeline.metadata["vn"] = {"id": story.id, "language": story.language, "voice": rendered.voice or ""}
        media = self.stored.original or self.stored.video
        if media is None:
            raise InputError("the video is not found", file=self.stored.folder, sample=story.id, field="video")
        timeline.tracks.append(self.video_track(media))
        if rendered.spoken:
            timeline.tracks.append(self.voice_track())
        # The film's sound has the voice in it, so only the original video's is of use beside the voice.
        if self.stored.original is not None and _has_sound(self.stored.original):
            timeline.tracks.append(self.sound_track(self.stored.original))
        return timeline

    def frame(self, seconds: float) -> int:
        """The number of the frame nearest to a time."""
        return round(seconds * self.rendered.rate)

    def time(self, frames: int) -> RationalTime:
        return RationalTime(frames, float(self.rendered.rate))

    def span(self, start: int, end: int) -> TimeRange:
        return TimeRange(self.time(start), self.time(end - start))

    def gap(self, frames: int) -> Gap:
        return Gap(source_range=self.span(0, frames))

    def media(self, file: Path, start: int, end: int) -> ExternalReference:
        reference = ExternalReference(self.url(file, self.stored.folder), self.span(start, end))
        reference.name = file.name
        return reference

    def parts(self) -> Iterator[_Part]:
        """The parts of the whole video, one after another; clips that overlap end when the next one starts."""
        at, end = self.frame(self.rendered.start), self.frame(self.rendered.duration)
        clips = self.stored.story.clips
        for i, clip in enumerate(clips):
            first, last = max(at, self.frame(clip.start)), min(end, self.frame(clip.end))
            if i + 1 < len(clips):
                last = min(last, self.frame(clips[i + 1].start))
            if last <= first:
                continue
            if first > at:
                yield _Part(at, first, None)
            yield _Part(first, last, i)
            at = last
        if end > at:
            yield _Part(at, end, None)

    def video_track(self, media: Path) -> Track:
        track = Track("Video", kind="Video")
        first, end = self.frame(self.rendered.start), self.frame(self.rendered.duration)
        if first > 0:
            track.append(self.gap(first))
        for part in self.parts():
            span = self.span(part.start, part.end)
            item = Clip(NOT_NARRATED if part.clip is None else self.name(part.clip), None, span)
            # What is at a time of the timeline is at the same time of the video.
            item.media_reference = self.media(media, 0, end)
            if part.clip is not None:
                item.metadata["vn"] = self.about(part.clip)
                item.markers.append(self.marker(part.clip, span))
            track.append(item)
        return track

    def name(self, clip: int) -> str:
        labels = format_labels(self.stored.story.clips[clip].labels or (), self.stored.story.language)
        return f"{clip + 1} {labels}".strip()

    def about(self, clip: int) -> dict[str, object]:
        entry, made = self.stored.story.clips[clip], self.stored.made[clip]
        language = self.stored.story.language
        about: dict[str, object] = {
            "clip": clip,
            "start": entry.start,
            "end": entry.end,
            "labels": [label.text(language) for label in entry.labels or ()],
            "narration": _shown(entry.narration or ""),
        }
        if made.words is not None:
            about["word_range"] = [made.words.low, made.words.high]
        return about

    def marker(self, clip: int, span: TimeRange) -> Marker:
        """A marker over a whole clip: its labels, with the narration as comment."""
        narration = _shown(self.stored.story.clips[clip].narration or "")
        marker = Marker(self.name(clip), span, "GREEN")
        marker.comment = narration
        marker.metadata["fcp_xml"] = {"comment": narration}  # its adapter leaves the field out
        return marker

    def voice_track(self) -> Track:
        track = Track("Voice", kind="Audio")
        at = 0
        voices = sorted(self.rendered.spoken.items(), key=lambda each: each[1].start)
        for n, (clip, spoken) in enumerate(voices):
            if spoken.file is None:
                continue
            following = self.frame(voices[n + 1][1].start) if n + 1 < len(voices) else None
            start, end = self.voice_span(spoken, at, following)
            if start > at:
                track.append(self.gap(start - at))
            item = Clip(self.name(clip), None, self.span(0, end - start))
            item.media_reference = self.media(self.stored.folder / spoken.file, 0, end - start)
            item.metadata["vn"] = {
                "clip": clip,
                "start": spoken.start,
                "end": spoken.end,
                "narration": _shown(spoken.text),
            }
            track.append(item)
            at = end
        return track

    def voice_span(self, spoken: Spoken, at: int, following: int | None) -> tuple[int, int]:
        """First frame of a voice and the one after it; the last frame is whole, so that no sound is cut off."""
        start = max(at, self.frame(spoken.start))
        length = math.ceil(Fraction(spoken.end - spoken.start) * self.rendered.rate - Fraction(1, 1000))
        end = start + max(1, length)
        return start, end if following is None else max(start + 1, min(end, following))

    def sound_track(self, original: Path) -> Track:
        track = Track("Original sound", kind="Audio")
        end = self.frame(self.rendered.duration)
        item = Clip(original.name, None, self.span(0, end))
        item.media_reference = self.media(original, 0, end)
        track.append(item)
        return track


def _shown(text: str) -> str:
    """A text without control characters, which XML cannot hold."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _has_sound(video: Path) -> bool:
    try:
        with av.open(str(video.resolve()), metadata_errors="replace") as container:
            return bool(container.streams.audio)
    except av.error.FFmpegError:
        return False
