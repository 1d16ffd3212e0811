"""The order in which a trained narrator finds its labels and narrations the most probable.

log P(order) = sum over clips of  log P(label, narration | text of the clips before, memory of their frames, this clip's
frames, its relative position)  +  what training stories say of label after label (`vn.order.label_order`).

A narrator knows what to say about frames, not which frames come when. So its probability has what depends on the place:
labels that fit one half of a video only, points of the knowledge list that are used up, things that are recalled. What
comes when is in the labels of the training stories; docs/ordering.md has what each part gives.

One step of the search is one pass of the model: each beginning has a slot of the cache with its text, and every clip
that may come next is a fork of it (`vn.generation.decoder.Fork`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vn.adapter import Assembly
from vn.errors import InputError
from vn.generation.decoder import Decoder, Fork, Read, Request, Slot, visual_tokens
from vn.llm.rows import RowBuilder
from vn.order.clips import Clips
from vn.order.label_order import LabelOrder
from vn.order.search import Found, search
from vn.order.votes import Order
from vn.prompt import Written
from vn.story import Story
from vn.visual.plan import VisualPlan, VisualPlans

PLACES = 5  # at which a clip is scored alone, evenly from the first to the last


@dataclass(frozen=True, slots=True)
class LikelihoodSettings:
    """How probabilities are weighed; chosen on the validation videos of the demo (docs/ordering.md).

    Attributes:
        width: beginnings per step.
        label: weight of the log probability of labels. All weights are below 1, since neighbouring terms depend on the
            same frames and texts, and so are too sure of themselves together.
        narration: weight of that of narrations, most of whose words depend on no order.
        transitions: weight of that of label after label in training stories; 0: the narrator alone.
        doubt: share of its probability that a label gets whatever the narrator says, so that none is impossible.
    """

    width: int = 16
    label: float = 0.5
    narration: float = 0.25
    transitions: float = 0.5
    doubt: float = 0.1


@dataclass(frozen=True, slots=True)
class Scored:
    """The log probabilities of a clip's label and narration, each with the newline that ends it."""

    label: float
    narration: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A clip that may come next: its ids up to the narration, where its frames are, and what is scored."""

    ids: list[int]
    visual_at: int
    visual: torch.Tensor | None
    label: range
    narration: range

    def fork(self, at: int) -> Fork:
        """What is read of it after the first ids."""
        wanted = [n - at - 1 for n in (*self.label, *self.narration)]  # a token is predicted at the one before it
        return Fork(self.ids[at:], wanted, self.visual, self.visual_at - at)


@dataclass(frozen=True, slots=True)
class _Job:
    """Clips, and the token means of each clip's frames (`vn.llm.rows.RowBuilder.means`)."""

    clips: Clips
    means: Sequence[np.ndarray]


