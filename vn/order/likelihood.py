"""The order in which a trained narrator finds its labels and narrations the most probable.

log P(order) = sum over clips of  log P(label, narration | text of the clips before, memory of their frames, this clip's
frames, its relative position)  +  what training stories say of label after label (`vn.order.label_order`).

A narrator knows what to say about frames, not which frames come when. So its probability has what depends on the place:
labels that fit one half of a video only, points of the knowledge list that are used up, things that are recalled. What
comes when is in the labels of the training stories; docs/ordering.md has what each part gives.

The narrator reads some orders, with every clip that may come next after each of their beginnings; from these scores
follows what it would say of any other order (`vn.order.influence`), and all of them are compared. A beginning has a
slot of the cache with its text, and the clips that may come next are forks of it (`vn.generation.decoder.Fork`): one
pass of the model scores them all.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vn.adapter import Assembly
from vn.errors import InputError
from vn.generation.decoder import Decoder, Fork, Read, Request, Slot, visual_tokens
from vn.llm.rows import RowBuilder
from vn.order.clips import Clips
from vn.order.influence import Influence, ReadClip
from vn.order.label_order import WIDTH, LabelOrder
from vn.order.search import Found, search
from vn.order.votes import Order
from vn.prompt import Written
from vn.story import Story
from vn.visual.plan import VisualPlan, VisualPlans

LEAST = 4  # orders that are read of few clips


@dataclass(frozen=True, slots=True)
class LikelihoodSettings:
    """How probabilities are weighed; chosen on the validation videos of the demo (docs/ordering.md).

    Attributes:
        orders: how many orders are read; None: half as many as there are clips, as an even number, and at least 4.
            Each takes at most a pass per clip, and so all of them at most n^2.
        label: weight of the log probability of labels.
        narration: weight of that of narrations. It is below 1, since neighbouring terms depend on the same frames and
            texts, and so are too sure of themselves together.
        transitions: weight of that of label after label in training stories; 0: the narrator alone.
        doubt: share of its probability that a label gets whatever the narrator says, so that none is impossible.
    """

    orders: int | None = None
    label: float = 1.0
    narration: float = 0.5
    transitions: float = 1.0
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
        settings: weights, and how much is read.

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
        settings, count = self.settings, len(clips)
        influence = Influence([clip.duration for clip in clips.story.clips], self._read_orders(job))
        after = known.next(labels) if known is not None and settings.transitions else None
        sets: dict[frozenset[int], dict[int, float]] = {}

        def own(order: Order) -> dict[int, float]:
            if (before := frozenset(order)) not in sets:
                told = settings.narration * influence.narration(order)
                named = {clip: settings.label * influence.label(clip, order) for clip in _left(count, order)}
                sets[before] = {clip: float(told[clip]) + value for clip, value in named.items()}
            return sets[before]

        def score(beginnings: Sequence[Order]) -> list[dict[int, float]]:
            if after is None:
                return [own(order) for order in beginnings]
            pairs = zip(beginnings, after(beginnings), strict=True)
            return [{c: x + settings.transitions * usual[c] for c, x in own(order).items()} for order, usual in pairs]

        def rest(order: Order) -> float:
            alone = [known.alone(labels[clip]) for clip in _left(count, order)] if known is not None else []
            return sum(own(order).values()) + settings.transitions * sum(alone)

        return search(count, score, rest, WIDTH)

    def _read_orders(self, job: _Job) -> list[ReadClip]:
        """The scores of every clip that may come next in some orders, which do not depend on the order given."""
        count, doubt = len(job.clips), self.settings.doubt
        read = []
        orders = some_orders(job.clips, self.settings.orders or max(LEAST, 2 * math.ceil(count / 4)))
        for length in range(count):
            beginnings = list(dict.fromkeys(order[:length] for order in orders))
            for order, scored in zip(beginnings, self.score(job, beginnings), strict=True):
                for clip, each in scored.items():
                    label = math.log((1 - doubt) * math.exp(each.label) + doubt + 1e-30)
                    read.append(ReadClip(order, clip, label, each.narration))
        return read

    @torch.inference_mode()
    def score(self, job: _Job, beginnings: Sequence[Order]) -> list[Mapping[int, Scored]]:
        """The log probabilities of every clip that may come next, in one pass if memory allows.

        Args:
            job: the clips.
            beginnings: orders of some of the clips; none has all.
        """
        every = []
        for order in beginnings:
            left = _left(len(job.clips), order)
            every.append({clip: self._next(job, order, clip, left) for clip in left})
        return self._read(every)

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


def some_orders(clips: Clips, count: int) -> list[Order]:
    """Random orders, each followed by its reverse, so that every clip is as often before another as after it.

    They depend on what the clips are, not on the order in which they were given.

    Args:
        clips: the clips, with texts.
        count: number of orders.
    """
    own = clips.story.clips

    def key(clip: int) -> tuple[str, list[str], float, str]:
        frames = clips.frames[clip].features.tobytes() if clips.frames else b""  # clips may have the same texts
        names = [label.name for label in own[clip].labels or ()]
        length = round(own[clip].duration, 3)  # times that were added up in another order differ in their last digits
        return own[clip].narration or "", names, length, hashlib.sha256(frames).hexdigest()

    places = sorted(range(len(own)), key=key)
    rng = random.Random(f"orders of {len(own)}")
    orders: list[Order] = []
    while len(orders) < count:
        rng.shuffle(places)
        orders += [tuple(places), tuple(reversed(places))]
    return orders[:count]


def _left(count: int, order: Order) -> list[int]:
    return [clip for clip in range(count) if clip not in order]
