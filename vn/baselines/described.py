"""Videos in words, for language models that see nothing: captions, on-screen texts, word ranges, what is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vn.baselines.captions import Captioner
from vn.baselines.on_screen import OnScreen
from vn.baselines.prompts import ClipBrief
from vn.baselines.translate import Translator
from vn.baselines.writer import BaselineVideo
from vn.story import Fixed


@dataclass(frozen=True, slots=True)
class Describer:
    """Puts what is known about a video's clips into words.

    Attributes:
        captioner: describes key frames.
        translator: translates the captions; None leaves them as they are.
        on_screen: reads texts on frames; None leaves them out.
    """

    captioner: Captioner
    translator: Translator | None = None
    on_screen: OnScreen | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What the words depend on."""
        settings = dict(self.captioner.settings)
        if self.translator is not None:
            settings |= self.translator.settings
        if self.on_screen is not None:
            settings["on_screen_text"] = self.on_screen.id
        return settings

    def briefs(self, video: BaselineVideo) -> list[ClipBrief]:
        """What a language model gets to know about the clips to narrate, in order.

        Raises:
            InputError: a clip has no captions, or there are no frames for texts.
        """
        seen: Mapping[int, tuple[str, ...]] = {}
        if self.on_screen is not None:
            seen = self.on_screen.of(video, video.clips)
        briefs = []
        for clip in video.clips:
            captions = self.captioner.captions(video, clip)
            if self.translator is not None:
                captions = self.translator(captions)
            fixed = video.fixed.get(clip, Fixed())
            texts = seen.get(clip, ())
            briefs.append(ClipBrief(clip, video.words[clip], captions, texts, fixed.labels, fixed.narration))
        return briefs

    def report(self) -> dict[str, float]:
        """What was counted so far."""
        report = dict(self.captioner.report())
        if self.translator is not None:
            report |= self.translator.report()
        return report