class Likelihood:
    """Scores orders with a narrator.

    Args:
        assembly: the narrator, in evaluation mode.
        settings: weights and width.

    Attributes:
        decoder: reads; counts passes.

    Raises:
        InputError: the narrator has no storyline, or sees the whole video for every clip.
    """

    def __init__(self, assembly: Assembly, settings: LikelihoodSettings | None = None) -> None:
        self.settings = settings or LikelihoodSettings()
        self.builder: RowBuilder = assembly.builder
        self._narrator = assembly.narrator
        if not self.builder.storyline:
            raise InputError(
                "the narrator was trained without a storyline, and its labels are needed", field="storyline"
            )
        if self.builder.shared_frames is not None:
            message = "the narrator is shown the whole video for every clip, and so would know the order"
            raise InputError(message, field="visual.scope")
        self.decoder = Decoder(assembly.narrator, static=False)
        self._slots: list[Slot] = []

    def order(self, clips: Clips, known: LabelOrder | None) -> Found:
        """Search the order of clips that have labels and narrations.

        Args:
            clips: the clips, with their frames.
            known: what training stories say; None if its weight is 0.

        Raises:
            InputError: a clip has no label or narration, or does not fit into the context.
        """
        labels = clips.labels
        for number, clip in enumerate(clips.story.clips):
            if clip.narration is None:
                raise InputError("has no narration", sample=clips.story.id, field=f"clips[{number}].narration")
        job = _Job(clips, [self.builder.means(each.features) for each in clips.frames])
        weight = self.settings.transitions
        after = known.next(labels) if known is not None and weight else None
        usual = [weight * known.alone(each) if known is not None else 0.0 for each in labels]
        alone = self._alone(job)

        def score(beginnings: Sequence[Order]) -> list[dict[int, float]]:
            sets = [frozenset(order) for order in beginnings]
            first = dict(zip(reversed(sets), reversed(beginnings), strict=True))  # the best of each set
            scored = dict(zip(first, self.score(job, list(first.values())), strict=True))
            before = after(beginnings) if after is not None else [dict.fromkeys(scored[each], 0.0) for each in sets]
            return [
                {clip: self._weighed(each) + weight * own[clip] for clip, each in scored[clips].items()}
                for clips, own in zip(sets, before, strict=True)
            ]

        def rest(order: Order) -> float:
            left = [clip for clip in range(len(clips)) if clip not in order]
            return sum(float(alone[clip, len(order) :].mean()) + usual[clip] for clip in left)

        return search(len(clips), score, rest, self.settings.width)

    def _weighed(self, scored: Scored) -> float:
        settings = self.settings
        label = math.log((1 - settings.doubt) * math.exp(scored.label) + settings.doubt + 1e-30)
        return settings.label * label + settings.narration * scored.narration

    @torch.inference_mode()
    def score(self, job: _Job, beginnings: Sequence[Order]) -> list[Mapping[int, Scored]]:
        """The log probabilities of every clip that may come next, in one pass if memory allows.

        Args:
            job: the clips.
            beginnings: orders of some of the clips; none has all.
        """
        every = []
        for order in beginnings:
            left = [clip for clip in range(len(job.clips)) if clip not in order]
            every.append({clip: self._next(job, order, clip, left) for clip in left})
        return self._read(every)

    def _alone(self, job: _Job) -> NDArray[np.float64]:
        """``[n, n]``: the weighed log probability of each clip at each place, without any text or frames before it."""
        count = len(job.clips)
        places = sorted({round(at) for at in np.linspace(0, count - 1, PLACES)})
        every = []
        for clip in range(count):
            others = [other for other in range(count) if other != clip]
            story = job.clips.arranged((clip,))
            plan = VisualPlans(
                job.means[clip], job.clips.seconds((clip,)), story, self.builder.visual, self.builder.threshold
            ).plan(0)
            every.append(
                {
                    place: self._candidate(
                        job.clips.arranged((*others[:place], clip, *others[place:])), place, [], plan,
                        job.clips.frames[clip].features,
                    )
                    for place in places
                }
            )  # fmt: skip
        found = self._read(every)
        return np.array(
            [np.interp(range(count), places, [self._weighed(own[place]) for place in places]) for own in found]
        )

    @torch.inference_mode()
    def _read(self, every: Sequence[Mapping[int, _Candidate]]) -> list[Mapping[int, Scored]]:
        """The log probabilities of candidates; those that are grouped begin with the same text."""
        asked: list[tuple[Slot, Request]] = []
        free = [*self._slots]
        for own in every:
            # Where a prompt was cut to fit, candidates differ in the text before them; a fork then begins with it.
            first = min(each.visual_at for each in own.values())
            texts = [each.ids[:first] for each in own.values()]
            trunk = texts[0][: _shared(texts)]
            slot = self._slot(trunk, free)
            forks = [each.fork(len(trunk)) for each in own.values()]
            asked.append((slot, Read(trunk[len(slot.ids) :], forks=forks)))
        found: list[Mapping[int, Scored]] = []
        for logits, own in zip(self.decoder.answer(asked), every, strict=True):
            targets = [each.ids[n] for each in own.values() for n in (*each.label, *each.narration)]
            odds = logits[1:].log_softmax(dim=1).gather(1, torch.tensor(targets, device=logits.device)[:, None])[:, 0]
            sizes = [size for each in own.values() for size in (len(each.label), len(each.narration))]
            sums = [float(part.sum()) for part in odds.cpu().split(sizes)]
            found.append({name: Scored(*sums[2 * n : 2 * n + 2]) for n, name in enumerate(own)})
        return found

    def _slot(self, trunk: Sequence[int], free: list[Slot]) -> Slot:
        """The free slot that has read the most of a text; what else it has read is forgotten."""
        if not free:
            self._slots.append(Slot(len(self._slots)))
            free.append(self._slots[-1])
        shared = [_shared([slot.ids, trunk[:-1]]) for slot in free]  # at least one id is read
        best = max(range(len(free)), key=shared.__getitem__)
        slot = free.pop(best)
        slot.keep(shared[best])
        return slot

    def _next(self, job: _Job, order: Order, clip: int, left: Sequence[int]) -> _Candidate:
        """A clip right after a beginning."""
        builder, so_far = self.builder, (*order, clip)
        shown = job.clips.arranged(so_far)
        means = np.concatenate([job.means[i] for i in so_far])
        plan = VisualPlans(means, job.clips.seconds(so_far), shown, builder.visual, builder.threshold).plan(len(order))
        earlier = [(number, builder.reference(shown, number)) for number in range(len(order))]
        story = job.clips.arranged((*so_far, *(other for other in left if other != clip)))
        features = np.concatenate([job.clips.frames[i].features for i in so_far])
        return self._candidate(story, len(order), earlier, plan, features)

    def _candidate(
        self,
        story: Story,
        number: int,
        earlier: Sequence[tuple[int, Written]],
        plan: VisualPlan,
        features: np.ndarray,
    ) -> _Candidate:
        """A clip with its label and narration.

        Args:
            story: the story of the video in which it is tried.
            number: which clip of it.
            earlier: the texts before it.
            plan: what is shown.
            features: the frames that the plan is made of.
        """
        builder = self.builder
        writer, own = builder.writer(story), builder.reference(story, number)
        labels, lead, narration = (
            [i for segment in segments for i in builder.ids(segment)]
            for segments in (
                writer.label(own.labels or ()),
                [writer.narration_lead(number)],
                writer.narration(own.narration),
            )
        )
        row = builder.prompt(story, plan, number, earlier, len(labels) + len(lead) + len(narration))
        begin = len(row.ids)
        end = begin + len(labels)
        return _Candidate(
            [*row.ids, *labels, *lead, *narration],
            row.visual,
            visual_tokens(self._narrator, row, features),
            range(begin, end),
            range(end + len(lead), end + len(lead) + len(narration)),
        )


def _shared(texts: Sequence[Sequence[int]]) -> int:
    """How many ids several texts begin with together."""
    longest = min(len(text) for text in texts)
    return next((n for n in range(longest) if any(text[n] != texts[0][n] for text in texts)), longest)
