"""What a chat model reads about a story, and how an answer is written, in the wording of a template.

Everything that comes from a story, a caption or the screen becomes one line of a message's text: whatever it holds, it
is never a line of the form, a turn of the dialogue, or a format string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vn.baselines.chat_template import ChatTemplate
from vn.story import Labels, Language, ScriptLabel, Story, WordRange, count_words, format_labels


@dataclass(frozen=True, slots=True)
class ClipBrief:
    """What a chat model gets to know about a clip.

    Attributes:
        clip: its number, from 0.
        words: its word range.
        captions: what its key frames show, in order.
        on_screen: texts on its frames, in order.
        labels: its labels, if they are given.
        narration: its narration, if that is given: then it is not asked for.
    """

    clip: int
    words: WordRange
    captions: Sequence[str]
    on_screen: Sequence[str] = ()
    labels: Labels | None = None
    narration: str | None = None


class ChatPrompt:
    """Writes the messages about stories.

    Args:
        template: the wording.
        language: language of the stories.
        given: whether the storyline is given for all clips, so that labels need no explanation.
    """

    def __init__(self, template: ChatTemplate, language: Language, given: bool) -> None:
        self.template = template
        self.language = language
        self.given = given

    def system(self) -> str:
        """Role, task, script labels and the form of an answer."""
        texts = self.template.texts
        if self.template.storyline and self.given:
            return texts["system_given"].strip()
        labels = "\n".join(f"{each.text(self.language)}: {each.definition(self.language)}" for each in ScriptLabel)
        return texts["system"].format(labels=labels).strip()

    def product(self, story: Story) -> str:
        """The facts of a story: title and knowledge."""
        texts = self.template.texts
        lines = [texts["title"].format(title=one_line(story.title))]
        for each in story.knowledge:
            points = texts["separator"].join(map(one_line, each.points))
            if points:
                lines.append(texts["aspect"].format(aspect=one_line(each.aspect), points=points))
        return "\n".join([*lines, texts["before_clips"]])

    def brief(self, brief: ClipBrief) -> str:
        """What is known about a clip."""
        texts = self.template.texts
        lines = [self.name(brief.clip)]
        captions = [line for line in map(one_line, brief.captions) if line]
        joined = texts["caption_separator"].join(captions)
        lines.append(texts["scene"].format(captions=joined) if captions else texts["no_scene"])
        if brief.on_screen:
            seen = texts["separator"].join(map(one_line, brief.on_screen))
            lines.append(texts["on_screen"].format(texts=seen))
        lines.append(texts["words"].format(low=brief.words.low, high=brief.words.high))
        if self.template.storyline and brief.labels is not None:
            lines.append(self._line("label", format_labels(brief.labels, self.language)))
        if brief.narration is not None:
            lines.append(self._line("narration", one_line(brief.narration)))
        return "\n".join(lines)

    def request(self, asked: Mapping[int, Labels | None]) -> str:
        """The form to fill in, at the end of a question.

        Args:
            asked: the clips that are asked for, with their labels if those are given.
        """
        return self.template.texts["request"].format(form=self._form(asked))

    def answer(self, clip: int, labels: Labels | None, narration: str) -> str:
        """A clip as it is asked for; without labels if they were given."""
        lines = [self.name(clip)]
        if self.template.storyline and labels is not None:
            lines.append(self._line("label", format_labels(labels, self.language)))
        return "\n".join([*lines, self._line("narration", one_line(narration))])

    def again(self, faults: Mapping[int, str], asked: Mapping[int, Labels | None]) -> str:
        """The message that asks for clips again.

        Args:
            faults: what is wrong with each of them, in words.
            asked: as for `request`, those with faults at least.
        """
        texts = self.template.texts
        problems = "\n".join(
            texts["problem"].format(clip=self.name(clip), problem=why) for clip, why in sorted(faults.items())
        )
        return texts["again"].format(problems=problems, form=self._form({clip: asked[clip] for clip in sorted(faults)}))

    def fault(self, kind: str) -> str:
        """A kind of fault in words."""
        return self.template.problems[kind]

    def out_of_range(self, narration: str, words: WordRange) -> str:
        """How long a narration is, and how long it should be."""
        count = count_words(narration, self.language)
        return self.template.problems["out_of_range"].format(count=count, low=words.low, high=words.high)

    def name(self, clip: int) -> str:
        """A clip's name: the first line of its part of an answer."""
        return self.template.texts["clip"].format(index=clip + 1).strip()

    def _form(self, asked: Mapping[int, Labels | None]) -> str:
        """The lines of an answer without what is to be filled in."""
        lines = []
        for clip, labels in asked.items():
            lines.append(self.name(clip))
            if self.template.storyline and labels is None:
                lines.append(self.template.texts["label"].strip())
            lines.append(self.template.texts["narration"].strip())
        return "\n".join(lines)

    def _line(self, field: str, text: str) -> str:
        lead = self.template.texts[field].strip()
        return f"{lead}{'' if lead.endswith('：') else ' '}{text}"


def one_line(text: str) -> str:
    """A text in one line, its words one blank apart."""
    return " ".join(text.split())
