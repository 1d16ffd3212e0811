"""The methods of ``vn order``, each a class that puts clips into order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from vn.order.clips import Clips
from vn.order.label_order import LabelOrder, by_places, by_transitions
from vn.order.votes import Order, expected_tau, settled

if TYPE_CHECKING:
    from vn.order.likelihood import Likelihood
    from vn.order.search import Found

Choose = Literal["votes", "best"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An order that was found.

    Attributes:
        order: the clips, by their numbers in the order given.
        expected: the tau that the method itself expects; None if it gives no probabilities.
        refused: why there is none, so that the order given is kept; empty if there is one.
    """

    order: Order
    expected: float | None = None
    refused: str = ""


class Method(Protocol):
    """Puts clips into order.

    Attributes:
        settings: what its orders depend on, besides clips and training stories.
        needs_texts: whether every clip must have labels and a narration.
        needs_narrations: whether labels without narrations are not enough.
    """

    settings: Mapping[str, Any]
    needs_texts: bool
    needs_narrations: bool

    def order(self, clips: Clips) -> Answer:
        """The order of two clips or more.

        Raises:
            InputError: a clip lacks what the method goes by, or nobody can be asked.
        """

    def report(self) -> Mapping[str, float]:
        """What it has cost so far."""


class ByLabels:
    """See `Method`.

    Args:
        known: the order of labels in the training stories.
    """

    needs_texts = True
    needs_narrations = False

    def __init__(self, known: LabelOrder) -> None:
        self.settings: Mapping[str, Any] = {}
        self._known = known

    def order(self, clips: Clips) -> Answer:
        """See `Method.order`."""
        return Answer(settled(by_places(self._known, clips.labels)))

    def report(self) -> Mapping[str, float]:
        """See `Method.report`."""
        return {}


class ByTransitions:
    """See `Method`.

    Args:
        known: the order of labels in the training stories.
        choose: the order of most votes, or the most probable one.
    """

    needs_texts = True
    needs_narrations = False

    def __init__(self, known: LabelOrder, choose: Choose = "votes") -> None:
        self.settings: Mapping[str, Any] = {"choose": choose}
        self._known, self._choose = known, choose

    def order(self, clips: Clips) -> Answer:
        """See `Method.order`."""
        return answer_of(by_transitions(self._known, clips.labels), self._choose)

    def report(self) -> Mapping[str, float]:
        """See `Method.report`."""
        return {}


class ByLikelihood:
    """See `Method`.

    Args:
        likelihood: scores orders.
        known: the order of labels in the training stories; None if it has no weight.
        choose: the order of most votes, or the most probable one.
    """

    needs_texts = True
    needs_narrations = True

    def __init__(self, likelihood: Likelihood, known: LabelOrder | None, choose: Choose = "votes") -> None:
        from dataclasses import asdict

        self.settings: Mapping[str, Any] = {"choose": choose, **asdict(likelihood.settings)}
        self._likelihood, self._known, self._choose = likelihood, known, choose

    def order(self, clips: Clips) -> Answer:
        """See `Method.order`."""
        return answer_of(self._likelihood.order(clips, self._known), self._choose)

    def report(self) -> Mapping[str, float]:
        """See `Method.report`."""
        decoder = self._likelihood.decoder
        return {"passes": decoder.passes, "tokens": decoder.tokens}


def answer_of(found: Found, choose: Choose) -> Answer:
    """The answer of a search: the order of most votes, or the most probable one."""
    order = settled(found.votes) if choose == "votes" else found.best
    return Answer(order, expected_tau(found.votes, order))
