"""From a story to the text segments a language model reads and writes (docs/method.md#prompt).

A prompt is a sequence of segments, each tokenised alone, so that a clip's text gives the same tokens
whether it is read from the file, was just written by the model, or is in a packed row:

  instruction · product · clip 1: header, words, label, narration · ... · clip i: header, SCENE, words, label, narration
                          `------ text of the earlier clips ------'              visual tokens          `- supervised -'

A template may have text of its own between the product and clip 1.

The wording is that of a `vn.template.Template`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vn.errors import InputError
from vn.story import Labels, Story, WordRange, format_labels
from vn.template import Template

Role = Literal["given", "visual", "label", "narration"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a prompt that is tokenised alone.

    Attributes:
        text: its text; empty for the visual segment, whose place the visual tokens take.
        role: ``label`` and ``narration`` are written by the model and supervised in training.
    """

    text: str
    role: Role = "given"


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a clip: its word range, labels and narration.

    Labels are None without a storyline, and empty if a model wrote something that is not a label.
    """

    words: WordRange
    labels: Labels | None
    narration: str


class PromptWriter:
    """Writes the segments of one story's prompts.

    Args:
        story: the story; labels and narrations in it are not used unless passed to a method.
        template: the wording.
        storyline: whether labels are written; False is the paper's ablation b.
    """

    def __init__(self, story: Story, template: Template, storyline: bool = True) -> None:
        self.story = story
        self.template = template
        self.storyline = storyline and template.storyline

    @property
    def points(self) -> int:
        """How many knowledge points the story has."""
        return sum(len(k.points) for k in self.story.knowledge)

    def head(self, points_dropped: int = 0) -> list[Segment]:
        """Instruction, product information, and the template's text between them and the first clip.

        Args:
            points_dropped: leave out this many knowledge points, from the end.
        """
        t = self.template
        segments = [Segment(t.instruction if self.storyline else t.instruction_without_storyline)]
        segments.append(Segment(t.title.format(title=self.story.title)))
        left = self.points - points_dropped
        for knowledge in self.story.knowledge:
            points = knowledge.points[: max(0, left)]
            left -= len(points)
            if points:
                line = t.aspect.format(aspect=knowledge.aspect, points=t.separator.join(points))
                segments.append(Segment(line))
        between = t.before_clips if self.storyline else t.before_clips_without_storyline
        return [*segments, Segment(between)] if between else segments

    def opening(self, clip: int, words: WordRange, scene: bool) -> list[Segment]:
        """A clip up to where its label is written (or, without a storyline, its narration).

        Args:
            clip: from 0.
            words: the clip's word range.
            scene: whether the visual tokens come here: only for the clip being narrated.
        """
        t = self.template
        header = t.header[t.clip_header].format(index=clip + 1, total=len(self.story.clips))
        segments = [Segment(header)]
        if scene:
            segments += [Segment(t.scene[0]), Segment("", "visual"), Segment(t.scene[1])]
        segments.append(Segment(t.words.format(low=words.low, high=words.high)))
        segments.append(Segment(t.label) if self.storyline else self.narration_lead(clip))
        return segments

    def narration_lead(self, clip: int) -> Segment:
        """The text between the label and the narration."""
        return Segment(self.template.narration.format(index=clip + 1))

    def label(self, labels: Labels) -> list[Segment]:
        """The label and the newline that ends it."""
        return [Segment(format_labels(labels, self.story.language), "label"), Segment("\n", "label")]

    def narration(self, narration: str) -> list[Segment]:
        """The narration and the newline that ends it."""
        return [Segment(narration, "narration"), Segment("\n", "narration")]

    def clip(self, clip: int, written: Written, scene: bool) -> list[Segment]:
        """A whole clip: with its visual tokens if it is the one being narrated, else its text alone."""
        segments = self.opening(clip, written.words, scene)
        if self.storyline:
            if written.labels is None:
                raise InputError(
                    "no script label; give one, or train and test without a storyline",
                    sample=self.story.id,
                    field=f"clips[{clip}].labels",
                )
            segments += [*self.label(written.labels), self.narration_lead(clip)]
        return segments + self.narration(written.narration)

    def earlier(self, written: Sequence[tuple[int, Written]]) -> list[Segment]:
        """The text of earlier clips: nothing here is supervised, whatever its role was."""
        return [Segment(s.text) for clip, w in written for s in self.clip(clip, w, scene=False)]
