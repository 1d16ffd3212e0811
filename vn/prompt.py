"""From a story to the text segments a language model reads and writes (docs/method.md#prompt).

A prompt is a sequence of segments, each tokenised alone, so that a clip's text gives the same tokens
whether it is read from the file, was just written by the model, or is in a packed row:

  instruction · product · clip 1: header, words, label, narration · ... · clip i: header, SCENE, words, label, narration
                          `------ text of the earlier clips ------'              visual tokens          `- supervised -'

A template may have text of its own between the product and clip 1, and may open turns of a dialogue. If the model is
shown the whole video rather than the clip, SCENE comes once, before the instruction, where each of its frames has the
same position in all prompts.

The wording is that of a `vn.template.Template`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vn.errors import InputError
from vn.story import Labels, Story, WordRange, format_labels
from vn.template import Place, Template

Role = Literal["given", "visual", "turn", "label", "narration"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a prompt that is tokenised alone.

    Attributes:
        text: its text; empty for the visual segment, whose place the visual tokens take.
        role: ``label`` and ``narration`` are written by the model and supervised in training; ``turn`` opens a turn of
            a dialogue.
        turn: name of the turn. A model that knows it gets its ids (`vn.llm.tokens.SegmentTokenizer.turn`), any other
            the text.
    """

    text: str
    role: Role = "given"
    turn: str = ""


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
        scene_in_head: whether the visual tokens come once, at the beginning, rather than in the clip being narrated.
    """

    def __init__(self, story: Story, template: Template, storyline: bool = True, scene_in_head: bool = False) -> None:
        self.story = story
        self.template = template
        self.storyline = storyline and template.storyline
        self.scene_in_head = scene_in_head

    @property
    def points(self) -> int:
        """How many knowledge points the story has."""
        return sum(len(k.points) for k in self.story.knowledge)

    def head(self, points_dropped: int = 0) -> list[Segment]:
        """The whole video's scene, instruction, product information, and the template's text before the first clip.

        Args:
            points_dropped: leave out this many knowledge points, from the end.
        """
        t = self.template
        segments = self._turn("head")
        if self.scene_in_head:
            segments += self._scene()
        segments.append(Segment(t.instruction if self.storyline else t.instruction_without_storyline))
        segments.append(Segment(t.title.format(title=self.story.title)))
        left = self.points - points_dropped
        for aspect, knowledge in enumerate(self.story.knowledge):
            if left <= 0:
                break
            if knowledge.points:
                segments.append(self.aspect(aspect, left))
            left -= len(knowledge.points)
        between = t.before_clips if self.storyline else t.before_clips_without_storyline
        return [*segments, Segment(between)] if between else segments

    def aspect(self, number: int, points: int) -> Segment:
        """The line of an aspect, with its first points only."""
        t, knowledge = self.template, self.story.knowledge[number]
        return Segment(t.aspect.format(aspect=knowledge.aspect, points=t.separator.join(knowledge.points[:points])))

    def opening(self, clip: int, words: WordRange, scene: bool) -> list[Segment]:
        """A clip up to where its label is written (or, without a storyline, its narration).

        Args:
            clip: from 0.
            words: the clip's word range.
            scene: whether the visual tokens come here: only for the clip being narrated.
        """
        t = self.template
        story, here = self.story, self.story.clips[clip]
        start, end = (f"{story.time(second):02}" for second in (here.start, here.end))
        header = t.header[t.clip_header].format(index=clip + 1, total=len(story.clips), start=start, end=end)
        segments = [*self._turn("query"), Segment(header)]
        if scene and not self.scene_in_head:
            segments += self._scene()
        segments.append(Segment(t.words.format(low=words.low, high=words.high)))
        segments += self._turn("answer")
        segments.append(Segment(t.label) if self.storyline else self.narration_lead(clip))
        return segments

    def _scene(self) -> list[Segment]:
        before, after = self.template.scene
        return [Segment(before), Segment("", "visual"), Segment(after)]

    def _turn(self, place: Place) -> list[Segment]:
        """What opens a turn at a place of the prompt; empty if the template has no turns."""
        turn = self.template.turns.get(place)
        return [Segment(turn.text, "turn", turn.name)] if turn else []

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

    def without_scene(self, segments: list[Segment]) -> list[Segment]:
        """A clip without its visual tokens, as later clips' prompts have it."""
        for n, segment in enumerate(segments):
            if segment.role == "visual":
                return [*segments[: n - 1], *segments[n + 2 :]]
        return segments

    def earlier(self, written: Sequence[tuple[int, Written]]) -> list[Segment]:
        """The text of earlier clips: nothing here is supervised, whatever its role was."""
        segments = (s for clip, w in written for s in self.clip(clip, w, scene=False))
        return [s if s.role == "turn" else Segment(s.text) for s in segments]
