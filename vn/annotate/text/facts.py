"""What is known of the product, as corrections are checked against it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from vn.annotate.stage import Before, RawVideo
from vn.annotate.text.amounts import Number, stated
from vn.story import Language


@dataclass(frozen=True)
class Facts:
    """A product's facts.

    Attributes:
        title: its title.
        aspects: points by aspect.
        language: language of both.
    """

    title: str
    aspects: tuple[tuple[str, tuple[str, ...]], ...]
    language: Language

    @classmethod
    def of(cls, video: RawVideo, before: Before) -> Facts:
        """The facts that the stage ``knowledge`` found for a video; a title that is only the video's id is none."""
        known = before.get("knowledge")
        if not known:
            return cls("", (), video.language)
        aspects = tuple((each["aspect"], tuple(each["points"])) for each in known["knowledge"])
        return cls("" if known["title"] == video.id else known["title"], aspects, video.language)

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """All points, then the title; each once."""
        points = [point for _, points in self.aspects for point in points]
        return tuple(dict.fromkeys(filter(None, (*points, self.title))))

    @cached_property
    def numbers(self) -> frozenset[Number]:
        """The numbers that the facts state."""
        return frozenset(each.number for phrase in self.phrases for each in stated(phrase, self.language))

    def lines(self) -> str:
        """The facts as lines of a prompt, each fact in one line whatever it holds."""
        one = " ".join(self.title.split())
        rows = [
            f"{' '.join(name.split())}: {'; '.join(' '.join(x.split()) for x in points)}"
            for name, points in self.aspects
        ]
        return "\n".join(filter(None, (one, *rows)))
