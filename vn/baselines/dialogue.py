"""The dialogue about a video: all clips in one request or clip by clip; what is faulty or too long is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vn.baselines.answers import AnswerReader, ClipAnswer
from vn.baselines.counts import Counts
from vn.baselines.prompts import ChatPrompt, ClipBrief
from vn.endpoints.chat import ChatModel, Message
from vn.prompt import Written
from vn.story import Labels, Story, WordRange, count_words
from vn.written import WrittenClip

FORM_TOKENS = 32  # room in an answer for a clip's name and the beginnings of its lines
TOKENS_PER_WORD = 4  # per word of the range's upper end; a Chinese character may take two or three

Grouping = Literal["all", "video"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often clips are asked for.

    Attributes:
        grouping: ``all`` clips of a video in one request, or one dialogue per ``video``, in which each request is about
            one clip and earlier answers are the history.
        attempts: how often a clip is asked for until it can be read.
        length_retries: how often it is asked for again if its narration is out of range.
    """

    grouping: Grouping = "all"
    attempts: int = 3
    length_retries: int = 1


class Dialogue:
    """Asks a chat model for the clips of one video after another.

    Args:
        model: the model.
        prompt: writes the messages.
        reader: reads the answers.
        patience: how often it asks.
        counts: takes the number of faults by kind (``fault.no_label``), of clips asked for again because they could not
            be read (``asked_again``) or were out of range (``asked_again_for_length``), that stayed empty (``empty``)
            or out of range (``out_of_range``).
    """

    def __init__(
        self, model: ChatModel, prompt: ChatPrompt, reader: AnswerReader, patience: Patience, counts: Counts
    ) -> None:
        self.model = model
        self.prompt = prompt
        self.reader = reader
        self.patience = patience
        self.counts = counts
        self.storyline = prompt.template.storyline

    def write(
        self, story: Story, briefs: Sequence[ClipBrief], examples: Sequence[tuple[Story, Sequence[ClipBrief]]] = ()
    ) -> list[WrittenClip]:
        """Write the clips of a video.

        Args:
            story: its title and knowledge.
            briefs: its clips.
            examples: other stories, with labels (if the domain has any) and narrations.

        Raises:
            InputError: the model failed.
        """
        messages = [Message("system", self.prompt.system())]
        for shown, clips in examples:
            messages += self._example(shown, clips)
        head = len(messages)
        written = []
        for group in self._groups(briefs):
            asked = {brief.clip: brief for brief in group if brief.narration is None}
            here = Message("user", self._question(None if len(messages) > head else story, group))
            got = self._ask([*messages, here], asked) if asked else {}
            answers = []
            for brief in group:
                clip, answer = self._written(brief, got.get(brief.clip))
                written.append(clip)
                answers += [answer] if answer else []
            if answers:  # a clip that stayed empty leaves no turn behind
                messages += [here, Message("assistant", "\n".join(answers))]
        return written

    def _groups(self, briefs: Sequence[ClipBrief]) -> list[Sequence[ClipBrief]]:
        return [briefs] if self.patience.grouping == "all" else [[brief] for brief in briefs]

    def _question(self, story: Story | None, briefs: Sequence[ClipBrief]) -> str:
        """A user's turn: the product (the first time), what is known about clips, and the form to fill in."""
        parts = [] if story is None else [self.prompt.product(story)]
        parts += [self.prompt.brief(brief) for brief in briefs]
        asked = {brief.clip: brief.labels for brief in briefs if brief.narration is None}
        return "\n".join([*parts, *([self.prompt.request(asked)] if asked else [])])

    def _example(self, story: Story, briefs: Sequence[ClipBrief]) -> list[Message]:
        """The dialogue about a story that has been written."""
        messages: list[Message] = []
        for group in self._groups(briefs):
            bare = [self._as_asked(brief) for brief in group]
            question = self._question(story if not messages else None, bare)
            answers = [
                self.prompt.answer(brief.clip, None if self.prompt.given else brief.labels, brief.narration or "")
                for brief in group
            ]
            messages += [Message("user", question), Message("assistant", "\n".join(answers))]
        return messages

    def _as_asked(self, brief: ClipBrief) -> ClipBrief:
        labels = brief.labels if self.prompt.given else None
        return ClipBrief(brief.clip, brief.words, brief.captions, brief.on_screen, labels)

    def _ask(self, messages: Sequence[Message], asked: Mapping[int, ClipBrief]) -> dict[int, ClipAnswer | str]:
        """Ask for clips until all can be read and are in range, or patience ends.

        Returns:
            By clip what it became, or the kind of its last fault.
        """
        answers, faults = self._until_read(messages, asked)
        kept = self._until_in_range(messages, asked, answers)
        return {**faults, **kept}

    def _until_read(
        self, messages: Sequence[Message], asked: Mapping[int, ClipBrief]
    ) -> tuple[dict[int, ClipAnswer], dict[int, str]]:
        answers: dict[int, ClipAnswer] = {}
        faults: dict[int, str] = {}
        given = {clip: brief.labels for clip, brief in asked.items()}
        turns: list[Message] = list(messages)
        for attempt in range(self.patience.attempts):
            wanted = [clip for clip in asked if clip not in answers]
            if attempt:
                self.counts.add("asked_again", len(wanted))
            answer, found, faults = self._request(turns, {clip: asked[clip] for clip in wanted})
            answers |= found
            if not faults:
                break
            before = turns
            why = {clip: self.prompt.fault(kind) for clip, kind in faults.items()}
            turns = _reply(messages, answer, self.prompt.again(why, given))
            if turns == before:  # the model would answer the same again
                break
        return answers, faults

    def _until_in_range(
        self, messages: Sequence[Message], asked: Mapping[int, ClipBrief], answers: Mapping[int, ClipAnswer]
    ) -> dict[int, ClipAnswer]:
        """Ask again for narrations that are out of range; of each the nearest to its range is kept."""
        best, last = dict(answers), dict(answers)
        for _ in range(self.patience.length_retries):
            out = {clip for clip in best if self._off(best[clip], asked[clip].words)}
            if not out:
                break
            said = "\n".join(self.prompt.answer(clip, last[clip].labels, last[clip].narration) for clip in sorted(last))
            why = {clip: self.prompt.out_of_range(last[clip].narration, asked[clip].words) for clip in out}
            self.counts.add("asked_again_for_length", len(out))
            given = {clip: brief.labels for clip, brief in asked.items()}
            turns = _reply(messages, said, self.prompt.again(why, given))
            _, found, _ = self._request(turns, {clip: asked[clip] for clip in sorted(out)})
            if all(last[clip] == new for clip, new in found.items()):  # the model would answer the same again
                break
            last |= found
            for clip, new in found.items():
                if self._off(new, asked[clip].words) < self._off(best[clip], asked[clip].words):
                    best[clip] = new
        return best

    def _request(
        self, turns: Sequence[Message], asked: Mapping[int, ClipBrief]
    ) -> tuple[str, dict[int, ClipAnswer], dict[int, str]]:
        room = sum(FORM_TOKENS + TOKENS_PER_WORD * brief.words.high for brief in asked.values())
        reply = self.model.ask(turns, room)
        wanted = {clip: brief.labels if self.storyline else None for clip, brief in asked.items()}
        reading = self.reader.read(reply.text, wanted, cut_off=reply.cut)
        for kind in (*reading.faults.values(), *reading.besides):
            self.counts.add(f"fault.{kind}")
        return reply.text, reading.answers, reading.faults

    def _off(self, answer: ClipAnswer, words: WordRange) -> int:
        """How many words a narration has too few or too many."""
        count = count_words(answer.narration, self.prompt.language)
        return max(0, words.low - count, count - words.high)

    def _written(self, brief: ClipBrief, got: ClipAnswer | str | None) -> tuple[WrittenClip, str | None]:
        """A clip as it is kept, and as it is in the history; None if it stayed empty."""
        given = brief.labels if self.storyline else None
        if brief.narration is not None:
            answer = self.prompt.answer(brief.clip, None if self.prompt.given else given, brief.narration)
            return WrittenClip(brief.clip, Written(brief.words, given, brief.narration), given), answer
        if not isinstance(got, ClipAnswer):
            self.counts.add("empty")
            labels: Labels | None = given if given is not None or not self.storyline else ()
            why = f"could not be read ({(got or 'empty').replace('_', ' ')})"
            return WrittenClip(brief.clip, Written(brief.words, labels, ""), given, problem=why), None
        problem = None
        if self._off(got, brief.words):
            self.counts.add("out_of_range")
            count = count_words(got.narration, self.prompt.language)
            problem = f"{count} words instead of {brief.words.low} to {brief.words.high}"
        labels = given if given is not None else got.labels
        answer = self.prompt.answer(brief.clip, got.labels, got.narration)
        return WrittenClip(brief.clip, Written(brief.words, labels, got.narration), given, problem=problem), answer


def _reply(messages: Sequence[Message], answer: str, question: str) -> list[Message]:
    """The dialogue with one more answer and question; an empty answer is left out, since some models refuse one."""
    if answer.strip():
        return [*messages, Message("assistant", answer), Message("user", question)]
    *before, last = messages
    return [*before, Message(last.role, f"{last.text}\n{question}", last.frames)]
